"""The arithmetic of sliding windows, after ONNX's Conv and pooling: where they start, and how many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .operands import Array, Operands
from .refused import Refused

MOST_AXES = 3
"""Spatial axes that windows go over, at the most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """Windows along every spatial axis.

    `before` and `after` are the elements of padding that are declared; `ceil`: a window that begins inside of the
    input, or of the padding before it, counts even where it reaches beyond the padding behind. A size that is known
    only at run time is None.
    """

    size: tuple[int | None, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    ceil: bool

    @property
    def reach(self) -> tuple[int, ...]:
        """How many elements a dilated window spans along every axis."""
        return tuple((width - 1) * step + 1 for width, step in zip(self.kernel, self.dilation, strict=True))

    @property
    def is_even(self) -> bool:
        """Whether every axis has as much padding before as behind."""
        return self.before == self.after

    @property
    def output(self) -> tuple[int, ...]:
        """How many windows there are along every axis.

        Raises:
            Refused: when a size is known only at run time, or no window fits.
        """
        counts = []
        for full, width, stride, before, after in zip(
            self.fixed_size, self.reach, self.stride, self.before, self.after, strict=True
        ):
            span = full + before + after - width
            count = (-(-span // stride) if self.ceil else span // stride) + 1
            if self.ceil and (count - 1) * stride >= full + before:
                count -= 1  # a window that would begin in the padding behind is left out
            counts.append(count)
        if min(counts, default=1) < 1:
            raise Refused(f"no window fits: input {self.size}, kernel {self.kernel}")
        return tuple(counts)

    @property
    def ends(self) -> tuple[int, ...]:
        """The padding behind that gives exactly these windows when windows that reach beyond it are left out.

        Raises:
            Refused: as `output` does, where the declared padding is not that already.
        """
        if not self.ceil:
            return self.after
        return tuple(
            max((count - 1) * stride + width - before - full, 0)
            for count, stride, width, before, full in zip(
                self.output, self.stride, self.reach, self.before, self.fixed_size, strict=True
            )
        )

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """Elements before and behind, along every axis: `before` with `ends`."""
        return tuple(zip(self.before, self.ends, strict=True))

    @property
    def touched(self) -> tuple[tuple[int, int], ...]:
        """The padding that the windows really touch, before and behind; negative where they leave elements out.

        Raises:
            Refused: as `output` does.
        """
        axes = zip(self.fixed_size, self.stride, self.before, self.output, self.reach, strict=True)
        return tuple(
            (before, (count - 1) * stride + width - before - full) for full, stride, before, count, width in axes
        )

    @property
    def fixed_size(self) -> tuple[int, ...]:
        """The size of every axis.

        Raises:
            Refused: when one is known only at run time.
        """
        return tuple(_fixed(size) for size in self.size)

    def counts(self, with_padding: bool) -> Array:
        """Give how many elements of the input, or of it and the declared padding, each window holds, int64[output].

        Raises:
            Refused: when a size is known only at run time.
        """
        counts = np.ones((), np.int64)
        axes = zip(self.fixed_size, self.kernel, self.dilation, self.stride, self.output, strict=True)
        for axis, (size, kernel, dilation, stride, output) in enumerate(axes):
            low, high = (-self.before[axis], size + self.after[axis]) if with_padding else (0, size)
            places = np.arange(output)[:, None] * stride - self.before[axis] + np.arange(kernel) * dilation
            counts = counts[..., None] * np.sum((places >= low) & (places < high), axis=1)
        return counts


def windows_of(call: Operands, kernel: Sequence[int]) -> Windows:
    """Read the windows of a Conv or pooling node, whose first input is [N, C, spatial…].

    Raises:
        Refused: when no window fits, its padding is negative, or depends on a size that is known only at run time.
    """
    size = call.known_sizes()[2:]
    rank = _rank(call, kernel)
    stride, dilation = (call.ints(name) or [1] * rank for name in ("strides", "dilations"))
    pads = call.ints("pads") or [0] * (2 * rank)
    auto = call.text("auto_pad", "NOTSET")
    if auto == "VALID":
        pads = [0] * (2 * rank)
    elif auto != "NOTSET":
        totals = [
            _to_fill(full, step, (width - 1) * apart + 1)
            for full, step, width, apart in zip(size, stride, kernel, dilation, strict=True)
        ]
        less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
        pads = [*less, *more] if auto == "SAME_UPPER" else [*more, *less]
    if min(pads, default=0) < 0:
        raise Refused("its padding is negative")
    windows = Windows(
        size=size,
        kernel=tuple(kernel),
        stride=tuple(stride),
        dilation=tuple(dilation),
        before=tuple(pads[:rank]),
        after=tuple(pads[rank:]),
        ceil=bool(call.integer("ceil_mode", 0)) and auto in ("NOTSET", "VALID"),
    )
    if None not in size:
        _ = windows.output  # refuses what has none
    return windows


def cropping_of(call: Operands, kernel: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Give what a ConvTranspose cuts off its full result before and behind along every axis.

    What is negative behind is added instead: nothing but the bias lies there.

    Raises:
        Refused: when its padding is negative, or it wants a shape and a size is known only at run time.
    """
    rank = _rank(call, kernel)
    stride, dilation = (call.ints(name) or [1] * rank for name in ("strides", "dilations"))
    extra, pads = call.ints("output_padding") or [0] * rank, call.ints("pads") or [0] * (2 * rank)
    wanted, auto = call.ints("output_shape"), call.text("auto_pad", "NOTSET")
    if wanted is None and auto in ("NOTSET", "VALID"):
        pads = pads if auto == "NOTSET" else [0] * (2 * rank)
        if min(pads[:rank], default=0) < 0:
            raise Refused("its padding is negative")
        return tuple((pads[axis], pads[rank + axis] - extra[axis]) for axis in range(rank))
    ends = []
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        if wanted is None:  # the output is size · stride, and the full one (size − 1) · stride + reach
            total = reach - stride[axis]
        else:
            total = (call.shape()[2 + axis] - 1) * stride[axis] + reach - wanted[-rank:][axis]
        cropped = max(total + extra[axis], 0)
        first = cropped // 2 if auto == "SAME_UPPER" else cropped - cropped // 2
        ends.append((first, total - first))
    return tuple(ends)


def unpooled_shape(call: Operands) -> tuple[list[int], list[int]]:
    """Give the shape that a MaxUnpool of x [N, C, spatial…] puts elements back in, and the one that it is asked for.

    Raises:
        Refused: when what is asked for is smaller, not constant, or a size is known only at run time.
    """
    kernel = call.ints("kernel_shape") or []
    rank = len(kernel)
    stride, pads = call.ints("strides") or [1] * rank, call.ints("pads") or [0] * (2 * rank)
    batch, channels, *sizes = call.shape()
    lines = zip(sizes, stride, kernel, pads[:rank], pads[rank:], strict=True)
    full = [batch, channels, *((size - 1) * step + width - start - end for size, step, width, start, end in lines)]
    wanted = call.constant_ints(2, "output shape") or full
    if any(size < own for size, own in zip(wanted, full, strict=True)):
        raise Refused(f"its output {wanted} is smaller than what it puts back, {full}")
    return full, wanted


def _rank(call: Operands, kernel: Sequence[int]) -> int:
    rank = call.rank() - 2
    if len(kernel) != rank or not 1 <= rank <= MOST_AXES:
        raise Refused(f"windows over {rank} axes")
    return rank


def _to_fill(size: int | None, stride: int, reach: int) -> int:
    """Give the padding that makes ⌈size / stride⌉ windows of an axis, as auto_pad SAME wants it."""
    if stride == 1:
        return reach - 1
    full = _fixed(size)
    return max((-(-full // stride) - 1) * stride + reach - full, 0)


def _fixed(size: int | None) -> int:
    if size is None:
        raise Refused("where its windows lie depends on a size that is known only at run time")
    return size
