"""Parts of tensors along their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.parts import slice_of, sliced
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .elements import Element, either, whole
from .pieces import sizes_of


def slices(call: Call[Expr], b: Builder) -> Expr:
    """Slice. Where it starts may be computed at run time; how long the result is, the hub must say."""
    if not call.is_constant(1):
        return _from_run_time(call, b)
    return cut(b, call[0], slice_of(call) if call.is_constant(2) else _as_long(call))


def _as_long(call: Call[Expr]) -> dict[int, range]:
    """Give the places of a slice whose ends are computed: as many as the result has."""
    rank, sizes, wanted = call.rank(), call.shape(), call.result_shape()
    starts = call.constant_ints(1, "list of starts") or []
    axes = [axis % rank for axis in call.constant_ints(3, "list of axes") or range(len(starts))]
    steps = call.constant_ints(4, "list of steps") or [1] * len(starts)
    found = {}
    for axis, start, step in zip(axes, starts, steps, strict=True):
        whole_range = sliced(sizes[axis], start, sizes[axis] if step > 0 else -sizes[axis] - 1, step)
        if wanted[axis] > len(whole_range):
            raise Refused(f"its result would have {wanted[axis]} of {len(whole_range)} elements")
        found[axis] = whole_range[: wanted[axis]]
    return found


def cut(b: Builder, x: Expr, bounds: Mapping[int, range]) -> Expr:
    """Take the elements `bounds[axis]` along each axis."""
    sizes = sizes_of(x)
    bounds = {axis: bound for axis, bound in bounds.items() if bound != range(sizes[axis])}
    shape = tuple(len(bounds.get(axis, range(size))) for axis, size in enumerate(sizes))
    if not bounds:
        return x
    if 0 in shape:
        return b.const(np.zeros(shape, np.bool_ if dtype_of(x) == "bool" else dtype_of(x)))
    if all(bound.step > 0 for bound in bounds.values()):
        ends = [bound[-1] + 1 for bound in bounds.values()]
        begins, strides = ([getattr(bound, name) for bound in bounds.values()] for name in ("start", "step"))
        return b.op(relax().op.strided_slice, x, axes=[*bounds], begin=begins, end=ends, strides=strides)

    def element(place: Sequence[Any], data: Any) -> Element:
        every = (bounds.get(axis, range(size)) for axis, size in enumerate(sizes))
        return data(
            *(whole(bound.start) + index * whole(bound.step) for bound, index in zip(every, place, strict=True))
        )

    return b.each("slice_backwards", shape, element, x)


def _from_run_time(call: Call[Expr], b: Builder) -> Expr:
    """Slice from starts that are computed, for as long as the result is."""
    rank, sizes, wanted = call.rank(), call.shape(), call.result_shape()
    count = call.shape(1)[0]
    axes = call.constant_ints(3, "list of axes") or [*range(count)]
    steps = call.constant_ints(4, "list of steps") or [1] * count
    places = {axis % rank: place for place, axis in enumerate(axes)}
    if 0 in wanted:
        return b.const(np.zeros(wanted, call.result_dtype().numpy()))

    def element(place: Sequence[Any], data: Any, starts: Any) -> Element:
        at = [*place]
        for axis, entry in places.items():
            start, size = starts(whole(entry)), whole(sizes[axis])
            start = either(start < whole(0), start + size, start)
            found = tirx().min(start, size if steps[entry] > 0 else size - whole(1)) + place[axis] * whole(steps[entry])
            at[axis] = tirx().max(tirx().min(found, size - whole(1)), whole(0))
        return data(*at)

    return b.each("slice", wanted, element, call[0], b.op(relax().op.astype, call[1], "int64"))


LOWERINGS: dict[str, Lowering] = {"Slice": slices}
