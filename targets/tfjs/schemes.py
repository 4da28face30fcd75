"""How TF.js wants models quantized: the weights alone; its kernels compute with floats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _F = Role.ACTIVATION, Role.WEIGHT, Role.FLOAT

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.WEIGHT_ONLY_WI8_AFP32: Scheme(
        name="tfjs",
        precision=Precision.WEIGHT_ONLY_WI8_AFP32,
        weights=Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True),
        ops={
            "Conv": OpRule(inputs=(_A, _W, _F), weight_axis=0),
            "ConvTranspose": OpRule(inputs=(_A, _W, _F), weight_axis=1),
            "Gather": OpRule(inputs=(_W, _F), weight_axis=0),
            "Gemm": OpRule(inputs=(_A, _W, _F), weight_axis=1),
            "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1),
        },
        min_weight_elements=1024,
    ),
}
"""Precision → scheme. A scale for each channel: one for all would leave depthwise filters a few steps of their own."""
