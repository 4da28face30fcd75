"""Arithmetic, element by element."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .unsigned import by_bits

if TYPE_CHECKING:
    from torch.fx import Node

_BINARY: Mapping[str, Callable[..., Any]] = {"Add": torch.add, "Mul": torch.mul, "Sub": torch.sub, "Sum": torch.add}
"""ONNX operator → PyTorch's function of two operands that broadcast; some take more, in turn."""


def binary(call: Call[Node], b: Builder) -> Node:
    """Work on operands that broadcast, in turn."""
    return reduce(lambda x, y: by_bits(b, _BINARY[call.op], call.dtype(), x, y), call.all())


LOWERINGS: dict[str, Lowering] = {**dict.fromkeys(_BINARY, binary)}
