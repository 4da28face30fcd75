"""Which axis of a tensor counts channels, by what gives it and what takes it."""

from __future__ import annotations

from typing import Final

import onnx_ir as ir

_SECOND: Final = frozenset(
    {
        "AveragePool",
        "BatchNormalization",
        "Conv",
        "ConvTranspose",
        "DepthToSpace",
        "GlobalAveragePool",
        "GlobalLpPool",
        "GlobalMaxPool",
        "GroupNormalization",
        "InstanceNormalization",
        "LRN",
        "LpPool",
        "MaxPool",
        "SpaceToDepth",
    }
)
"""What eats and gives [N, C, …]."""

_LAST: Final = frozenset({"Gemm", "GRU", "LSTM", "LayerNormalization", "MatMul", "RMSNormalization", "RNN"})
"""What eats and gives […, C]."""


def channel_axis(value: ir.Value, rank: int) -> int | None:
    """Give the axis, counted from the front; None when nobody says one.

    What takes the tensor has the first word, because that is where channels of one tensor are summed up; where those
    who take it disagree, or none of them knows channels, what gives it decides.
    """
    taken = {axis for node, index in value.uses() if (axis := _of_input(node, index, rank)) is not None}
    if len(taken) == 1:
        return taken.pop()
    producer = value.producer()
    return _axis(producer, rank) if producer is not None and value is producer.outputs[0] else None


def _of_input(node: ir.Node, index: int, rank: int) -> int | None:
    if index != 0:
        return rank - 2 if index == 1 and node.op_type == "MatMul" and rank >= 2 else None
    if node.op_type == "Gemm" and node.attributes.get_int("transA"):
        return 0
    return _axis(node, rank)


def _axis(node: ir.Node, rank: int) -> int | None:
    if node.domain not in ("", "ai.onnx"):
        return None
    if node.op_type in _SECOND:
        return 1 if rank >= 2 else None
    return rank - 1 if node.op_type in _LAST and rank >= 1 else None
