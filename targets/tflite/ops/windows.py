"""The arithmetic of sliding windows: ONNX's explicit pads, and whether TFLite's SAME or VALID says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import shape_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Windows:
    """Windows along every spatial axis: `output` of them, `kernel` wide, starting `before` elements outside."""

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """How many elements a dilated window spans along every axis."""
        return tuple((kernel - 1) * dilation + 1 for kernel, dilation in zip(self.kernel, self.dilation, strict=True))

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """The padding that the windows really touch, before and after; negative when they leave elements out."""
        axes = zip(self.size, self.stride, self.before, self.output, self.reach, strict=True)
        return tuple(
            (before, (output - 1) * stride + reach - before - size) for size, stride, before, output, reach in axes
        )

    @property
    def is_valid(self) -> bool:
        """Whether TFLite's VALID places exactly these windows."""
        axes = zip(self.size, self.stride, self.output, self.reach, strict=True)
        return not any(self.before) and all(
            output == -(-(size - reach + 1) // stride) for size, stride, output, reach in axes
        )

    @property
    def is_same(self) -> bool:
        """Whether TFLite's SAME places exactly these windows: ⌈size / stride⌉ of them, the odd pad at the end."""
        axes = zip(self.size, self.stride, self.before, self.output, self.reach, strict=True)
        return all(
            output == -(-size // stride) and before == max((output - 1) * stride + reach - size, 0) // 2
            for size, stride, before, output, reach in axes
        )


def windows_of(call: Call, kernel: Sequence[int]) -> Windows:
    """Read the windows of a Conv or pooling node, whose first input is [N, C, spatial…]."""
    size = shape_of(call[0])[2:]
    rank = len(size)
    stride = call.ints("strides") or [1] * rank
    dilation = call.ints("dilations") or [1] * rank
    reach = [(width - 1) * step + 1 for width, step in zip(kernel, dilation, strict=True)]
    pads = call.ints("pads") or [0] * (2 * rank)
    before, after = pads[:rank], pads[rank:]
    rounding = -1 if call.integer("ceil_mode", 0) else 1
    match call.text("auto_pad", "NOTSET"):
        case "VALID":
            before, after = [0] * rank, [0] * rank
        case ("SAME_UPPER" | "SAME_LOWER") as side:
            totals = [
                max((-(-full // step) - 1) * step + width - full, 0)
                for full, step, width in zip(size, stride, reach, strict=True)
            ]
            before = [(total + (side == "SAME_LOWER")) // 2 for total in totals]
            after = [total - start for total, start in zip(totals, before, strict=True)]
            rounding = 1
    output = []
    for full, step, width, start, end in zip(size, stride, reach, before, after, strict=True):
        span = full + start + end - width
        count = (span // step if rounding > 0 else -(-span // step)) + 1
        if rounding < 0 and (count - 1) * step >= full + start:
            # A window that would start in the padding at the end is left out.
            count -= 1
        output.append(count)
    if min(output, default=1) < 1 or min(before, default=0) < 0:
        raise Refused(f"its windows do not fit: input {size}, kernel {tuple(kernel)}, pads {tuple(pads)}")
    return Windows(
        size=tuple(size),
        kernel=tuple(kernel),
        stride=tuple(stride),
        dilation=tuple(dilation),
        before=tuple(before),
        output=tuple(output),
    )


def padded(
    x: ir.Value, windows: Windows, b: Builder, number: float = 0, *, explicit: bool = False
) -> tuple[ir.Value, str]:
    """Give `x` [N, spatial…, C] and the padding mode that together place exactly these windows.

    `number` fills the padding; `explicit` pads even where SAME would do, for an operator that treats SAME otherwise.
    """
    if windows.is_valid:
        return x, "VALID"
    if windows.is_same and not explicit:
        return x, "SAME"
    pads = [(before, max(after, 0)) for before, after in windows.pads]
    return b.pad(x, [(0, 0), *pads, (0, 0)], number), "VALID"


def unsqueezed(windows: Windows) -> Windows:
    """Put an axis of size 1 before the one spatial axis."""
    return Windows(
        size=(1, *windows.size),
        kernel=(1, *windows.kernel),
        stride=(1, *windows.stride),
        dilation=(1, *windows.dilation),
        before=(0, *windows.before),
        output=(1, *windows.output),
    )
