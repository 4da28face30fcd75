"""One node of the hub graph, as a lowering sees it."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ...compiler.expand.declared import declared_shape
from ...compiler.lowering.operands import Operands
from ...compiler.lowering.refused import Refused
from .dialect import Array, constant_of, shape_of


class Call(Operands):
    """A hub node with the dialect values that stand for its inputs, and typed access to its attributes."""

    def __init__(self, node: ir.Node, inputs: Sequence[ir.Value | None], opset: int) -> None:
        """`opset` is the version of the node's own domain."""
        super().__init__(node)
        self.inputs: tuple[ir.Value | None, ...] = tuple(inputs)
        self.opset = opset

    def __getitem__(self, index: int) -> ir.Value:
        """Give an input that the operator requires."""
        value = self.inputs[index]
        assert value is not None, (self.node, index)
        return value

    def get(self, index: int) -> ir.Value | None:
        """Give an input, None when it is not given."""
        return self.inputs[index] if index < len(self.inputs) else None

    def constant(self, index: int, what: str) -> Array:
        """Give the array of an input that must be constant; `what` is its name for the refusal."""
        array = constant_of(self[index])
        if array is None:
            raise Refused(f"its {what} is not constant")
        return array

    def sizes(self, index: int = 0) -> tuple[int, ...]:
        """Give the shape of an input, which is fixed in the dialect."""
        return shape_of(self[index])

    def declared(self, index: int = 0) -> tuple[int, ...] | None:
        """Give the static shape that the model says an output has, None when it says none."""
        return declared_shape(self.node.outputs[index])
