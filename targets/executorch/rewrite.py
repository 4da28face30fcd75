"""The graph in PyTorch, said as XNNPACK's partitioner looks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import fx
from torch.nn import functional

from ...compiler.torch_graph.graph import HUB_NODE
from ...vocabulary.precision import Precision
from .forms import FORMS, XNNPACK_FORMS, say
from .products import add_biases, choose_rows
from .real_weights import hold_reals

if TYPE_CHECKING:
    from torch.fx import Node

_OPERATORS: Final = torch.ops.quantized_decomposed

_LOW, _HIGH = -128, 127

_SMALLEST_SCALE: Final = 2.0**-23
"""Of a row that is all zeros; float32's epsilon, as PyTorch's own dynamic quantization has it."""


def rewrite(module: fx.GraphModule, precision: Precision, delegate: str) -> None:
    """Say the graph anew where ExecuTorch looks for another form; what it computes stays, but for the precision."""
    choose_rows(module)
    add_biases(module)
    fuse_bounds(module.graph)
    keep_axes_of_means(module.graph)
    say(module.graph, XNNPACK_FORMS if delegate == "xnnpack" else FORMS)
    if precision is Precision.DYNAMIC_WI8_AFP32:
        quantize_products(module.graph)
    else:
        hold_reals(module)
    if precision is Precision.FP16 and delegate != "coreml":  # which is told so, and takes float32
        compute_in_half(module)
    module.recompile()


def fuse_bounds(graph: fx.Graph) -> None:
    """Bound between two numbers by Hardtanh, and from 0 on by Relu: the partitioner fuses these with layers."""
    for node in graph.nodes:
        if node.op != "call_function" or node.target is not torch.clamp or len(node.args) != 3:
            continue
        x, low, high = node.args
        if isinstance(low, float) and isinstance(high, float):
            node.target, node.args = functional.hardtanh, (x, low, high)
        elif low == 0 and isinstance(low, float) and high is None:
            node.target, node.args = functional.relu, (x,)


def keep_axes_of_means(graph: fx.Graph) -> None:
    """Keep two axes of which a mean is taken, and drop them after: the partitioner takes the mean only so."""
    for node in tuple(graph.nodes):
        if node.op != "call_function" or node.target is not torch.mean or node.kwargs.get("keepdim", True):
            continue
        _, axes = node.args
        if len(axes) != 2:
            continue
        with graph.inserting_after(node):
            dropped = graph.call_function(drop, (node, axes))
        dropped.meta[HUB_NODE] = node.meta.get(HUB_NODE, "")
        node.replace_all_uses_with(dropped, delete_user_cb=lambda user, own=dropped: user is not own)
        node.kwargs = {**node.kwargs, "keepdim": True}


def drop(x: torch.Tensor, axes: Sequence[int]) -> torch.Tensor:
    """Give x without these axes, each of one element: a reshape, which XNNPACK has."""
    dropped = {axis % x.dim() for axis in axes}
    return x.reshape([size for axis, size in enumerate(x.shape) if axis not in dropped])


def quantize_products(graph: fx.Graph) -> None:
    """Quantize what is multiplied with weights of integers, at each call anew.

    The partitioner takes these operators into the kernel, which finds a grid for each row.
    """
    for node in tuple(graph.nodes):
        if node.op != "call_function" or node.target is not functional.linear:
            continue
        x, weight, *_ = node.args
        if getattr(weight, "target", None) is not _OPERATORS.dequantize_per_channel.default:
            continue

        def add(target: Callable[..., Any], *operands: Any, at: Node = node) -> Node:
            with graph.inserting_before(at):
                made = graph.call_function(target, operands)
            made.meta[HUB_NODE] = at.meta.get(HUB_NODE, "")
            return made

        from operator import getitem

        grid = add(_OPERATORS.choose_qparams.tensor, x, _LOW, _HIGH, _SMALLEST_SCALE, torch.int8)
        scale, point = add(getitem, grid, 0), add(getitem, grid, 1)
        integers = add(_OPERATORS.quantize_per_tensor.tensor, x, scale, point, _LOW, _HIGH, torch.int8)
        reals = add(_OPERATORS.dequantize_per_tensor.tensor, integers, scale, point, _LOW, _HIGH, torch.int8)
        node.replace_input_with(x, reals)


def compute_in_half(module: fx.GraphModule) -> None:
    """Compute in float16 what is float32, between inputs and outputs that stay float32."""
    graph = module.graph
    module.half()
    for node in graph.nodes:
        if node.op == "call_function":
            node.args = fx.node.map_aggregate(node.args, _halved)
            node.kwargs = fx.node.map_aggregate(node.kwargs, _halved)
    for node in tuple(graph.nodes):
        if node.op == "placeholder":
            with graph.inserting_after(node):
                half = graph.call_function(in_half, (node,))
            node.replace_all_uses_with(half, delete_user_cb=lambda user, own=half: user is not own)
        elif node.op == "output":
            with graph.inserting_before(node):
                node.args = (tuple(graph.call_function(in_single, (result,)) for result in node.args[0]),)


def _halved(leaf: Any) -> Any:
    return torch.float16 if leaf is torch.float32 else leaf


def in_half(x: torch.Tensor) -> torch.Tensor:
    """Give float32 in float16, anything else as it is."""
    return x.to(torch.float16) if x.dtype is torch.float32 else x


def in_single(x: torch.Tensor) -> torch.Tensor:
    """Give float16 in float32, anything else as it is."""
    return x.to(torch.float32) if x.dtype is torch.float16 else x
