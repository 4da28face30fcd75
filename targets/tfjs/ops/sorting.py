"""Order: the largest few, and boxes that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

from ..builder import Builder
from ..call import Call
from ..graph import DType, Tensor
from .lowering import Lowering


def top_k(call: Call, b: Builder) -> Sequence[Tensor]:
    """Give the largest k along the last axis, sorted, and their places; of equals the first comes first."""
    x, shape = call[0], call.result_shape()
    count = call.reshaped(1, ())
    return b.ops("TopKV2", [x, count], [(shape, x.dtype), (shape, DType.INT)], sorted=True, T=x.dtype)


def non_max_suppression(call: Call, b: Builder) -> Sequence[Tensor]:
    """Give the boxes that stay, padded with 0 to all that may, and how many they are."""
    operands = [call[0], call[1], *(call.reshaped(index, ()) for index in (2, 3, 4))]
    results = [(call.result_shape(), DType.INT), ((), DType.INT)]
    return b.ops(
        "NonMaxSuppressionV4",
        operands,
        results,
        T=DType.FLOAT,
        T_threshold=DType.FLOAT,
        pad_to_max_output_size=True,
    )


LOWERINGS: dict[str, Lowering] = {"NON_MAX_SUPPRESSION_V4": non_max_suppression, "TOPK_V2": top_k}
