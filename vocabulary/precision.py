"""The precisions that a variant can have."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """How the numbers of a variant are stored and computed; one precision a variant.

    `w` stands for weights, `a` for activations, `i8` for eight-bit integers, `fp32` for float32: `static_wi8_ai8` has
    both in int8 with activation ranges fixed by calibration, `dynamic_wi8_afp32` finds them at each call,
    `weight_only_wi8_afp32` stores int8 weights and computes in float32.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    WEIGHT_ONLY_WI8_AFP32 = "weight_only_wi8_afp32"
    WEIGHT_ONLY_WI4_AFP32 = "weight_only_wi4_afp32"
    DYNAMIC_WI8_AFP32 = "dynamic_wi8_afp32"
    STATIC_WI8_AI8 = "static_wi8_ai8"
    STATIC_WI8_AI16 = "static_wi8_ai16"

    @property
    def static(self) -> bool:
        """Whether activations are integers by ranges that calibration found."""
        return self in (Precision.STATIC_WI8_AI8, Precision.STATIC_WI8_AI16)

    @property
    def integer(self) -> bool:
        """Whether some numbers are stored as integers."""
        return self not in (Precision.FP32, Precision.FP16)
