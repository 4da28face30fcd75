"""Attention."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened


def scaled_dot_product_attention(a: Arguments) -> Array:
    """Give `softmax(Q K^T / sqrt(E) + mask) V`: `query: [B, *, L, E]`, `key: [B, *, S, E]`, `value: [B, *, S, V]`.

    A boolean mask says which elements take part, one of numbers is added. A row of which nothing takes part is no
    number, as in the formula of the documentation.
    """
    query, value, mask = a["query"], widened(a["value"]), a.get("attn_mask")
    wide = widened(query)
    scores = wide @ widened(a["key"]).swapaxes(-1, -2) / wide.dtype.type(np.sqrt(query.shape[-1]))
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == np.bool_ else scores + widened(mask)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    attention = weights / weights.sum(axis=-1, keepdims=True) @ value
    return narrowed(attention, query.dtype)


OPERATIONS: dict[str, Implementation] = {"scaled_dot_product_attention": scaled_dot_product_attention}
