"""Rounding through which gradients pass: the quantizers of a PyTorch graph, made to learn."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import torch
from torch import Tensor, fx

from ..quantize.scheme import Grid
from ..torch_graph.ops.quantization import over_axis, quantized, quantized_by_range


class _Round(torch.autograd.Function):
    """Rounds half to even; its gradient is that of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004 - the form of PyTorch's functions
        return torch.round(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:  # noqa: ARG004 - the form of PyTorch's functions
        return gradients[0]


def rounded(x: Tensor) -> Tensor:
    """Round half to even, and let gradients pass."""
    return cast("Tensor", _Round.apply(x))  # type: ignore[no-untyped-call]  # PyTorch does not say what it gives


def nearest(x: Tensor, scale: Tensor, zero_point: Tensor | None, axis: int, block: int, low: int, high: int) -> Tensor:
    """Give the nearest integers that stand for x, as floats: clip(round_half_to_even(x / scale) + zero point)."""
    steps = rounded(x / over_axis(scale, x, axis, block))
    if zero_point is not None:
        steps = steps + over_axis(zero_point.float(), x, axis, block)
    return steps.clamp(low, high)


def _quantized(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor | None,
    axis: int,
    block: int,
    low: int,
    high: int,
    dtype: torch.dtype,  # noqa: ARG001 - the integers stay floats
) -> Tensor:
    return nearest(x, scale, zero_point, axis, block, low, high)


def _quantized_by_range(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Do as the quantizer that looks at its input's range; the range itself has no gradient."""
    _, scale, point = quantized_by_range(x.detach())
    return (rounded(x / scale) + point.float()).clamp(0, 255), scale, point


_LEARNING = {quantized: _quantized, quantized_by_range: _quantized_by_range}


def let_gradients_through(module: fx.GraphModule, weights: Collection[int], grid: Grid) -> None:
    """Let the quantizers of a graph pass gradients on, in place.

    `weights` are the places of those inputs that are weights: they take the integers of `grid`, which may be fewer than
    their dtype has.
    """
    inputs = [node for node in module.graph.nodes if node.op == "placeholder"]
    of_weights = {inputs[place] for place in weights}
    for node in module.graph.nodes:
        if node.target in _LEARNING:
            node.target = _LEARNING[node.target]
            if node.args[0] in of_weights:
                node.args = (*node.args[:5], grid.lowest, grid.highest, *node.args[7:])
    module.recompile()
