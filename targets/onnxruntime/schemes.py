"""How onnxruntime wants numbers quantized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _B, _F = Role.ACTIVATION, Role.WEIGHT, Role.BIAS, Role.FLOAT

_WEIGHTS: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)
_BIAS: Final = Grid(dtype=ir.DataType.INT32, symmetric=True)

_MOVES: Final = OpRule(inputs=(_A, _F), shares=True)
"""Moves integers about or picks among them; what else it reads are shapes and indices."""

_STATIC: Final[Mapping[str, OpRule]] = {
    "Conv": OpRule(inputs=(_A, _W, _B), weight_axis=0),
    # products that end in float save the rounding of their results, and cost no more
    "Gemm": OpRule(inputs=(_A, _W, _B), weight_axis=1, gives_float=True),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1, gives_float=True),
    **dict.fromkeys(("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool"), OpRule(follows=True)),
    **dict.fromkeys(("MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split"), _MOVES),
    "Pad": OpRule(inputs=(_A, _F, _A, _F), shares=True),
}

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="onnxruntime",
        precision=Precision.STATIC_WI8_AI8,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.INT8, symmetric=False),
        bias=_BIAS,
        ops=_STATIC,
        fused=frozenset({("Conv", "Relu"), ("Add", "Relu")}),
    ),
}
"""Precision → scheme."""
