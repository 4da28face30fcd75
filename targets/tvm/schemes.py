"""How TVM would want numbers quantized. No recipe asks for it yet: Q/DQ is computed in reals here, and is slower so.

Few tensors are quantized: those in front of layers with weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _F = Role.ACTIVATION, Role.WEIGHT, Role.FLOAT

_WEIGHTS: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)

_LAYERS: Final[Mapping[str, OpRule]] = {
    "Conv": OpRule(inputs=(_A, _W, _F), weight_axis=0, gives_float=True),
    "Gemm": OpRule(inputs=(_A, _W, _F), weight_axis=1, gives_float=True),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1, gives_float=True),
}

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="tvm",
        precision=Precision.STATIC_WI8_AI8,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.INT8, symmetric=False),
        ops=_LAYERS,
    ),
    Precision.WEIGHT_ONLY_WI8_AFP32: Scheme(
        name="tvm",
        precision=Precision.WEIGHT_ONLY_WI8_AFP32,
        weights=_WEIGHTS,
        ops=_LAYERS,
        min_weight_elements=1024,
    ),
}
"""Precision → scheme."""
