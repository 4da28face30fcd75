"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a weighing of a few."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....compiler.lowering.call import Call
from ....compiler.lowering.interpolation import Axis, repeats
from ....compiler.lowering.refused import Refused
from ....compiler.lowering.resizing import outside_of, resized_axes
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax, te
from .pieces import in_float32, is_float, number, sizes_of

FEW = 4
"""Weights of an element that are written side by side; more, as antialiasing has, are a loop."""


def resize(call: Call[Expr], b: Builder) -> Expr:
    """Resize by scales or to sizes, along any axes."""
    axes = resized_axes(call)
    if call.text("mode", "nearest") == "nearest":
        y = _chosen(b, call[0], {axis: line.picks() for axis, line in axes.items()})
    elif is_float(call[0]):
        y = in_float32(lambda x: _weighed(b, x, {axis: line.matrix() for axis, line in axes.items()}), b, call[0])
    else:
        raise Refused(f"mode {call.text('mode', '')} of integers")
    return _extrapolated(call, b, y, axes)


def _chosen(b: Builder, x: Expr, picks: Mapping[int, NDArray[Any]]) -> Expr:
    """Choose elements along some axes: by a division where each is repeated as often, else by a table."""
    if not picks:
        return x
    sizes = sizes_of(x)
    times = {axis: repeats(pick, sizes[axis]) for axis, pick in picks.items()}
    tables = [axis for axis in picks if not times[axis]]

    def element(at: tuple[Any, ...], data: Any, *lines: Any) -> Any:
        places = [index // times[axis] if times.get(axis) else index for axis, index in enumerate(at)]
        for axis, line in zip(tables, lines, strict=True):
            places[axis] = line(at[axis]).astype("int64")
        return data(*places)

    shape = [len(picks[axis]) if axis in picks else size for axis, size in enumerate(sizes)]
    return b.each("nearest", shape, element, x, *(b.const(picks[axis].astype(np.int32)) for axis in tables))


def _weighed(b: Builder, x: Expr, matrices: Mapping[int, NDArray[Any]]) -> Expr:
    """Give sums of weighed elements along one axis after the other."""
    for axis, matrix in matrices.items():
        x = _along(b, x, axis, matrix)
    return x


def _along(b: Builder, x: Expr, axis: int, matrix: NDArray[Any]) -> Expr:
    """Multiply the elements along one axis by a matrix [after, before] of few weights in a row."""
    count = max(int(np.count_nonzero(matrix, axis=1).max()), 1)
    # weights that are 0 last, so that the places of the others come first and in order
    places = np.sort(np.argsort(matrix == 0, axis=1, kind="stable")[:, :count], axis=1)
    weights = np.take_along_axis(matrix, places, axis=1)
    taps = te().reduce_axis((0, count), name="tap")

    def element(at: tuple[Any, ...], data: Any, where: Any, weight: Any) -> Any:
        def part(tap: Any) -> Any:
            own = where(at[axis], tap).astype("int64")
            return data(*at[:axis], own, *at[axis + 1 :]) * weight(at[axis], tap)

        if count > FEW:
            return te().sum(part(taps), axis=taps)
        return reduce(lambda one, other: one + other, (part(tap) for tap in range(count)))

    sizes = sizes_of(x)
    shape = (*sizes[:axis], len(matrix), *sizes[axis + 1 :])
    return b.each("interpolate", shape, element, x, b.const(places.astype(np.int32)), number(b, x, weights))


def _extrapolated(call: Call[Expr], b: Builder, y: Expr, axes: Mapping[int, Axis]) -> Expr:
    """Put the extrapolation value where `tf_crop_and_resize` reads outside."""
    outside = outside_of(axes, len(sizes_of(y)))
    if outside is None:
        return y
    value = number(b, y, call.real("extrapolation_value", 0.0))
    return b.op(relax().op.where, b.const(outside), value, y)


LOWERINGS: dict[str, Lowering] = {"Resize": resize, "Upsample": resize}
