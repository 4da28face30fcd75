"""One node of the hub graph, as a lowering sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ...compiler.lowering.attributes import Attributes
from ...compiler.lowering.refused import Refused
from .builder import Array, Builder, Var

Given = Var | ir.TensorProtocol | None
"""What stands for an input of a node: a MIL value, a constant of the hub that is none yet, or nothing."""


class Call(Attributes):
    """A hub node with what stands for its inputs.

    MIL holds every integer as int32, whatever the hub's dtype: `dtype` tells that one. A constant becomes one of MIL's
    when it is asked for as a value (`call[1]`); `constant` gives the hub's own numbers, int64 as int64.
    """

    def __init__(self, node: ir.Node, inputs: Sequence[Given], opset: int, b: Builder) -> None:
        """`opset` is the version of the node's own domain."""
        super().__init__(node)
        self.inputs, self.opset = tuple(inputs), opset
        self._builder = b

    def has(self, index: int) -> bool:
        """Whether an input is given."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def __getitem__(self, index: int) -> Var:
        """Give an input that the operator requires.

        Raises:
            Refused: when it is a constant that MIL cannot hold.
        """
        given = self.inputs[index]
        assert given is not None, (self.node, index)
        return self._builder.hold(given) if isinstance(given, ir.TensorProtocol) else given

    def get(self, index: int) -> Var | None:
        """Give an input, None when it is not given.

        Raises:
            Refused: when it is a constant that MIL cannot hold.
        """
        return self[index] if self.has(index) else None

    def dtype(self, index: int = 0) -> ir.DataType:
        """Give the dtype that an input has in the hub.

        Raises:
            Refused: when the hub does not know it.
        """
        value = self.node.inputs[index]
        if value is None or value.dtype is None:
            raise Refused("the dtype of its input is not known")
        return value.dtype

    def result_dtype(self, index: int = 0) -> ir.DataType:
        """Give the dtype that an output has in the hub.

        Raises:
            Refused: when the hub does not know it.
        """
        dtype = self.node.outputs[index].dtype
        if dtype is None:
            raise Refused("the dtype of its output is not known")
        return dtype

    def is_constant(self, index: int) -> bool:
        """Whether an input is given and constant."""
        given = self.inputs[index] if index < len(self.inputs) else None
        return given is not None and (isinstance(given, ir.TensorProtocol) or given.val is not None)

    def constant(self, index: int, what: str) -> Array:
        """Give the array of an input that must be constant; `what` is its name for the refusal.

        Raises:
            Refused: when it is not.
        """
        if not self.is_constant(index):
            raise Refused(f"its {what} is not constant")
        given = self.inputs[index]
        assert given is not None
        return given.numpy() if isinstance(given, ir.TensorProtocol) else np.asarray(given.val)

    def constant_ints(self, index: int, what: str) -> list[int] | None:
        """Give a constant integer input as numbers, None when it is not given.

        Raises:
            Refused: when it is not constant.
        """
        return [int(number) for number in self.constant(index, what).ravel()] if self.has(index) else None

    def sizes(self, index: int = 0) -> tuple[Any, ...]:
        """Give the shape of an input, with MIL's symbols for sizes that are known only at run time."""
        given = self.inputs[index]
        assert given is not None, (self.node, index)
        return tuple(given.shape.numpy() if isinstance(given, ir.TensorProtocol) else given.shape)

    def shape(self, index: int = 0) -> tuple[int, ...]:
        """Give the shape of an input, all of its sizes fixed.

        Raises:
            Refused: when a size is known only at run time.
        """
        return fixed(self.sizes(index))

    def rank(self, index: int = 0) -> int:
        """Give the number of axes of an input."""
        return len(self.sizes(index))

    def axis(self, default: int, index: int = 0) -> int:
        """Read the attribute `axis`, counted from the front."""
        return self.integer("axis", default) % max(self.rank(index), 1)


def fixed(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Give a shape without symbols.

    Raises:
        Refused: when a size is known only at run time.
    """
    if not all(isinstance(size, int | np.integer) for size in sizes):
        raise Refused("it needs a fixed shape here, and a size is known only at run time")
    return tuple(int(size) for size in sizes)
