"""How far a graph's outputs are from those of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import onnx_ir as ir
import torch

from ...vocabulary.errors import DataError
from ..model import Model
from .function import Function, tensors
from .material import Material, rows_at
from .objective import relative_error, scores_of

_MOST_ROWS: Final = 32
"""Enough to tell blocks apart; those looked at lie evenly in the data."""


def change_from(model: Model, material: Material) -> Callable[[ir.Model], float]:
    """Give a function that tells how far the outputs of a graph of the same signature are from the model's.

    It is the root mean square difference as a share of the spread of the model's own, on some of the rows; the mean of
    outputs of floats.

    Raises:
        DataError: when there are no rows.
        RefusedError: when PyTorch cannot say some node; the message names it.
    """
    if not material.row_count:
        raise DataError("blocks are judged on rows, and there are none", hint="say data.training")
    count = min(material.row_count, _MOST_ROWS)
    rows = rows_at(material.rows, np.arange(count) * material.row_count // count)
    names = [scores.output for scores in scores_of(model)]

    def given(graph: ir.Model) -> list[torch.Tensor]:
        function = Function.of(replace(model, ir=graph), rows)
        with torch.no_grad():
            found = function(tensors(rows), {})
        return [found[name] for name in names]

    wanted = given(model.ir.clone())

    def change(graph: ir.Model) -> float:
        errors = [relative_error(one, other).sqrt() for one, other in zip(given(graph), wanted, strict=True)]
        return float(torch.stack(errors).mean())

    return change
