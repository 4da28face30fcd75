"""One node of the dialect, as a lowering to TF.js sees it."""

from __future__ import annotations

from collections.abc import Sequence

import onnx_ir as ir

from ...compiler.lowering.attributes import Attributes
from ...compiler.lowering.refused import Refused
from ..tflite.dialect import constant_of, dtype_name, dtype_of, shape_of
from .builder import Builder
from .graph import DTYPES, Array, DType, Tensor
from .stored import hold, reshaped, transposed


class Call(Attributes):
    """A dialect node with what stands for its operands; shapes are static, layouts channels-last.

    TF.js computes every integer as int32, whatever the hub's dtype: `hub_dtype` tells that one.
    """

    def __init__(self, node: ir.Node, inputs: Sequence[Tensor | None], b: Builder) -> None:
        """`inputs`: the values of the graph; None for a constant, which becomes one of the graph when asked for."""
        super().__init__(node)
        self._inputs, self._builder = inputs, b

    def has(self, index: int) -> bool:
        """Whether an operand is given."""
        return index < len(self.node.inputs) and self.node.inputs[index] is not None

    def __getitem__(self, index: int) -> Tensor:
        """Give an operand that the operator requires.

        Raises:
            Refused: when it is a constant that TF.js cannot hold.
        """
        given = self._inputs[index]
        return given if given is not None else hold(self._builder, self.value(index))

    def get(self, index: int) -> Tensor | None:
        """Give an operand, None when it is not given.

        Raises:
            Refused: when it is a constant that TF.js cannot hold.
        """
        return self[index] if self.has(index) else None

    def __len__(self) -> int:
        """How many operands the node names."""
        return len(self.node.inputs)

    def is_constant(self, index: int) -> bool:
        """Whether an operand is given and constant."""
        return self.has(index) and known(self.node.inputs[index]) is not None

    def constant(self, index: int, what: str) -> Array:
        """Give the array of an operand that must be constant, as the hub has it; `what` is its name for the refusal.

        Raises:
            Refused: when it is not.
        """
        array = known(self.node.inputs[index]) if self.has(index) else None
        if array is None:
            raise Refused(f"its {what} is not constant")
        return array

    def constant_ints(self, index: int, what: str) -> list[int]:
        """Give a constant operand of integers as numbers.

        Raises:
            Refused: when it is not constant.
        """
        return [int(number) for number in self.constant(index, what).ravel()]

    def transposed(self, index: int, permutation: Sequence[int]) -> Tensor:
        """Give an operand with its axes permuted, by a node only where it is no constant."""
        return transposed(self._builder, self.value(index), self._inputs[index], permutation)

    def reshaped(self, index: int, shape: Sequence[int]) -> Tensor:
        """Give an operand in another shape, by a node only where it is no constant."""
        return reshaped(self._builder, self.value(index), self._inputs[index], shape)

    def value(self, index: int) -> ir.Value:
        """Give an operand as the dialect has it."""
        value = self.node.inputs[index]
        assert value is not None, (self.node, index)
        return value

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Give the shape of an operand."""
        return shape_of(self.value(index))

    def hub_dtype(self, index: int = 0) -> ir.DataType:
        """Give the dtype that an operand has in the hub."""
        return dtype_of(self.value(index))

    def result_shape(self, index: int = 0) -> tuple[int, ...]:
        """Give the shape of a result."""
        return shape_of(self.node.outputs[index])

    def result_hub_dtype(self, index: int = 0) -> ir.DataType:
        """Give the dtype that a result has in the hub."""
        return dtype_of(self.node.outputs[index])

    def result_dtype(self, index: int = 0) -> DType:
        """Give the dtype that TF.js holds a result in.

        Raises:
            Refused: when it has none for it.
        """
        name = dtype_name(self.result_hub_dtype(index))
        if name not in DTYPES:
            raise Refused(f"TF.js has no {name}")
        return DTYPES[name]


def known(value: ir.Value | None) -> Array | None:
    """Give the array of a constant, also of one that the dialect casts or reshapes; None for what is known later."""
    array = constant_of(value)
    node = value.producer() if value is not None and array is None else None
    if value is None or node is None or node.op_type not in ("CAST", "RESHAPE"):
        return array
    inner = known(node.inputs[0])
    return None if inner is None else inner.reshape(shape_of(value)).astype(dtype_of(value).numpy())
