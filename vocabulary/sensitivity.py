"""How much of a model is lost when one of its nodes is quantized."""

from __future__ import annotations

import msgspec


class NodeSensitivity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What quantizing one node alone does to the model.

    `snr_db` is the power of the model's outputs over that of the error that appears in them, in dB, of the worst
    output; low is sensitive. `tensor` is the one of the node's tensors that the grid of integers fits worst,
    `tensor_snr_db` what is left of it; `why` says in words what was found.
    """

    node: str
    op: str
    snr_db: float
    tensor: str
    tensor_snr_db: float
    why: str
