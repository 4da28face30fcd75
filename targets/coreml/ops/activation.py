"""Activations."""

from __future__ import annotations

from ..builder import Builder, Var
from ..call import Call
from .lowering import Lowering


def relu(call: Call, b: Builder) -> Var:
    """Relu."""
    return b.op("relu", x=call[0])


LOWERINGS: dict[str, Lowering] = {
    "Relu": relu,
}
