"""The ways to store a constant that Core ML has beside a plain tensor. Each gives back every bit of it.

Source: the documentation of MIL's `constexpr_…` operations, of iOS 16 (bits packed by the caller) and iOS 18.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from .builder import Array, Var
from .deployment import Deployment
from .quantized import Quantized
from .toolkit import builder as mil_builder
from .toolkit import coremltools

ALIGNMENT: Final = 64
"""Each array in the file begins at a multiple of so many bytes, and has a record of as many in front of it."""

TABLE_BITS: Final = (1, 2, 4, 6, 8)
"""How many bits a place in a table can take; from iOS 18 on also 3."""


class Form(Protocol):
    """A way to store one constant."""

    @property
    def size_bytes(self) -> int:
        """What it takes in the file of weights."""
        ...

    @property
    def needs(self) -> Deployment:
        """The oldest system that reads it."""
        ...

    def make(self, deployment: Deployment, **place: Any) -> Var:
        """Make the operations; `place` says where coremltools' builder puts them."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Table:
    """Places in tables of values. `places`: uint8 of the constant's shape.

    `values`: of the constant's dtype, an axis for each of its axes, whose size divides it (so many neighbours share a
    table), and one of 2^bits values behind.
    """

    places: Array
    values: Array

    @property
    def bits(self) -> int:
        """How many bits a place takes."""
        return int(self.values.shape[-1]).bit_length() - 1

    @property
    def size_bytes(self) -> int:
        """Places and values."""
        return blob_bytes(self.places.size * self.bits / 8) + blob_bytes(self.values.nbytes)

    @property
    def needs(self) -> Deployment:
        """From iOS 16 on; 18 for several tables, or places of three bits."""
        one = self.values.size == self.values.shape[-1]
        return Deployment.IOS16 if one and self.bits in TABLE_BITS else Deployment.IOS18

    def make(self, deployment: Deployment, **place: Any) -> Var:
        """`constexpr_lut_to_dense`."""
        if deployment >= Deployment.IOS18:
            places = typed(self.places, f"uint{self.bits}")
            return mil_builder().constexpr_lut_to_dense(indices=places, lut=self.values[..., None], **place)
        return mil_builder().constexpr_lut_to_dense(
            indices=packed(self.places, self.bits),
            lut=self.values.ravel(),
            shape=np.array(self.places.shape, np.uint32),
            **place,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sparse:
    """What is no zero, and where it stands. `mask`: bool of the constant's shape; `values`: a vector."""

    mask: Array
    values: Array

    @property
    def size_bytes(self) -> int:
        """Mask and values."""
        return blob_bytes(self.mask.size / 8) + blob_bytes(self.values.nbytes)

    @property
    def needs(self) -> Deployment:
        """From iOS 16 on."""
        return Deployment.IOS16

    def make(self, deployment: Deployment, **place: Any) -> Var:
        """`constexpr_sparse_to_dense`."""
        if deployment >= Deployment.IOS18:
            return mil_builder().constexpr_sparse_to_dense(
                nonzero_data=self.values, mask=typed(self.mask, "uint1"), **place
            )
        return mil_builder().constexpr_sparse_to_dense(
            nonzero_data=self.values,
            mask=packed(self.mask, 1),
            shape=np.array(self.mask.shape, np.uint32),
            **place,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SparseTable:
    """Places in one table, of what is no zero. `places`: a uint8 vector; `values`: a vector of 2^bits."""

    mask: Array
    places: Array
    values: Array

    @property
    def bits(self) -> int:
        """How many bits a place takes."""
        return self.values.size.bit_length() - 1

    @property
    def size_bytes(self) -> int:
        """Mask, places and values."""
        return (
            blob_bytes(self.mask.size / 8)
            + blob_bytes(self.places.size * self.bits / 8)
            + blob_bytes(self.values.nbytes)
        )

    @property
    def needs(self) -> Deployment:
        """From iOS 18 on."""
        return Deployment.IOS18

    def make(self, deployment: Deployment, **place: Any) -> Var:  # noqa: ARG002 - the protocol's
        """`constexpr_lut_to_sparse`, and `constexpr_sparse_to_dense` behind it."""
        mask, found = mil_builder().constexpr_lut_to_sparse(
            indices_mask=typed(self.mask, "uint1"),
            indices_nonzero_data=typed(self.places, f"uint{self.bits}"),
            lut=self.values.reshape(*[1] * self.mask.ndim, -1, 1),
            **_unnamed(place),
        )
        return mil_builder().constexpr_sparse_to_dense(nonzero_data=found, mask=mask, **place)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Integers:
    """Integers with scales, as the hub has them."""

    of: Quantized

    @property
    def size_bytes(self) -> int:
        """Integers, scales and zero points."""
        return blob_bytes(self.of.integers.size * _bits(self.of) / 8) + _scale_bytes(self.of)

    @property
    def needs(self) -> Deployment:
        """From iOS 16 on for eight bits with a scale, or with one for each place along an axis; else from 18 on."""
        return Deployment.IOS16 if _bits(self.of) == 8 and self._axes() is not None else Deployment.IOS18

    def _axes(self) -> list[int] | None:
        """The axis along which scales differ, in a list (empty: none); None when they are several, or have blocks."""
        shape, scale = self.of.integers.shape, self.of.scale.shape
        axes = [axis for axis, size in enumerate(scale) if size != 1]
        whole = all(scale[axis] == shape[axis] for axis in axes)
        return axes if len(axes) <= 1 and whole else None

    def make(self, deployment: Deployment, **place: Any) -> Var:
        """`constexpr_blockwise_shift_scale`, before iOS 18 `constexpr_affine_dequantize`."""
        stored = self.of.stored
        assert stored is not None  # else it is no form
        if deployment >= Deployment.IOS18:
            return mil_builder().constexpr_blockwise_shift_scale(
                data=typed(self.of.integers, stored),
                scale=self.of.scale,
                **_offset(self.of, stored),
                **place,
            )
        axes = self._axes()
        assert axes is not None  # else it needs iOS 18
        return mil_builder().constexpr_affine_dequantize(
            quantized_data=typed(self.of.integers, stored),
            zero_point=typed(self.of.zero_point, stored).reshape([-1] if axes else []),
            scale=self.of.scale.reshape([-1] if axes else []),
            axis=np.int32(axes[0] if axes else 0),
            **place,
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SparseIntegers:
    """Integers with scales, of what is no zero. `mask`: bool of the constant's shape."""

    of: Quantized
    mask: Array

    @property
    def size_bytes(self) -> int:
        """Mask, integers, scales and zero points."""
        stored = np.count_nonzero(self.mask) * _bits(self.of) / 8
        return blob_bytes(self.mask.size / 8) + blob_bytes(stored) + _scale_bytes(self.of)

    @property
    def needs(self) -> Deployment:
        """From iOS 18 on."""
        return Deployment.IOS18

    def make(self, deployment: Deployment, **place: Any) -> Var:  # noqa: ARG002 - the protocol's
        """`constexpr_sparse_blockwise_shift_scale`, and `constexpr_sparse_to_dense` behind it."""
        stored = self.of.stored
        assert stored is not None  # else it is no form
        mask, found = mil_builder().constexpr_sparse_blockwise_shift_scale(
            data_mask=typed(self.mask, "uint1"),
            nonzero_data=typed(self.of.integers[self.mask], stored),
            scale=self.of.scale,
            **_offset(self.of, stored),
            **_unnamed(place),
        )
        return mil_builder().constexpr_sparse_to_dense(nonzero_data=found, mask=mask, **place)


def blob_bytes(size_bytes: float) -> int:
    """Give what an array of so many bytes takes in the file of weights."""
    return ALIGNMENT + math.ceil(math.ceil(size_bytes) / ALIGNMENT) * ALIGNMENT


def _unnamed(place: dict[str, Any]) -> dict[str, Any]:
    """Leave the name to the operation behind, which gives the constant."""
    return {key: value for key, value in place.items() if key != "name"}


def _offset(of: Quantized, stored: str) -> dict[str, Array]:
    return {"offset": typed(of.zero_point, stored)} if of.zero_point.any() else {}


def _bits(of: Quantized) -> int:
    return 4 if of.stored in ("int4", "uint4") else 8


def _scale_bytes(of: Quantized) -> int:
    zero_points = blob_bytes(of.zero_point.size * _bits(of) / 8) if of.zero_point.any() else 0
    return blob_bytes(of.scale.nbytes) + zero_points


def typed(array: Array, name: str) -> Array:
    """Give integers as coremltools marks those of fewer than eight bits."""
    types = coremltools().converters.mil.mil.types
    marked: Array = np.asarray(array).astype(types.nptype_from_builtin(types.string_to_builtin(name)))
    return marked


def packed(places: Array, bits: int) -> Array:
    """Give the lowest `bits` of each integer one behind the other, the lowest bit of a byte first; uint8."""
    each = (places.reshape(-1, 1).astype(np.uint8) >> np.arange(bits, dtype=np.uint8)) & 1
    return np.packbits(each.reshape(-1), bitorder="little")
