"""Products with constant matrices, and what becomes part of them: a bias behind, a choice of rows before."""

from __future__ import annotations

from typing import Any, Final, TypeGuard, cast

import torch
from torch import fx, nn
from torch.fx import Node
from torch.nn import functional

from ...compiler.torch_graph.graph import HUB_NODE

_DEQUANTIZED: Final = (
    torch.ops.quantized_decomposed.dequantize_per_channel.default,
    torch.ops.quantized_decomposed.dequantize_per_tensor.default,
)


def add_biases(module: fx.GraphModule) -> None:
    """Have a product add what is added to it at once, one number for each of its columns."""
    for node in tuple(module.graph.nodes):
        if not _calls(node, torch.add) or node.kwargs:
            continue
        for product, addend in (node.args, node.args[::-1]):
            bias = _constant(module, addend)
            if bias is not None and isinstance(product, Node) and _takes(module, product, bias):
                _add(module, product, bias)
                if bias.dim() > 1:
                    node.target, node.args = with_axes, (product, bias.dim())
                else:
                    node.replace_all_uses_with(product)
                    module.graph.erase_node(node)
                break
    module.graph.eliminate_dead_code()


def with_axes(x: torch.Tensor, count: int) -> torch.Tensor:
    """Give x so many axes at least, as an operand of that many does."""
    return x if x.dim() >= count else x.reshape((1,) * (count - x.dim()) + tuple(x.shape))


def choose_rows(module: fx.GraphModule) -> None:
    """Have a product with rows of which one element is 1 and the others are 0 take rows of the matrix.

    So models begin that were given integers: these are compared with 0, 1, 2…, and that is made into floats. The
    kernels that do so take longer than all the rest of a small model.
    """
    graph = module.graph
    for node in tuple(graph.nodes):
        layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if not isinstance(layer, nn.Linear) or _has_bias(layer) or not bool(layer.weight.isfinite().all()):
            continue
        compared = _compared(module, node.args[0], layer)
        if compared is None:
            continue
        name = _free(module, f"{node.target}_rows")  # with zeros on both sides: for what is none of the numbers
        module.register_buffer(name, functional.pad(layer.weight.detach().T, (0, 0, 1, 1)).contiguous())
        with graph.inserting_before(node):
            chosen = graph.call_function(rows_at, (graph.get_attr(name), *compared))
        chosen.meta[HUB_NODE] = node.meta.get(HUB_NODE, "")
        node.replace_all_uses_with(chosen)
        graph.erase_node(node)
    graph.eliminate_dead_code()


def rows_at(table: torch.Tensor, integers: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Give (integers == places) · table, whose first and last row, of zeros, are of no place.

    `places` are 0, 1, 2… on the last axis.
    """
    if integers.dim() == 0 or integers.shape[-1] != 1:
        return (integers == places).to(table.dtype) @ table[1:-1]
    indices = torch.clamp(integers.reshape(-1), -1, table.shape[0] - 2) + 1
    sizes = torch.broadcast_shapes(integers.shape, places.shape)  # type: ignore[no-untyped-call]  # PyTorch's own lack
    return table.index_select(0, indices).reshape((*sizes[:-1], table.shape[1]))


def _compared(module: fx.GraphModule, ones: Any, layer: nn.Linear) -> tuple[Node, Node] | None:
    """Give what is compared with 0, 1, 2…, as many as a layer has inputs, and these; None where it is not so."""
    if not _calls(ones, torch.Tensor.to) or ones.args[1:] != (layer.weight.dtype,):
        return None
    equal = ones.args[0]
    if not _calls(equal, torch.eq):
        return None
    for integers, places in (equal.args, equal.args[::-1]):
        known = _constant(module, places)
        if known is None or known.dtype not in (torch.int32, torch.int64) or known.dim() == 0:
            continue
        counted = torch.arange(layer.in_features, dtype=known.dtype)
        if known.shape[-1] == layer.in_features and torch.equal(known.flatten(), counted):
            return cast("tuple[Node, Node]", (integers, places))
    return None


def _calls(node: Any, function: Any) -> TypeGuard[Node]:
    return isinstance(node, Node) and node.op == "call_function" and node.target is function


def _constant(module: fx.GraphModule, node: Any) -> torch.Tensor | None:
    if not isinstance(node, Node) or node.op != "get_attr":
        return None
    held: torch.Tensor = getattr(module, str(node.target))
    return held


def _has_bias(layer: nn.Linear) -> bool:
    return getattr(layer, "bias", None) is not None


def _takes(module: fx.GraphModule, product: Node, bias: torch.Tensor) -> bool:
    """Whether a node is a product without a bias, read by one node alone, and this could be its bias."""
    if len(product.users) != 1 or bias.dim() == 0:
        return False
    layer = module.get_submodule(str(product.target)) if product.op == "call_module" else None
    if isinstance(layer, nn.Linear):
        if _has_bias(layer):
            return False
        dtype, columns = layer.weight.dtype, layer.out_features
    elif _calls(product, functional.linear) and len(product.args) == 2:
        weight: Any = product.args[1]
        if not any(_calls(weight, operator) for operator in _DEQUANTIZED):
            return False
        integers = _constant(module, weight.args[0])
        if integers is None:
            return False
        dtype, columns = torch.float32, integers.shape[0]
    else:
        return False
    return bias.dtype == dtype and bias.numel() == bias.shape[-1] == columns


def _add(module: fx.GraphModule, product: Node, bias: torch.Tensor) -> None:
    numbers = nn.Parameter(bias.reshape(-1), requires_grad=False)
    if product.op == "call_module":
        module.get_submodule(str(product.target)).bias = numbers
        return
    name = _free(module, f"{product.name}_bias")
    module.register_parameter(name, numbers)
    with module.graph.inserting_before(product):
        product.args = (*product.args, module.graph.get_attr(name))


def _free(module: fx.GraphModule, stem: str) -> str:
    """Give a name that nothing in the module has."""
    while hasattr(module, stem):
        stem += "_"
    return stem
