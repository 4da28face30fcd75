"""Tensors made longer, or cut, at both ends of their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.padding import Ends, added, centred, ends_of, left, repeated
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr
from ..lowering import Lowering
from ..toolkit import relax, tirx
from .elements import Element, whole
from .pieces import is_float, number, sizes_of
from .slicing import cut


def pad(call: Call[Expr], b: Builder) -> Expr:
    """Pad; what is negative cuts, and a cut comes first."""
    ends, mode, sizes = ends_of(call), call.text("mode", "constant"), call.shape()
    x, around = cut(b, call[0], left(ends, sizes)), added(ends)
    if not around:
        return x
    if mode == "constant":
        value = call[2] if call.has(2) else number(b, x, 0)
        known = call.constant(2, "value") if call.is_constant(2) else np.zeros(()) if not call.has(2) else None
        return _constant(b, x, around, value, known)
    if 0 in sizes:
        raise Refused(f"the mode {mode} of a tensor without elements")
    return _repeated(b, x, around, mode)


def _constant(b: Builder, x: Expr, around: Ends, value: Expr, known: np.ndarray[Any, np.dtype[Any]] | None) -> Expr:
    sizes = sizes_of(x)
    ends = [around.get(axis, (0, 0)) for axis in range(len(sizes))]
    shape = [before + size + behind for size, (before, behind) in zip(sizes, ends, strict=True)]
    if known is not None and is_float(x) and np.isfinite(known.astype(np.float64)).all() and 0 not in sizes:
        width = [end for both in ends for end in both]
        return b.op(relax().op.nn.pad, x, width, "constant", float(known.reshape(())))

    def element(place: Sequence[Any], data: Any, filling: Any) -> Element:
        own = [index - whole(before) for index, (before, _) in zip(place, ends, strict=True)]
        filled = filling(*[whole(0)] * len(filling.shape))
        inside = [test for axis in around for test in (own[axis] >= whole(0), own[axis] < whole(sizes[axis]))]
        if 0 in sizes:
            return filled
        return tirx().if_then_else(tirx().all(*inside), data(*own), filled)  # what is outside must not be read

    return b.each("pad", shape, element, x, value)


def _repeated(b: Builder, x: Expr, around: Ends, mode: str) -> Expr:
    for axis, ends in around.items():
        sizes = sizes_of(x)
        places = repeated(sizes[axis], ends, mode)
        shape = (*sizes[:axis], len(places), *sizes[axis + 1 :])

        def element(place: Sequence[Any], data: Any, source: Any, axis: int = axis) -> Element:
            return data(*place[:axis], source(place[axis]), *place[axis + 1 :])

        x = b.each(f"pad_{mode}", shape, element, x, b.const(places, "int64"))
    return x


def center_crop_pad(call: Call[Expr], b: Builder) -> Expr:
    """CenterCropPad: cut or padded with zeros at both ends, one more behind where the difference is odd."""
    sizes, wanted, rank = call.shape(), call.result_shape(), call.rank()
    axes = [axis % rank for axis in call.ints("axes") or range(rank)]
    ends = {axis: centred(sizes[axis], wanted[axis]) for axis in axes}
    x, around = cut(b, call[0], left(ends, sizes)), added(ends)
    return _constant(b, x, around, number(b, x, 0), np.zeros(())) if around else x


LOWERINGS: dict[str, Lowering] = {"CenterCropPad": center_crop_pad, "Pad": pad}
