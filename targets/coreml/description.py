"""What a package says of its inputs and outputs: given to coremltools, and compared with what came out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...vocabulary.errors import RequestError, ToolError
from .asked import Asked
from .border import Border
from .emit import Emitted
from .images import COLOURS, image_type
from .names import distinct
from .settings import Settings
from .toolkit import coremltools


@dataclass(frozen=True, kw_only=True, slots=True)
class Extras:
    """What a package holds beside its program.

    `input_types` are coremltools' own for inputs of pictures or several shapes; None when there is none. `classifier`
    is its `ClassifierConfig`, `scores` the name of the output that it takes the place of. `metadata` are fields that
    every package may have, `user_defined` what it holds under keys of its own.
    """

    input_types: list[Any] | None = None
    classifier: Any = None
    scores: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    user_defined: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The output with the label that scores highest; "" where there is none."""
        return str(self.classifier.predicted_feature_name) if self.classifier is not None else ""

    @property
    def probabilities(self) -> str:
        """The output with the scores by label, as coremltools names it."""
        return f"{self.label}_probs"


def extras_of(emitted: Emitted, settings: Settings) -> Extras:
    """Say what coremltools has to be told beside the program.

    Raises:
        RequestError: when a classifier's output has another number of elements than labels.
    """
    asked = emitted.asked
    types = [_input_type(border, asked) for border in emitted.inputs]
    told = [each for each in types if each is not None]
    scores = next((border for border in emitted.outputs if border.source in asked.classes), None)
    classifier = None
    if scores is not None:
        _check_classes(scores, asked.classes[scores.source])
        taken = {border.name for border in (*emitted.inputs, *emitted.outputs)}
        while (label := distinct("classLabel", taken)) and f"{label}_probs" in taken:
            taken.add(label)
        classifier = coremltools().ClassifierConfig([*asked.classes[scores.source]], label, scores.name)
    said = {
        "author": settings.author,
        "license": settings.licence,
        "versionString": settings.version,
        "shortDescription": settings.description,
    }
    return Extras(
        input_types=told or None,
        classifier=classifier,
        scores=scores.name if scores is not None else "",
        metadata={name: text for name, text in said.items() if text},
    )


def _check_classes(scores: Border, labels: tuple[str, ...]) -> None:
    if None in scores.shape or math.prod(size or 0 for size in scores.shape) != len(labels) or scores.dtype == "int32":
        raise RequestError(
            f"targets.coreml.settings.classifier: {scores.source!r} gives {list(scores.shape)} of {scores.dtype} for "
            f"{len(labels)} labels",
            hint="a classifier gives one score a label, for one row a call",
        )


def check(description: Any, emitted: Emitted, extras: Extras) -> None:
    """Compare the inputs, outputs and states of a package with what was asked for.

    Raises:
        ToolError: when coremltools has changed a name, a dtype or a shape.
    """
    outputs = [_wanted(border) for border in emitted.outputs if border.name != extras.scores]
    if extras.classifier is not None:
        outputs = [(extras.label, "string"), (extras.probabilities, "dictionary"), *outputs]
    states = [(state.name, "state", "fp16", state.shape) for state in emitted.states]
    inputs = [_wanted(border) for border in emitted.inputs]
    for kind, features, wanted in (
        ("inputs", description.input, inputs),
        ("outputs", description.output, outputs),
        ("states", description.state, states),
    ):
        found = [_found(feature) for feature in features]
        alike = len(found) == len(wanted) and all(map(_fits, found, wanted))
        if not alike:
            raise ToolError(f"coremltools has made the {kind} {found} of {wanted}", hint="report it with the model")


def _fits(found: tuple[Any, ...], wanted: tuple[Any, ...]) -> bool:
    """Compare what a feature is with what it should be; the shape of an open one says nothing.

    Where several inputs have several shapes, coremltools declares no shape of any output.
    """
    told = isinstance(wanted[-1], tuple) and None not in wanted[-1] and found[-1] != ()
    return found == wanted or (found[:-1] == wanted[:-1] and not told)


def _wanted(border: Border) -> tuple[Any, ...]:
    if border.picture is not None:
        return border.name, "picture", COLOURS[str(border.picture.colour)], border.shape[2:]
    return border.name, "array", border.dtype, border.shape


def _found(feature: Any) -> tuple[Any, ...]:
    kind = feature.type.WhichOneof("Type")
    if kind == "imageType":
        image = feature.type.imageType
        spaces = type(image).ColorSpace
        return feature.name, "picture", spaces.Name(image.colorSpace), (image.height, image.width)
    if kind == "multiArrayType":
        return feature.name, "array", *_array(feature.type.multiArrayType)
    if kind == "stateType":
        return feature.name, "state", *_array(feature.type.stateType.arrayType)
    return feature.name, kind.removesuffix("Type")


def _array(array: Any) -> tuple[str, tuple[int, ...]]:
    types = coremltools().proto.FeatureTypes_pb2.ArrayFeatureType
    dtypes = {types.FLOAT32: "fp32", types.FLOAT16: "fp16", types.INT32: "int32"}
    return dtypes.get(array.dataType, f"dtype {array.dataType}"), tuple(array.shape)


def _input_type(border: Border, asked: Asked) -> Any:
    """Give coremltools' type of an input that has several shapes or takes a picture, None for any other."""
    tools = coremltools()
    shape: Any = None
    if border.source in asked.shapes:
        shape = tools.EnumeratedShapes([list(each) for each in asked.shapes[border.source]])
    elif None in border.shape:
        sizes = zip(border.shape, border.symbols, strict=True)
        shape = tools.Shape([_range(asked, symbol) if size is None else size for size, symbol in sizes])
    if border.picture is not None:
        return image_type(border, shape if shape is not None else list(border.shape))
    return tools.TensorType(name=border.name, shape=shape) if shape is not None else None


def _range(asked: Asked, symbol: str) -> Any:
    low, high = asked.bounds[symbol]
    return coremltools().RangeDim(lower_bound=low, upper_bound=high, default=low)
