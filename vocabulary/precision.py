"""The precisions that a variant can have."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Precision(StrEnum):
    """How the numbers of a variant are stored and computed; one precision a variant.

    `w` stands for weights, `a` for activations, `i8` for eight-bit integers, `fp32` for float32: `static_wi8_ai8` has
    both in int8 with activation ranges fixed by calibration, `dynamic_wi8_afp32` finds them at each call,
    `weight_only_wi8_afp32` stores int8 weights and computes in float32. `lut4`: the weights of a tensor take at most
    2⁴ values, and are places in a table of those. `sparse`: many weights are zero, and only the others are stored.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    WEIGHT_ONLY_WI8_AFP32 = "weight_only_wi8_afp32"
    WEIGHT_ONLY_WI4_AFP32 = "weight_only_wi4_afp32"
    WEIGHT_ONLY_LUT8_AFP32 = "weight_only_lut8_afp32"
    WEIGHT_ONLY_LUT6_AFP32 = "weight_only_lut6_afp32"
    WEIGHT_ONLY_LUT4_AFP32 = "weight_only_lut4_afp32"
    WEIGHT_ONLY_SPARSE_AFP32 = "weight_only_sparse_afp32"
    WEIGHT_ONLY_SPARSE_WI8_AFP32 = "weight_only_sparse_wi8_afp32"
    WEIGHT_ONLY_SPARSE_LUT8_AFP32 = "weight_only_sparse_lut8_afp32"
    WEIGHT_ONLY_SPARSE_LUT6_AFP32 = "weight_only_sparse_lut6_afp32"
    WEIGHT_ONLY_SPARSE_LUT4_AFP32 = "weight_only_sparse_lut4_afp32"
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
        return "_wi" in self

    @property
    def sparse(self) -> bool:
        """Whether zeros among the weights are not stored."""
        return "_sparse" in self

    @property
    def table_bits(self) -> int:
        """How many bits say which value of its tensor's table a weight has; 0 when there are no tables."""
        return next((bits for bits in (4, 6, 8) if f"_lut{bits}" in self), 0)

    @property
    def lossy(self) -> bool:
        """Whether weights or activations are others than the model's, by more than the rounding of a float."""
        return self not in (Precision.FP32, Precision.FP16)

    def behind(self, before: Precision) -> Precision:
        """Give the precision of a model that had the precision `before` and was given this one."""
        return JOINT.get((before, self), self)


JOINT: Final[Mapping[tuple[Precision, Precision], Precision]] = {
    (Precision.WEIGHT_ONLY_SPARSE_AFP32, second): joint
    for second, joint in (
        (Precision.WEIGHT_ONLY_WI8_AFP32, Precision.WEIGHT_ONLY_SPARSE_WI8_AFP32),
        (Precision.WEIGHT_ONLY_LUT8_AFP32, Precision.WEIGHT_ONLY_SPARSE_LUT8_AFP32),
        (Precision.WEIGHT_ONLY_LUT6_AFP32, Precision.WEIGHT_ONLY_SPARSE_LUT6_AFP32),
        (Precision.WEIGHT_ONLY_LUT4_AFP32, Precision.WEIGHT_ONLY_SPARSE_LUT4_AFP32),
    )
}
"""(the precision of a model, the one that it is given) → both together. Any other replaces what was before."""
