"""Integer weights of layers whose result stays real.

XNNPACK computes a layer in integers where its input, its weights and its result are. Where the result is not,
ExecuTorch 1.5.1 leaves the weights to a portable kernel, which it has for one scale and not for several, and hands what
that gives to a layer that takes it for a constant: of one channel came the bias alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import fx
from torch.nn import functional

if TYPE_CHECKING:
    from torch.fx import Node

_OPERATORS: Final = torch.ops.quantized_decomposed

_DEQUANTIZE: Final = (_OPERATORS.dequantize_per_channel.default, _OPERATORS.dequantize_per_tensor.default)
_QUANTIZE: Final = (_OPERATORS.quantize_per_channel.default, _OPERATORS.quantize_per_tensor.default)
_BOUNDS: Final = (functional.relu, functional.relu6, functional.hardtanh, torch.relu, torch.clamp)
"""What the partitioner takes into a layer, between it and the integers that it gives."""


def hold_reals(module: fx.GraphModule) -> None:
    """Have layers whose result nobody quantizes hold their weights as the reals that they stand for."""
    for node in tuple(module.graph.nodes):
        if node.op != "call_function" or node.target not in _DEQUANTIZE or node.args[0].op != "get_attr":
            continue
        if any(_gives_integers(user) for user in node.users):
            continue
        operands = [_tensor(module, operand) for operand in node.args]
        name = next(_free(module, str(node.args[0].target)))
        with torch.no_grad():
            module.register_buffer(name, node.target(*operands, **node.kwargs))
        with module.graph.inserting_before(node):
            held = module.graph.get_attr(name)
        held.meta.update(node.meta)
        node.replace_all_uses_with(held)
    module.graph.eliminate_dead_code()


def _gives_integers(layer: Node) -> bool:
    """Whether what a layer gives, bounded or not, is quantized and nothing else."""
    while len(layer.users) == 1:
        (user,) = layer.users
        if user.target in _QUANTIZE:
            return True
        if user.target not in _BOUNDS:
            return False
        layer = user
    return False


def _tensor(module: fx.GraphModule, operand: Any) -> Any:
    if not isinstance(operand, fx.Node):
        return operand
    owner, _, name = str(operand.target).rpartition(".")
    return getattr(module.get_submodule(owner), name)


def _free(module: fx.GraphModule, stem: str) -> Iterator[str]:
    """Give names for a buffer that the module does not have."""
    stem, count = f"{stem.replace('.', '_')}_reals", 0
    while True:
        name = f"{stem}_{count}" if count else stem
        if not hasattr(module, name):
            yield name
        count += 1
