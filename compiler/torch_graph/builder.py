"""Writes a `torch.fx` graph: calls of PyTorch's functions and of layers that hold the weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch import fx, nn

from ..lowering.refused import Refused
from .dtypes import TORCH_DTYPES, tensor_from

if TYPE_CHECKING:
    from torch.fx import Node

Array = NDArray[Any]


class Builder:
    """A graph that grows, and the module that holds its weights and constants."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.root, self.graph = nn.Module(), fx.Graph()
        self._held: dict[ir.TensorProtocol, Node] = {}
        self._parameters: dict[ir.TensorProtocol, nn.Parameter] = {}
        self._changed: dict[tuple[ir.TensorProtocol, str], ir.TensorProtocol] = {}
        self._made: list[Node] = []

    def call(self, function: Callable[..., Any], /, *operands: Any, **settings: Any) -> Node:
        """Call a function of PyTorch, or one of ours that is made of such; both by what they are imported as."""
        node = self.graph.call_function(function, operands, settings)
        self._made.append(node)
        return node

    def item(self, results: Node, index: int) -> Node:
        """Give one of several results of a call."""
        from operator import getitem

        return self.graph.call_function(getitem, (results, index))

    def layer(self, stem: str, module: nn.Module, /, *operands: Any) -> Node:
        """Call a layer that holds weights; it is named after `stem`, the name of the hub node."""
        name = _distinct(_plain(stem), self.root)
        self.root.add_module(name, module)
        node = self.graph.call_module(name, operands)
        self._made.append(node)
        return node

    def parameter(self, tensor: ir.TensorProtocol) -> nn.Parameter:
        """Give a weight of the hub as a parameter for a layer, the same for the same tensor: shared ones stay so."""
        if tensor not in self._parameters:
            self._parameters[tensor] = nn.Parameter(
                torch_tensor(tensor), requires_grad=tensor.dtype.is_floating_point()
            )
        return self._parameters[tensor]

    def changed(self, tensor: ir.TensorProtocol, change: str, make: Callable[[Array], Array]) -> ir.TensorProtocol:
        """Give a constant made of one of the hub, the same for the same tensor and `change`, which names what is done.

        So a weight that several layers hold in the same changed form stays one parameter.
        """
        if (tensor, change) not in self._changed:
            array = np.ascontiguousarray(make(tensor.numpy()))
            self._changed[tensor, change] = ir.tensor(array, name=f"{tensor.name or 'constant'}_{change}")
        return self._changed[tensor, change]

    def hold(self, tensor: ir.TensorProtocol) -> Node:
        """Give a constant of the hub, the same for the same tensor; it is a buffer of the module.

        Raises:
            Refused: when PyTorch has no such dtype.
        """
        if tensor not in self._held:
            name = _distinct(_plain(tensor.name or "constant"), self.root)
            self.root.register_buffer(name, torch_tensor(tensor))
            self._held[tensor] = self.graph.get_attr(name)
        return self._held[tensor]

    def const(self, value: Any, dtype: torch.dtype) -> Node:
        """Give a constant of our own: a number, or an array."""
        name = _distinct("constant", self.root)
        self.root.register_buffer(name, torch.as_tensor(value, dtype=dtype))
        return self.graph.get_attr(name)

    def begin(self) -> None:
        """Begin with another node of the hub: what was written so far stays."""
        self._made.clear()

    def take_back(self) -> None:
        """Leave what was written since `begin` unused: the graph drops it at the end."""
        self._made.clear()

    @property
    def operations(self) -> list[str]:
        """What was written since `begin`, by PyTorch's names."""
        return [_operation(node, self.root) for node in self._made]

    def finish(self, value: ir.Value, index: int, result: Node) -> Node:  # noqa: ARG002 - the language's form
        """Name a result after the hub's tensor; dtype and shape are seen when the graph runs."""
        return result


def torch_tensor(tensor: ir.TensorProtocol) -> torch.Tensor:
    """Give a copy of a constant of the hub.

    Raises:
        Refused: when PyTorch has no such dtype.
    """
    dtype = TORCH_DTYPES.get(tensor.dtype)
    if dtype is None:
        raise Refused(f"PyTorch has no tensors of {tensor.dtype}")
    return tensor_from(tensor.numpy())


def _operation(node: Node, root: nn.Module) -> str:
    if node.op == "call_module":
        return type(root.get_submodule(str(node.target))).__name__
    return str(getattr(node.target, "__name__", node.target))


def _plain(name: str) -> str:
    """Give a name that Python takes for an attribute."""
    plain = re.sub(r"\W", "_", name)
    return plain if plain and not plain[0].isdigit() else f"_{plain}"


def _distinct(name: str, root: nn.Module) -> str:
    found, count = name, 1
    while hasattr(root, found):
        count += 1
        found = f"{name}_{count}"
    return found
