"""Reads how a model's functions are called: `ModelDescription` and `FeatureType`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .dtypes import ARRAY_NAMES
from .program import Description, Feature

MAIN = "main"

COLOURS = {10: "grayscale", 20: "rgb", 30: "bgr", 40: "grayscale_float16"}

KINDS = {
    "int64Type": "int64",
    "doubleType": "double",
    "stringType": "string",
    "imageType": "image",
    "multiArrayType": "tensor",
    "dictionaryType": "dictionary",
    "stateType": "state",
}
"""Field of `FeatureType` → the word for it. What is missing here (sequences) no ML Program takes or gives."""


def descriptions(message: Any, where: Path) -> tuple[str, dict[str, Description]]:
    """Read a `ModelDescription`: the name of the function that runs by default, and how each is called.

    Raises:
        ValueError: when a feature is of an unknown type, or the default function is not among them.
    """
    if not message.functions:
        return MAIN, {MAIN: _description(message, f"{where}: description")}
    named = {one.name: _description(one, f"{where}: description of {one.name!r}") for one in message.functions}
    default = message.defaultFunctionName
    if default not in named:
        raise ValueError(f"{where}: the default function {default!r} is not described; described are {sorted(named)}")
    return default, named


def _description(message: Any, where: str) -> Description:
    return Description(
        inputs=tuple(_feature(one, where) for one in message.input),
        outputs=tuple(_feature(one, where) for one in message.output),
        states=tuple(_feature(one, where) for one in message.state),
        predicted=message.predictedFeatureName,
    )


def _feature(message: Any, where: str) -> Feature:
    where = f"{where}: {message.name!r}"
    field = message.type.WhichOneof("Type")
    if field not in KINDS:
        raise ValueError(f"{where}: a feature of type {field or 'unknown'}")
    common = {"optional": message.type.isOptional, "description": message.shortDescription}
    if field == "imageType":
        return _image(message.name, message.type.imageType, where, common)
    if field == "multiArrayType":
        return _array(message.name, "tensor", message.type.multiArrayType, where, common)
    if field == "stateType":
        return _array(message.name, "state", message.type.stateType.arrayType, where, common)
    return Feature(name=message.name, kind=KINDS[field], **common)


def _array(name: str, kind: str, message: Any, where: str, common: dict[str, Any]) -> Feature:
    dtype = ARRAY_NAMES.get(message.dataType)
    if dtype is None:
        raise ValueError(f"{where}: unknown type of an array, {message.dataType}")
    field = message.WhichOneof("defaultOptionalValue")
    return Feature(
        name=name,
        kind=kind,
        dtype=dtype,
        shape=tuple(message.shape),
        shapes=tuple(tuple(one.shape) for one in message.enumeratedShapes.shapes),
        ranges=tuple(_range(one) for one in message.shapeRange.sizeRanges),
        default=float(getattr(message, field)) if field else None,
        **common,
    )


def _image(name: str, message: Any, where: str, common: dict[str, Any]) -> Feature:
    colour = COLOURS.get(message.colorSpace)
    if colour is None:
        raise ValueError(f"{where}: unknown colour space {message.colorSpace}")
    flexible = message.WhichOneof("SizeFlexibility") == "imageSizeRange"
    sizes = message.imageSizeRange
    return Feature(
        name=name,
        kind="image",
        shape=(message.height, message.width),
        shapes=tuple((one.height, one.width) for one in message.enumeratedSizes.sizes),
        ranges=(_range(sizes.heightRange), _range(sizes.widthRange)) if flexible else (),
        colour=colour,
        **common,
    )


def _range(message: Any) -> tuple[int, int | None]:
    """A negative upper bound is none."""
    return message.lowerBound, message.upperBound if message.upperBound >= 0 else None
