"""Writes a `torch.fx` graph: calls of PyTorch's functions and of layers that hold the weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from keyword import iskeyword
from operator import getitem
from typing import TYPE_CHECKING, Any, Final

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
    """A graph that grows, and the module that holds its weights and constants.

    `numbers` notes what stands in tensors of integers that sizes are made into (`ops/numbers.py`), `stands_for` which
    tensor of the hub a node gives.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.root, self.graph = nn.Module(), fx.Graph()
        self.numbers: dict[Node, list[int | Node]] = {}
        self.stands_for: dict[Node, ir.Value] = {}
        self._held: dict[ir.TensorProtocol, Node] = {}
        self._parameters: dict[ir.TensorProtocol, nn.Parameter] = {}
        self._changed: dict[tuple[ir.TensorProtocol, str], ir.TensorProtocol] = {}
        self._made: list[Node] = []

    def input(self, name: str) -> Node:
        """Give the next input of the graph, by the nearest name that Python takes."""
        taken = {str(node.target) for node in self.graph.nodes if node.op == "placeholder"}
        return self.graph.placeholder(_distinct(_plain(name), taken.__contains__))

    def call(self, function: Callable[..., Any], /, *operands: Any, **settings: Any) -> Node:
        """Call a function of PyTorch, or one of ours that is made of such; both by what they are imported as."""
        return self._keep(self.graph.call_function(function, operands, settings))

    def item(self, results: Node, index: int) -> Node:
        """Give one of several results of a call."""
        return self._keep(self.graph.call_function(getitem, (results, index)))

    def layer(self, stem: str, module: nn.Module, /, *operands: Any) -> Node:
        """Call a layer that holds weights; it is named after `stem`, the name of the hub node."""
        name = _distinct(_plain(stem), self._is_taken)
        self.root.add_module(name, module)
        return self._keep(self.graph.call_module(name, operands))

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
            self._held[tensor] = self._buffer(tensor.name or "constant", torch_tensor(tensor))
        return self._held[tensor]

    def const(self, value: Any, dtype: torch.dtype) -> Node:
        """Give a constant of our own: a number, or an array."""
        return self._buffer("constant", torch.as_tensor(np.array(value), dtype=dtype))

    def begin(self) -> None:
        """Begin with another node of the hub: what was written so far stays."""
        self._made.clear()

    def take_back(self) -> None:
        """Take what was written since `begin` out of the graph."""
        for node in reversed(self._made):
            self.graph.erase_node(node)
        self._made.clear()

    @property
    def operations(self) -> list[str]:
        """What was written since `begin`, by PyTorch's names."""
        return [_operation(node, self.root) for node in self._made if node.target is not getitem]

    def finish(self, value: ir.Value, index: int, result: Node) -> Node:  # noqa: ARG002 - the language's form
        """Name a result after the hub's tensor; dtype and shape are looked at when the graph is whole."""
        if value.name and result in self._made:
            result._rename(_plain(value.name))  # made distinct by the graph
            self.stands_for[result] = value
        return result

    def _keep(self, node: Node) -> Node:
        self._made.append(node)
        return node

    def _buffer(self, name: str, tensor: torch.Tensor) -> Node:
        found = _distinct(_plain(name), self._is_taken)
        self.root.register_buffer(found, tensor)
        return self.graph.get_attr(found)

    def _is_taken(self, name: str) -> bool:
        return hasattr(self.root, name) or name in _OF_EVERY_MODULE


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


_OF_EVERY_MODULE: Final = frozenset(dir(fx.GraphModule(nn.Module(), fx.Graph())))
"""Attributes that the module of a graph has of its own, `graph` and `code` among them."""

_SPOKEN_FOR: Final = frozenset({"self", "torch", "device", "inf", "nan", "NoneType", "fx_pytree", "pytree"})
"""What the code of a graph calls by these names: an input of such a name would stand in front of it."""


def _plain(name: str) -> str:
    """Give the nearest name that Python takes for an attribute, and for an argument of the code of a graph."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return f"_{plain}" if not plain or plain[0].isdigit() or iskeyword(plain) or plain in _SPOKEN_FOR else plain


def _distinct(name: str, is_taken: Callable[[str], bool]) -> str:
    found, count = name, 1
    while is_taken(found):
        count += 1
        found = f"{name}_{count}"
    return found
