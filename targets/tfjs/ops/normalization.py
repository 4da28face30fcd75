"""Normalizations. What the dialect says by reductions and arithmetic is lowered there."""

from __future__ import annotations

from ..builder import Builder
from ..call import Call
from ..graph import Tensor
from .lowering import Lowering


def local_response_normalization(call: Call, b: Builder) -> Tensor:
    """Divide x float[N, H, W, C] by (bias + alpha · the sum of squares over `radius` channels either way) ^ beta."""
    return b.unary(
        "LRN",
        call[0],
        depth_radius=call.integer("radius", 0),
        bias=call.real("bias", 1.0),
        alpha=call.real("alpha", 1.0),
        beta=call.real("beta", 0.5),
    )


LOWERINGS: dict[str, Lowering] = {"LOCAL_RESPONSE_NORMALIZATION": local_response_normalization}
