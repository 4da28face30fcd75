"""What a caller gives, held against the model's description, as the program's function takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import listed, matches
from .dtypes import storage
from .program import Feature, TensorType

Array = NDArray[Any]


def taken(feature: Feature, declared: TensorType, inputs: Mapping[str, Array]) -> Array:
    """Give the array of one input as the function takes it; the caller's own is never written to.

    Raises:
        ValueError: when it is missing, or of another dtype or shape than the model takes.
    """
    if feature.name not in inputs:
        return _default(feature, declared)
    array = np.asarray(inputs[feature.name])
    if feature.kind == "image" and array.dtype == np.uint8:
        return _image(feature, declared, array)
    dtype = storage(declared.dtype)
    sizes = array.shape[-2:] if feature.kind == "image" else array.shape
    if array.dtype != dtype or not matches(array.shape, declared.shape) or not _allowed(feature, sizes):
        raise ValueError(
            f"input {feature.name!r} is {dtype}{_said(feature, declared)}, got {array.dtype}{list(array.shape)}"
        )
    view = array.view()
    view.flags.writeable = False
    return view


def _default(feature: Feature, declared: TensorType) -> Array:
    if not feature.optional:
        raise ValueError(f"input {feature.name!r} is missing")
    if feature.kind != "tensor":
        raise ValueError(f"input {feature.name!r} is not given, and has no default")
    return np.full(feature.shape, feature.default or 0, storage(declared.dtype))


def _allowed(feature: Feature, sizes: tuple[int, ...]) -> bool:
    """Say whether the description allows these sizes: one of the enumerated, within the ranges, or just those."""
    if feature.shapes:
        return sizes in feature.shapes or sizes == feature.shape
    if feature.ranges:
        return len(sizes) == len(feature.ranges) and all(
            lower <= size and (upper is None or size <= upper)
            for size, (lower, upper) in zip(sizes, feature.ranges, strict=True)
        )
    return not feature.shape or sizes == feature.shape


def _said(feature: Feature, declared: TensorType) -> str:
    """Write which shapes are allowed."""
    if feature.shapes:
        return f" of one of {', '.join(str(list(shape)) for shape in feature.shapes)}"
    if feature.ranges:
        bounds = [str(low) if low == high else f"{low}..{'' if high is None else high}" for low, high in feature.ranges]
        return f"[{', '.join(bounds)}]"
    return listed(declared.shape)


def _image(feature: Feature, declared: TensorType, array: Array) -> Array:
    """Lay an image out as the function takes it.

    `array`: uint8[H, W, 3] in the order red, green, blue, or uint8[H, W] where the model takes shades of grey →
    [1, C, H, W] of the function's dtype, values as they are, channels in the order that the model's description says.
    What scale and bias the model wants is part of the program.
    """
    grey = feature.colour.startswith("grayscale")
    if array.ndim != (2 if grey else 3) or (not grey and array.shape[2] != 3) or not _allowed(feature, array.shape[:2]):
        form = "uint8[H, W]" if grey else "uint8[H, W, 3]"
        raise ValueError(
            f"input {feature.name!r} is an image {form} with [H, W] = {list(feature.shape)}, got {list(array.shape)}"
        )
    channels = array[np.newaxis] if grey else array.transpose(2, 0, 1)
    if feature.colour == "bgr":
        channels = channels[::-1]
    return np.ascontiguousarray(channels[np.newaxis]).astype(storage(declared.dtype))
