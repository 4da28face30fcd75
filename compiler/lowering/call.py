"""One node of an expanded hub graph, as a lowering sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import onnx_ir as ir

from .operands import Array, Operands
from .refused import Refused

V = TypeVar("V")
VCo = TypeVar("VCo", covariant=True)


class Holding(Protocol[VCo]):
    """What can take a constant of the hub into its own language."""

    def hold(self, tensor: ir.TensorProtocol) -> VCo:
        """Give a constant of the hub as a value, the same for the same tensor.

        Raises:
            Refused: when the language has no such constant.
        """
        ...


class Call(Operands, Generic[V]):
    """A hub node with what stands for its inputs: a value of the language, a constant that is none yet, or nothing.

    A constant becomes a value when it is asked for as one (`call[1]`); `constant` gives its array. Shapes and dtypes
    are the hub's.
    """

    def __init__(
        self,
        node: ir.Node,
        inputs: Sequence[V | ir.TensorProtocol | None],
        opset: int,
        holder: Holding[V],
        opsets: Mapping[str, int],
    ) -> None:
        """`opset` is the version of the node's own domain, `opsets` are those of the graph."""
        super().__init__(node)
        self.inputs: tuple[V | ir.TensorProtocol | None, ...] = tuple(inputs)
        self.opset, self.opsets = opset, opsets
        self._holder = holder

    def __getitem__(self, index: int) -> V:
        """Give an input that the operator requires.

        Raises:
            Refused: when it is a constant that the language cannot hold.
        """
        given = self.inputs[index]
        assert given is not None, (self.node, index)
        return self._holder.hold(given) if isinstance(given, ir.TensorProtocol) else given

    def get(self, index: int) -> V | None:
        """Give an input, None when it is not given.

        Raises:
            Refused: when it is a constant that the language cannot hold.
        """
        return self[index] if self.has(index) else None

    def all(self) -> list[V]:
        """Give all inputs of an operator that takes any number of them.

        Raises:
            Refused: when one is a constant that the language cannot hold.
        """
        return [self[index] for index in range(len(self.inputs))]

    def dtype(self, index: int = 0) -> ir.DataType:
        """Give the dtype of an input.

        Raises:
            Refused: when the hub does not know it.
        """
        return _dtype(self._input(index), "input")

    def result_dtype(self, index: int = 0) -> ir.DataType:
        """Give the dtype of an output.

        Raises:
            Refused: when the hub does not know it.
        """
        return _dtype(self.node.outputs[index], "output")

    def is_constant(self, index: int) -> bool:
        """Whether an input is given and constant."""
        return self.has(index) and isinstance(self.inputs[index], ir.TensorProtocol)

    def constant(self, index: int, what: str) -> Array:
        """Give the array of an input that must be constant; `what` is its name for the refusal.

        Raises:
            Refused: when it is not.
        """
        given = self.inputs[index] if self.has(index) else None
        if not isinstance(given, ir.TensorProtocol):
            raise Refused(f"its {what} is not constant")
        return given.numpy()

    def sizes(self, index: int = 0) -> tuple[Any, ...]:
        """Give the size of every axis of an input, as the hub knows it.

        Raises:
            Refused: when it does not even know how many there are.
        """
        shape = self._input(index).shape
        if shape is None:
            raise Refused("how many axes its input has is not known")
        return tuple(shape)

    def result_shape(self, index: int = 0) -> tuple[int, ...]:
        """Give the shape of an output.

        Raises:
            Refused: when a size is known only at run time.
        """
        return _shape(self.node.outputs[index])

    def _input(self, index: int) -> ir.Value:
        value = self.node.inputs[index]
        assert value is not None, (self.node, index)
        return value


def _dtype(value: ir.Value, what: str) -> ir.DataType:
    if value.dtype is None:
        raise Refused(f"the dtype of its {what} is not known")
    return value.dtype


def _shape(value: ir.Value) -> tuple[int, ...]:
    if value.shape is None or not value.shape.is_static():
        raise Refused("it needs a fixed shape here, and a size of its output is known only at run time")
    return tuple(int(size) for size in np.asarray(value.shape.numpy()).ravel())
