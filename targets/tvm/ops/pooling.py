"""Pooling. Windows are placed by explicit padding, so that no `ceil_mode` has to mean what ONNX does.

Relax's pooling is taken where it is the same; sums with padding that does not count, norms and places are tensor
expressions of our own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ....compiler.lowering.windows import Windows, unpooled_shape, windows_of
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax, te, tirx
from .extremes import alike, joining, worst
from .indexing import places_within
from .pieces import cast, in_float32, number, reshaped, sizes_of, widened
from .reduction import extreme


def global_average_pool(call: Call[Expr], b: Builder) -> Expr:
    """GlobalAveragePool: the mean over all spatial axes."""
    axes = [*range(2, call.rank())]
    return in_float32(lambda x: b.op(relax().op.mean, x, axis=axes, keepdims=True), b, call[0])


def global_max_pool(call: Call[Expr], b: Builder) -> Expr:
    """GlobalMaxPool: the largest over all spatial axes."""
    return in_float32(lambda x: extreme(b, x, [*range(2, call.rank())], largest=True), b, call[0])


def global_lp_pool(call: Call[Expr], b: Builder) -> Expr:
    """GlobalLpPool: the p-norm of all spatial axes."""
    axes, power = [*range(2, call.rank())], call.integer("p", 2)
    return in_float32(
        lambda x: rooted(b, b.op(relax().op.sum, powered(b, x, power), axis=axes, keepdims=True), power), b, call[0]
    )


def powered(b: Builder, x: Expr, power: int) -> Expr:
    """Give |x| to the power."""
    if power == 2:
        return b.op(relax().op.multiply, x, x)
    size = b.op(relax().op.abs, x)
    return size if power == 1 else b.op(relax().op.power, size, number(b, x, power))


def rooted(b: Builder, x: Expr, power: int) -> Expr:
    """Give the root of that power."""
    if power == 1:
        return x
    return b.op(relax().op.sqrt, x) if power == 2 else b.op(relax().op.power, x, number(b, x, 1 / power))


def max_pool(call: Call[Expr], b: Builder) -> list[Expr | None]:
    """MaxPool, and where each largest element stands when somebody asks; of several the first. NaN is the largest."""
    x, windows = widened(b, call[0]), _windows(call)
    _check_reach(windows)
    best = _over_windows(b, x, windows, largest=True)
    places = None
    if call.wants(1):
        places = _first_places(b, x, best, windows, bool(call.integer("storage_order", 0)))
    return [cast(b, best, dtype_of(call[0])), places]


def average_pool(call: Call[Expr], b: Builder) -> Expr:
    """AveragePool; padding counts or does not, and what reaches beyond the declared padding never does."""
    windows = _windows(call)
    with_padding = bool(call.integer("count_include_pad", 0))
    counts = windows.counts(with_padding)
    if not counts.all():
        raise Refused("a window lies in the padding alone, whose mean is 0 / 0")
    return in_float32(lambda x: _averaged(b, x, windows, counts), b, call[0])


def _averaged(b: Builder, x: Expr, windows: Windows, counts: Any) -> Expr:
    if len(windows.kernel) == 2 and max(windows.dilation) == 1 and np.all(counts == math.prod(windows.kernel)):
        return b.op(relax().op.nn.avg_pool2d, x, windows.kernel, count_include_pad=True, **_placed(windows))
    total = _over_windows(b, x, windows)
    divisor = counts.ravel()[0] if np.all(counts == counts.ravel()[0]) else counts
    return b.op(relax().op.divide, total, number(b, x, divisor))


def _placed(windows: Windows) -> dict[str, Any]:
    return {
        "strides": windows.stride,
        "padding": [*windows.before, *windows.ends],
        "dilation": windows.dilation,
        "ceil_mode": False,
    }


def lp_pool(call: Call[Expr], b: Builder) -> Expr:
    """LpPool: the p-norm of each window; padding adds nothing."""
    windows, power = _windows(call), call.integer("p", 2)
    return in_float32(
        lambda x: rooted(b, _over_windows(b, powered(b, x, power), windows), power),
        b,
        call[0],
    )


def max_unpool(call: Call[Expr], b: Builder) -> Expr:
    """MaxUnpool: elements back where they stood, zeros elsewhere."""
    x, shape = call[0], call.shape()
    full, wanted = unpooled_shape(call)
    zeros = number(b, x, np.zeros(math.prod(full)))
    places = reshaped(b, places_within(b, call, 1, math.prod(full)), (math.prod(shape),))
    y = b.op(relax().op.scatter_elements, zeros, places, reshaped(b, x, (math.prod(shape),)), axis=0)
    y = reshaped(b, y, full)
    if wanted == full:
        return y
    behind = [more for size, known in zip(wanted, full, strict=True) for more in (0, size - known)]
    return b.op(relax().op.nn.pad, y, behind)


def _windows(call: Call[Expr]) -> Windows:
    """Read the windows of a pooling node.

    Raises:
        Refused: when SAME would need less than no padding, as windows smaller than their stride do: onnxruntime 1.31
            begins inside of the input then, and other runtimes at its start.
    """
    windows = windows_of(call, call.ints("kernel_shape") or [])
    if call.text("auto_pad", "NOTSET").startswith("SAME"):
        for size, stride, reach in zip(windows.fixed_size, windows.stride, windows.reach, strict=True):
            if (-(-size // stride) - 1) * stride + reach < size:
                raise Refused(f"auto_pad SAME of windows of {reach} every {stride} elements of {size}")
    return windows


def _check_reach(windows: Windows) -> None:
    """Check that every window holds an element of the input.

    Raises:
        Refused: when one lies in the padding alone: ONNX does not say what the largest of nothing is.
    """
    if not windows.counts(with_padding=False).all():
        raise Refused("a window lies in the padding alone, where nothing is the largest")


def _over_windows(b: Builder, x: Expr, windows: Windows, *, largest: bool = False) -> Expr:
    """Give the sum of every window of x [N, C, spatial…], or the largest in it; padding takes no part."""
    taps, dtype = _taps(windows), dtype_of(x)
    join, neutral = (
        (joining(largest=True), worst(dtype, largest=True)) if largest else (te().sum, tirx().const(0, dtype))
    )

    def element(at: tuple[Any, ...], data: Any) -> Any:
        places, inside = _places(windows, at[2:], taps)
        value = data(*at[:2], *places)
        return join(tirx().if_then_else(tirx().all(*inside), value, neutral) if inside else value, axis=taps)

    return b.each("max_pool" if largest else "sum_pool", (*sizes_of(x)[:2], *windows.output), element, x)


def _first_places(b: Builder, x: Expr, best: Expr, windows: Windows, backwards: bool) -> Expr:
    """Give where the largest element of each window first stands in the flat input, int64[N, C, windows…].

    `backwards`: the place is counted with the first spatial axis running fastest, though the first is still sought
    with the last running fastest.
    """
    taps, sizes = _taps(windows), windows.fixed_size
    channels = sizes_of(x)[1]

    def first(at: tuple[Any, ...], data: Any, most: Any) -> Any:
        places, inside = _places(windows, at[2:], taps)
        is_best = tirx().all(*inside, alike(data(*at[:2], *_held(places, sizes)), most(*at)))
        far = tirx().const(np.iinfo(np.int64).max, "int64")
        return te().min(tirx().if_then_else(is_best, _flat(places, sizes), far), axis=taps)

    def whole(at: tuple[Any, ...], place: Any) -> Any:
        flat = place(*at)
        if backwards:
            flat = _flat([*reversed(_apart(flat, sizes))], [*reversed(sizes)])
        return ((at[0] * channels + at[1]) * math.prod(sizes) + flat).astype("int64")

    shape = sizes_of(best)
    return b.each("flat_place", shape, whole, b.each("place", shape, first, x, best))


def _taps(windows: Windows) -> list[Any]:
    return [te().reduce_axis((0, width), name=f"tap{axis}") for axis, width in enumerate(windows.kernel)]


def _places(windows: Windows, at: Sequence[Any], taps: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Give the places of taps of windows in the input, and what must hold that they are not in the padding."""
    places, inside = [], []
    for axis, (window, tap) in enumerate(zip(at, taps, strict=True)):
        place = window * windows.stride[axis] + tap * windows.dilation[axis] - windows.before[axis]
        places.append(place)
        if windows.before[axis]:
            inside.append(place >= 0)
        if windows.ends[axis]:
            inside.append(place < windows.fixed_size[axis])
    return places, inside


def _held(places: Sequence[Any], sizes: Sequence[int]) -> list[Any]:
    return [te().max(te().min(place, size - 1), 0) for place, size in zip(places, sizes, strict=True)]


def _flat(places: Sequence[Any], sizes: Sequence[int]) -> Any:
    flat = places[0]
    for place, size in zip(places[1:], sizes[1:], strict=True):
        flat = flat * size + place
    return flat.astype("int64")


def _apart(flat: Any, sizes: Sequence[int]) -> list[Any]:
    places: list[Any] = []
    for size in reversed(sizes):
        places.insert(0, flat % size)
        flat = flat // size
    return places


LOWERINGS: dict[str, Lowering] = {
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "GlobalLpPool": global_lp_pool,
    "GlobalMaxPool": global_max_pool,
    "LpPool": lp_pool,
    "MaxPool": max_pool,
    "MaxUnpool": max_unpool,
}
