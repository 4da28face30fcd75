"""Whether TFLite's SAME or VALID says what ONNX's explicit pads do."""

from __future__ import annotations

from dataclasses import replace

import onnx_ir as ir

from ....compiler.lowering.windows import Windows
from ..builder import Builder


def is_valid(windows: Windows) -> bool:
    """Whether TFLite's VALID places exactly these windows."""
    axes = zip(windows.fixed_size, windows.stride, windows.output, windows.reach, strict=True)
    return not any(windows.before) and all(
        output == -(-(size - reach + 1) // stride) for size, stride, output, reach in axes
    )


def is_same(windows: Windows) -> bool:
    """Whether TFLite's SAME places exactly these windows: ⌈size / stride⌉ of them, the odd pad at the end."""
    axes = zip(windows.fixed_size, windows.stride, windows.before, windows.output, windows.reach, strict=True)
    return all(
        output == -(-size // stride) and before == max((output - 1) * stride + reach - size, 0) // 2
        for size, stride, before, output, reach in axes
    )


def padded(
    x: ir.Value, windows: Windows, b: Builder, number: float = 0, *, explicit: bool = False
) -> tuple[ir.Value, str]:
    """Give `x` [N, spatial…, C] and the padding mode that together place exactly these windows.

    `number` fills the padding; `explicit` pads even where SAME would do, for an operator that treats SAME otherwise.
    """
    if is_valid(windows):
        return x, "VALID"
    if is_same(windows) and not explicit:
        return x, "SAME"
    pads = [(before, max(behind, 0)) for before, behind in windows.touched]
    return b.pad(x, [(0, 0), *pads, (0, 0)], number), "VALID"


def unsqueezed(windows: Windows) -> Windows:
    """Put an axis of size 1 before the one spatial axis."""
    return replace(
        windows,
        size=(1, *windows.size),
        kernel=(1, *windows.kernel),
        stride=(1, *windows.stride),
        dilation=(1, *windows.dilation),
        before=(0, *windows.before),
        after=(0, *windows.after),
    )
