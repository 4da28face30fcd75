"""Sums over products by the names of axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .unsigned import cooked, raw

if TYPE_CHECKING:
    from torch.fx import Node


def einsum(call: Call[Node], b: Builder) -> Node:
    """Einsum, whose equations PyTorch reads as ONNX does."""
    dtype = call.dtype()
    operands = [raw(b, operand, dtype) for operand in call.all()]
    return cooked(b, b.call(torch.einsum, call.text("equation", "").replace(" ", ""), *operands), dtype)


LOWERINGS: dict[str, Lowering] = {"Einsum": einsum}
