"""Weights that are stored compressed: quantized, by lookup tables, sparse. Sub-byte elements come with a byte each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arguments import Arguments, Array
from ..blob import unpack_bits
from .dtype_names import dtype_named
from .operation import Implementation
from .precision import widened
from .rounding import rounded


def affine_dequantize(a: Arguments) -> Array:
    """Compute scale · (data - zero point); vectors lie along `axis` (iOS 16)."""
    data, axis = a["quantized_data"], a.integer("axis")
    scale, zero = (_along(wide, data.ndim, axis) for wide in (widened(a["scale"]), widened(a["zero_point"])))
    return rounded(scale * (data.astype(np.float32) - zero.astype(np.float32)), a["scale"].dtype)


def _along(parameter: Array, rank: int, axis: int) -> Array:
    if parameter.ndim > 1:
        raise ValueError(f"a scale or zero point with {parameter.ndim} axes, expected none or one")
    return parameter if parameter.ndim == 0 else parameter.reshape([-1 if a == axis % rank else 1 for a in range(rank)])


def lut_to_dense(a: Arguments) -> Array:
    """Look indices up: packed ones in a single table (iOS 16), or by blocks, also whole vectors (iOS 18)."""
    if "shape" in a:
        return _single_table(a)
    return looked_up(a["indices"], a["lut"], a.integer("vector_axis", 0), "vector_axis" in a)


def _single_table(a: Arguments) -> Array:
    lut, shape = a["lut"], a.agreed(a.ints("shape"))
    bits = int(lut.size).bit_length() - 1
    if lut.ndim != 1 or bits not in (1, 2, 4, 6, 8) or lut.size != 2**bits:
        raise ValueError(f"a lookup table {list(lut.shape)}, expected one axis of 2, 4, 16, 64 or 256")
    count = int(np.prod(shape, dtype=np.int64))
    expected = -(-count * bits // 8)
    if a["indices"].shape != (expected,):
        raise ValueError(f"indices are {list(a['indices'].shape)}, expected [{expected}] for {list(shape)}")
    found: Array = lut[unpack_bits(a["indices"], bits, count)]
    return found.reshape(shape)


def looked_up(indices: Array, lut: Array, vector_axis: int, axis_given: bool = True) -> Array:
    """Look indices up in tables.

    `lut`: [tables along each axis of the indices…, entries, elements of an entry]; each is for a block of indices.
    The elements of an entry follow each other along `vector_axis`.

    Raises:
        ValueError: when the tables do not divide the indices, an index is beyond its table, or an axis is missing.
    """
    rank, (entries, vector) = indices.ndim, lut.shape[-2:]
    tables = lut.shape[:-2]
    if len(tables) != rank or any(size % count for size, count in zip(indices.shape, tables, strict=True)):
        raise ValueError(f"lookup tables {list(lut.shape)} for indices {list(indices.shape)}")
    if indices.size and int(indices.max()) >= entries:
        raise ValueError(f"index {int(indices.max())} into a lookup table of {entries} entries")
    if vector > 1 and not axis_given:
        raise ValueError(f"entries of {vector} elements, but no vector_axis")
    own = np.ix_(*(np.arange(size) // (size // count) for size, count in zip(indices.shape, tables, strict=True)))
    found: Array = lut[(*own, indices)]
    axis = vector_axis % rank
    sizes = [size * vector if place == axis else size for place, size in enumerate(indices.shape)]
    return np.moveaxis(found, -1, axis + 1).reshape(sizes)


def lut_to_sparse(a: Arguments) -> Sequence[Array]:
    """Look the elements of a sparse tensor up; gives the mask that goes with what comes out, and what comes out."""
    mask, data, lut = a["indices_mask"], a["indices_nonzero_data"], a["lut"]
    axis, vector = a.integer("vector_axis", 0), lut.shape[-1]
    dense = looked_up(scattered(mask, data), lut, axis, "vector_axis" in a)
    expanded = np.repeat(mask, vector, axis)
    return expanded, dense[expanded != 0]


def sparse_to_dense(a: Arguments) -> Array:
    """Put elements where a mask has ones, zeros elsewhere; the mask is packed in iOS 16, a tensor of bits in iOS 18."""
    mask = a["mask"]
    if "shape" in a:
        shape = a.agreed(a.ints("shape"))
        count = int(np.prod(shape, dtype=np.int64))
        if mask.shape != (-(-count // 8),):
            raise ValueError(f"the mask is {list(mask.shape)}, expected [{-(-count // 8)}] for {list(shape)}")
        mask = unpack_bits(mask, 1, count).reshape(shape)
    return scattered(mask, a["nonzero_data"])


def scattered(mask: Array, data: Array) -> Array:
    """Put elements where a mask has ones, in the order of rows.

    Raises:
        ValueError: when there are not as many elements as ones.
    """
    dense = np.zeros(mask.shape, data.dtype)
    ones = int(np.count_nonzero(mask))
    if data.shape != (ones,):
        raise ValueError(f"{list(data.shape)} elements for a mask with {ones} ones")
    dense[mask != 0] = data
    return dense


def blockwise_shift_scale(a: Arguments) -> Array:
    """Compute scale · (data - offset), where a scale and an offset hold for a block (iOS 18)."""
    return scaled(a["data"], a["scale"], a.get("offset"))


def scaled(data: Array, scale: Array, offset: Array | None) -> Array:
    """Compute scale · (data - offset) in float32, in the dtype of the scale; blocks are the quotients of the shapes.

    Raises:
        ValueError: when the shapes do not divide.
    """
    if scale.ndim != data.ndim or any(size % count for size, count in zip(data.shape, scale.shape, strict=True)):
        raise ValueError(f"scales {list(scale.shape)} for data {list(data.shape)}")
    if offset is not None and offset.shape != scale.shape:
        raise ValueError(f"offsets {list(offset.shape)} beside scales {list(scale.shape)}")
    shifted = data.astype(np.float32)
    if offset is not None:
        shifted = shifted - _spread(offset, data.shape).astype(np.float32)
    return rounded(shifted * _spread(scale, data.shape).astype(np.float32), scale.dtype)


def _spread(parameter: Array, shape: tuple[int, ...]) -> Array:
    for axis, (size, count) in enumerate(zip(shape, parameter.shape, strict=True)):
        if count not in (1, size):
            parameter = np.repeat(parameter, size // count, axis)
    return parameter


def sparse_blockwise_shift_scale(a: Arguments) -> Sequence[Array]:
    """Scale the elements of a sparse tensor as their places in the dense one say; gives the mask as well."""
    mask = a["data_mask"]
    dense = scaled(scattered(mask, a["nonzero_data"]), a["scale"], a.get("offset"))
    return mask, dense[mask != 0]


def constexpr_cast(a: Arguments) -> Array:
    """Give a weight that is stored in half precision in single."""
    return a["source_val"].astype(dtype_named(a.text("output_dtype")))


OPERATIONS: dict[str, Implementation] = {
    "constexpr_affine_dequantize": affine_dequantize,
    "constexpr_blockwise_shift_scale": blockwise_shift_scale,
    "constexpr_cast": constexpr_cast,
    "constexpr_lut_to_dense": lut_to_dense,
    "constexpr_lut_to_sparse": lut_to_sparse,
    "constexpr_sparse_blockwise_shift_scale": sparse_blockwise_shift_scale,
    "constexpr_sparse_to_dense": sparse_to_dense,
}
