"""Which tensor of the hub a value of the dialect stands for, kept while the graph is rewritten.

A value that holds the elements of a hub tensor, axes permuted and in whatever shape, has an `Origin` for it. Nothing is
compiled differently for that; whoever looks into an artifact reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from .dialect import constant_operand, is_constant, operand, shape_of
from .legalize.permutation import Permutation, identity, inverse

_KEY = "hub"


@dataclass(frozen=True, slots=True)
class Origin:
    """A tensor of the hub by its name, its shape, and the order of its axes in the value that stands for it."""

    name: str
    shape: tuple[int, ...]
    permutation: Permutation

    @property
    def permuted_shape(self) -> tuple[int, ...]:
        """The shape of the hub's tensor with its axes in this order."""
        return tuple(self.shape[axis] for axis in self.permutation)


def origins(value: ir.Value) -> tuple[Origin, ...]:
    """Give the hub tensors that a value stands for."""
    found: tuple[Origin, ...] = value.meta.get(_KEY, ())
    return found


def stands_for(value: ir.Value, name: str) -> None:
    """Note that a value is this tensor of the hub, and what that says of the values that it is made of."""
    shape = shape_of(value)
    _add(value, (Origin(name, shape, identity(len(shape))),))


def carry_origins(old: ir.Value, new: ir.Value) -> None:
    """Note that `new` takes the place of `old`."""
    _add(new, origins(old))


def forget_origins(value: ir.Value) -> None:
    """Note that a value stands for no tensor of the hub any more: its numbers are about to become others."""
    value.meta.pop(_KEY, None)


def _add(value: ir.Value, found: tuple[Origin, ...]) -> None:
    """Add what a value stands for, and the same, in their own order, to what it is a TRANSPOSE or a RESHAPE of."""
    while found and not is_constant(value):
        value.meta[_KEY] = tuple(dict.fromkeys((*origins(value), *found)))
        maker = value.producer()
        if maker is None or maker.op_type not in ("TRANSPOSE", "RESHAPE"):
            return
        if maker.op_type == "TRANSPOSE":
            back = inverse(tuple(int(axis) for axis in constant_operand(maker, 1)))
            shape = shape_of(value)
            found = tuple(
                Origin(origin.name, origin.shape, tuple(origin.permutation[axis] for axis in back))
                for origin in found
                if origin.permuted_shape == shape
            )
        value = operand(maker, 0)
