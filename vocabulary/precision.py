"""The precisions that a variant can have."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """How the numbers of a variant are stored and computed; one precision a variant."""

    FP32 = "fp32"
    FP16 = "fp16"
