"""Tensors between the source's way of being called and an artifact's: another layout, dtype or form of a scalar."""

from __future__ import annotations

import msgspec
import numpy as np

from ..vocabulary.picture import is_picture, pixels_of
from ..vocabulary.signature import Affine, TensorSpec
from .runtime import Array

DEFAULT_LAYOUTS = {3: "NCW", 4: "NCHW", 5: "NCDHW"}
"""The layout of a tensor, by rank, where its signature says none: ONNX's own."""


def adapt(array: Array, given: TensorSpec, taken: TensorSpec) -> Array:
    """Give one call's tensor as `taken` has it, from how `given` has it: another layout, another dtype.

    Integers that stand for reals become these reals, and reals the nearest integers, saturated. What was made of pixels
    becomes pixels again where `taken` has uint8. What is a scalar on one side and one element in a row on the other is
    brought to the other's form.

    Raises:
        ValueError: when a value does not fit into the other dtype, what should be made of pixels is not, or the two
            layouts are not of the same axes.
    """
    if (given.shape, taken.shape) in (((), (1,)), ((1,), ())):
        array = array.reshape(tuple(size for size in taken.shape if isinstance(size, int)))
    layout = given.layout or DEFAULT_LAYOUTS.get(array.ndim)
    wanted = taken.layout or DEFAULT_LAYOUTS.get(array.ndim)
    if layout is not None and wanted is not None and layout != wanted:
        if sorted(layout) != sorted(wanted) or len(layout) != array.ndim:
            raise ValueError(f"{given.name!r}: {array.ndim} axes cannot go from layout {layout} to {wanted}")
        array = np.ascontiguousarray(array.transpose([layout.index(axis) for axis in wanted]))
    if array.dtype.name == taken.dtype or given.dtype == taken.dtype == "string":
        return array
    if given.quantization is not None and array.dtype.name == given.dtype:
        return _reals(array, given.quantization).astype(taken.dtype)
    if taken.quantization is not None:
        return _integers(array, taken.quantization, taken.dtype)
    if taken.dtype == "uint8" and is_picture(given):
        return pixels_of(array, msgspec.structs.replace(given, layout=taken.layout))
    converted = array.astype(taken.dtype)
    if not np.array_equal(converted, array, equal_nan=array.dtype.kind == "f"):
        raise ValueError(f"{given.name!r}: values of {array.dtype.name} do not fit into {taken.dtype}")
    return converted


def _reals(array: Array, affine: Affine) -> Array:
    steps = array.astype(np.int32) - np.int32(affine.zero_point)
    return np.asarray(steps.astype(np.float32) * np.float32(affine.scale))


def _integers(array: Array, affine: Affine, dtype: str) -> Array:
    """Round half to even, as QuantizeLinear does."""
    limits = np.iinfo(dtype)
    steps = np.rint(array.astype(np.float32) / np.float32(affine.scale)) + affine.zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max).astype(dtype))
