"""The passes between emission and serialization, which decide in what a program computes."""

from __future__ import annotations

from typing import Any

from ...vocabulary.precision import Precision
from .toolkit import coremltools

HALVING = frozenset({"common::add_fp16_cast", "common::add_int16_cast"})
"""The passes that make a program compute in half the bytes; inputs and outputs stay as they are."""


def passes(precision: Precision) -> Any:
    """Give coremltools' own passes, without those that halve unless the precision is fp16."""
    pipeline = coremltools().PassPipeline()
    if precision is not Precision.FP16:
        pipeline.remove_passes(HALVING)
    return pipeline
