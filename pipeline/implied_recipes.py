"""Recipes that need not be written down: the name of a precision is one that gives the model in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..vocabulary.precision import Precision

Steps = tuple[Any, ...]

IMPLIED: Final[Mapping[str, Steps]] = {
    precision.value: (
        ()
        if precision is Precision.FP32
        else ("float16",)
        if precision is Precision.FP16
        else ({"palettize": {"bits": precision.table_bits}},)
        if precision.table_bits
        else ({"quantize": {"precision": precision.value}},)
    )
    for precision in Precision
    if not precision.sparse
}
"""Name → steps. How many weights become zero must be said: no name of a sparse precision is a recipe."""
