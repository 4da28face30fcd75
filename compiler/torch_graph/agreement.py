"""Whether a graph gives what the hub says of its tensors: dtypes and shapes, without computing anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import onnx_ir as ir
import torch
from torch import fx
from torch._subclasses import fake_tensor

from .dtypes import TORCH_DTYPES

if TYPE_CHECKING:
    from torch.fx import Node

_IS_DATA = (fake_tensor.DataDependentOutputException, fake_tensor.DynamicOutputShapeException)
"""What PyTorch raises where a size or a number is known only when the graph runs."""


class _Stopped(Exception):  # noqa: N818 - it is no error of the model: it ends the walk
    """PyTorch does not compute a node, and what comes behind cannot be known."""


def disagreements(
    module: fx.GraphModule, inputs: Sequence[ir.Value], stands_for: Mapping[Node, ir.Value]
) -> Iterator[tuple[ir.Value, str]]:
    """Give each hub value that its node does not stand for, with the reason. What is data is not followed.

    Nothing is known where a size of an input is open.
    """
    shapes = [None if value.shape is None or not value.shape.is_static() else value.shape.numpy() for value in inputs]
    if None in shapes:
        return
    with fake_tensor.FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        placed = [
            torch.empty([int(size) for size in shape or ()], dtype=TORCH_DTYPES[value.dtype or ir.DataType.UNDEFINED])
            for value, shape in zip(inputs, shapes, strict=True)
        ]
        walk = _Walk(module, stands_for)
        with suppress(_Stopped, *_IS_DATA):
            walk.run(*placed)
    yield from walk.found


class _Walk(fx.Interpreter):
    """Runs the graph on tensors without numbers, and notes what is other than the hub says.

    It goes on with what the hub says, so that what is made of it is judged for itself.
    """

    def __init__(self, module: fx.GraphModule, stands_for: Mapping[Node, ir.Value]) -> None:
        super().__init__(module)
        self.found: list[tuple[ir.Value, str]] = []
        self._stands_for = stands_for

    def run_node(self, n: Node) -> Any:
        try:
            result = super().run_node(n)
        except _IS_DATA:
            raise
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            says = str(error).strip().partition("\n")[0]
            self.found.append((self._made_by(n), f"PyTorch does not compute it: {says or type(error).__name__}"))
            raise _Stopped from error
        value = self._stands_for.get(n)
        if value is not None and isinstance(result, torch.Tensor):
            reason = _difference(value, result)
            if reason:
                self.found.append((value, reason))
                return _said(value, result)
        return result

    def _made_by(self, n: Node) -> ir.Value:
        """Give the hub value that a node is a part of: the next one that is whole."""
        while n not in self._stands_for:
            n = n.next
        return self._stands_for[n]


def _said(value: ir.Value, result: torch.Tensor) -> torch.Tensor:
    """Give a tensor as the hub says; `result` tells what it does not say."""
    shape = value.shape.numpy() if value.shape is not None and value.shape.is_static() else result.shape
    dtype = TORCH_DTYPES.get(value.dtype or ir.DataType.UNDEFINED, result.dtype)
    return torch.empty([int(size) for size in shape], dtype=dtype)


def _difference(value: ir.Value, result: torch.Tensor) -> str:
    if value.dtype is not None and TORCH_DTYPES.get(value.dtype) is not result.dtype:
        return f"it comes out as {result.dtype}, and the hub says {value.dtype}"
    if value.shape is None or not value.shape.is_static():
        return ""
    wanted = [int(size) for size in value.shape.numpy()]
    got = [*result.shape]
    if 0 in wanted:  # models declare it also where they do not know
        return ""
    return "" if got == wanted else f"it comes out in the shape {got}, and the hub says {wanted}"
