"""Tensors made longer, or cut, at both ends of their axes."""

from __future__ import annotations

import numpy as np

from ....compiler.lowering.padding import Ends, added, centred, ends_of, left, repeated
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var, constant, type_name
from ..call import Call
from .lowering import Lowering
from .sizes import DTYPES, Size, is_number, size_of, vector_of
from .slicing import cut

_BY_MIL = {"reflect": "reflect", "edge": "replicate"}
_SPATIAL_AXES = 2
"""Core ML reflects and replicates along the last two axes."""


def pad(call: Call, b: Builder) -> Var:
    """Pad; what is negative cuts, and a cut comes first."""
    ends, rank, mode = ends_of(call), call.rank(), call.text("mode", "constant")
    x, around = cut(b, call[0], left(ends, call.known_sizes())), added(ends)
    if not around:
        return x
    if mode == "constant":
        return _constant(call, b, x, around)
    if _is_said_by_mil(x, around, mode):
        return b.op("pad", x, pad=_interleaved(rank, around)[-2 * _SPATIAL_AXES :], mode=_BY_MIL[mode])
    return _repeated(b, x, around, mode)


def _interleaved(rank: int, around: Ends) -> list[int]:
    return [end for axis in range(rank) for end in around.get(axis, (0, 0))]


def _constant(call: Call, b: Builder, x: Var, around: Ends) -> Var:
    rank = len(x.shape)
    if call.has(2) and not call.is_constant(2):
        if not all(map(is_number, x.shape)):
            raise Refused("its value is not constant, and a size is known only at run time")
        inside = np.pad(np.ones(x.shape, np.bool_), [around.get(axis, (0, 0)) for axis in range(rank)])
        zeros = constant_pad(b, x, around, np.zeros((), np.float32))
        return b.op("select", inside, zeros, call[2])
    value = call.constant(2, "value") if call.has(2) else np.zeros((), np.float32)
    return constant_pad(b, x, around, value)


def constant_pad(b: Builder, x: Var, around: Ends, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Var:
    """Put `before` and `behind` times a value at the ends of each axis; MIL's pad has no integers, its concat has."""
    value = constant(value).astype(DTYPES[type_name(x)]).reshape(())
    if type_name(x) in ("fp16", "fp32"):
        return b.op("pad", x, pad=_interleaved(len(x.shape), around), mode="constant", constant_val=value[()])
    for axis, ends in around.items():
        parts = [x]
        for place, count in enumerate(ends):
            if count:
                parts.insert(place * len(parts), _filled(b, x, axis, count, value))
        x = b.op("concat", values=parts, axis=axis)
    return x


def _filled(b: Builder, x: Var, axis: int, count: int, value: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Var:
    sizes: list[Size] = [count if at == axis else size_of(b, x, at) for at in range(len(x.shape))]
    return b.op("fill", vector_of(b, sizes), value=b.const(value.reshape(())).val)


def _is_said_by_mil(x: Var, around: Ends, mode: str) -> bool:
    rank = len(x.shape)
    if type_name(x) not in ("fp16", "fp32") or mode not in _BY_MIL or min(around) < rank - _SPATIAL_AXES:
        return False
    most = 1 if mode == "reflect" else 0
    return all(is_number(x.shape[axis]) and max(ends) <= x.shape[axis] - most for axis, ends in around.items())


def _repeated(b: Builder, x: Var, around: Ends, mode: str) -> Var:
    for axis, ends in around.items():
        size = size_of(b, x, axis)
        places = repeated(size, ends, mode) if is_number(size) else _open_places(b, size, ends, mode)
        held = type_name(x)
        x = b.op("gather", b.cast(x, "int32") if held == "bool" else x, places, axis=axis)
        x = b.cast(x, held)
    return x


def _open_places(b: Builder, size: Var, ends: tuple[int, int], mode: str) -> Var:
    """Give the places that a padded axis of an open size takes its elements from, int32[before + size + behind]."""
    before, behind = ends
    last = b.op("squeeze", b.op("add", size, np.array([behind])), axes=[0])
    places = b.op("range_1d", start=np.int32(-before), end=last, step=np.int32(1))
    if mode == "edge":
        return b.op("minimum", b.op("maximum", places, 0), b.op("sub", size, np.array([1])))
    if mode == "wrap":  # whole rounds are added so that no place is negative
        return b.op("mod", b.op("add", places, b.op("mul", size, np.array([before]))), size)
    there_and_back = b.op("mul", b.op("sub", size, np.array([1])), np.array([2]))
    places = b.op("mod", b.op("abs", places), b.op("maximum", there_and_back, np.array([1])))
    return b.op("minimum", places, b.op("sub", there_and_back, places))


def center_crop_pad(call: Call, b: Builder) -> Var:
    """CenterCropPad: cut or padded with zeros at both ends, one more behind where the difference is odd."""
    sizes, wanted = call.shape(), call.constant_ints(1, "shape") or []
    axes = [axis % len(sizes) for axis in call.ints("axes") or range(len(sizes))]
    ends = {axis: centred(sizes[axis], size) for axis, size in zip(axes, wanted, strict=True)}
    x, around = cut(b, call[0], left(ends, sizes)), added(ends)
    return constant_pad(b, x, around, np.zeros((), np.float32)) if around else x


LOWERINGS: dict[str, Lowering] = {
    "CenterCropPad": center_crop_pad,
    "Pad": pad,
}
