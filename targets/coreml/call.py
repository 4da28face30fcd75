"""One node of the hub graph, as a lowering sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from ...compiler.lowering.call import Call as HubCall
from ...compiler.lowering.refused import Refused
from .builder import Array, Var


class Call(HubCall[Var]):
    """A hub node with what stands for its inputs, whose shapes are MIL's: some sizes are known only at run time.

    MIL holds every integer as int32, whatever the hub's dtype: `dtype` tells that one. `constant` gives the hub's own
    numbers, int64 as int64, or those that MIL has computed.
    """

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


def fixed(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Give a shape without symbols.

    Raises:
        Refused: when a size is known only at run time.
    """
    if not all(isinstance(size, int | np.integer) for size in sizes):
        raise Refused("it needs a fixed shape here, and a size is known only at run time")
    return tuple(int(size) for size in sizes)
