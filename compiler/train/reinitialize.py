"""Reinitialize: a model forgets what it has learned."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import RefusedError
from ..passes.base import Pass
from ..passes.editing import Array, constant_array
from ..quantize.record import note
from .weights import MULTIPLIED, learnable, put_back

_NORMALIZATIONS: Final = ("BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization")
_RECURRENT: Final = ("GRU", "LSTM", "RNN")
_SLOPE: Final = 0.25
"""What a PRelu begins with. Source: He et al., Delving Deep into Rectifiers, 2015, section 2.1."""


class Reinitialize(Pass):
    """Draws all weights anew, for a student that is to learn from the beginning.

    What layers multiply by is drawn so that variances stay through rectifiers (He et al. 2015), of recurrent ones
    uniformly within 1/√units; scales of normalizations are one, biases zero.
    """

    def __init__(self, seed: int = 0) -> None:
        """Equal seeds draw equal weights.

        Raises:
            ValueError: when it is negative.
        """
        if seed < 0:
            raise ValueError(f"seed = {seed}: expected 0 or more")
        self.seed = seed

    def rewrite(self, model: ir.Model) -> bool:
        """Draw them.

        Raises:
            RefusedError: when the model has no weights.
        """
        weights = learnable(model.graph)
        if not weights:
            raise RefusedError("reinitialize: the model has no weights", hint="leave the step out")
        draw = np.random.default_rng(self.seed)
        for value in weights:
            put_back(model, {str(value.name): _drawn(value, draw).astype(np.float32)})
        note(model, "reinitialize", "", f"{len(weights)} constants drawn anew, seed {self.seed}")
        return True


def _drawn(value: ir.Value, draw: np.random.Generator) -> Array:
    node, index = min(value.uses(), key=lambda use: use[1])
    array = constant_array(value)
    assert array is not None
    shape, op = array.shape, node.op_type
    if op == "PRelu":
        return np.full(shape, _SLOPE)
    if op in _RECURRENT:
        units = node.attributes["hidden_size"].as_int()
        return draw.uniform(-(units**-0.5), units**-0.5, shape)
    if op in _NORMALIZATIONS:
        return np.ones(shape) if index == 1 else np.zeros(shape)
    if op == "Gather":
        return draw.standard_normal(shape)
    if op not in MULTIPLIED:
        return np.ones(shape) if op in ("Mul", "Div") else np.zeros(shape)
    is_bias = index == 2 if op in ("Conv", "ConvTranspose", "Gemm") else array.ndim < 2 and op != "MatMul"
    if is_bias:
        return np.zeros(shape)
    drawn: Array = draw.standard_normal(shape) * np.sqrt(2 / _fan_in(node, value, shape))
    return drawn


def _fan_in(node: ir.Node, value: ir.Value, shape: tuple[int, ...]) -> int:
    """Give how many products are summed up in each output."""
    if node.op_type == "Conv":
        return int(np.prod(shape[1:]))
    if node.op_type == "ConvTranspose":
        return shape[0] // node.attributes.get_int("group", 1)
    if node.op_type == "Gemm":
        return shape[1] if node.attributes.get_int("transB", 0) else shape[0]
    if node.op_type == "MatMul":  # a constant may stand on the left, and may be a vector
        return shape[-1] if len(shape) == 1 or value is node.inputs[0] else shape[-2]
    return shape[-2]
