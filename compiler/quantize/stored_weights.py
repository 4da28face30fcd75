"""The constants of a model that are its weights: what is worth another way to be stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import RefusedError
from ..passes.editing import Array, constant_array

SMALLEST_ELEMENTS: Final = 2048
"""A weight with fewer elements is left alone: its tables would cost more than they save. coremltools draws the line at
the same number (`weight_threshold`), so that files can be compared."""

_READ_BY: Final[Mapping[str, tuple[int, ...]]] = {
    "Conv": (1,),
    "ConvTranspose": (1,),
    "Einsum": (0, 1, 2),
    "GRU": (1, 2),
    "Gather": (0,),
    "Gemm": (0, 1),
    "LSTM": (1, 2),
    "MatMul": (0, 1),
    "RNN": (1, 2),
}
"""Operator → the inputs at which it multiplies by a weight, or looks rows of it up."""


def stored_weights(model: ir.Model) -> Iterator[tuple[ir.Value, Array, tuple[tuple[ir.Node, int], ...]]]:
    """Give each float32 weight of a model that is large enough, its numbers, and who multiplies by it, at which input.

    In the order in which the graph first reads them.
    """
    seen = set()
    for node in model.graph:
        for value in node.inputs:
            if value is None or value in seen:
                continue
            seen.add(value)
            readers = tuple(
                (user, index)
                for user, index in value.uses()
                if user.domain == "" and index in _READ_BY.get(user.op_type, ())
            )
            array = constant_array(value) if readers else None
            if array is not None and array.dtype == np.float32 and array.size >= SMALLEST_ELEMENTS:
                yield value, array, readers


def put(value: ir.Value, array: Array) -> None:
    """Let a constant be other numbers, float32 of the same shape; its name stays."""
    value.const_value = ir.tensor(np.ascontiguousarray(array, np.float32), name=value.name)


def none_is_large(step: str) -> RefusedError:
    """Give the refusal of a variant that would be no other than the float32 one."""
    return RefusedError(
        f"{step} changes nothing: the model has no float32 weight of {SMALLEST_ELEMENTS} elements or more",
        hint="take fp32 or fp16 instead",
    )
