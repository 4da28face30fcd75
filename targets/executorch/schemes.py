"""How ExecuTorch's delegate XNNPACK wants numbers quantized.

Activations are int8 with a zero point, one grid a tensor; weights int8, symmetric, one scale a channel of the output;
biases stay float in the graph, and the delegate makes int32 of them. An operator becomes one of integers when each of
its inputs is dequantized and its only reader quantizes. What joins tensors or moves elements needs one grid before and
behind it. Source: `backends/xnnpack/partition/config` and `backends/xnnpack/operators/quant_params.py` of ExecuTorch
1.5.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _F = Role.ACTIVATION, Role.WEIGHT, Role.FLOAT

_WEIGHTS: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)

_PRODUCTS: Final[Mapping[str, OpRule]] = {
    "Gemm": OpRule(inputs=(_A, _W, _F), weight_axis=1),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1),
}

_SHARES: Final = OpRule(inputs=(_A, _F), shares=True)
"""Moves integers or picks among them; what else it reads are shapes and indices."""

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="executorch",
        precision=Precision.STATIC_WI8_AI8,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.INT8, symmetric=False),
        ops={
            **_PRODUCTS,
            "Conv": OpRule(inputs=(_A, _W, _F), weight_axis=0),
            **dict.fromkeys(("Add", "Sub", "Mul"), OpRule(follows=True)),
            "Concat": OpRule(shares=True, follows=True),
            **dict.fromkeys(("MaxPool", "Reshape", "Flatten", "Transpose", "Slice"), _SHARES),
            # the mean of rows and columns is a kernel, that of windows is none
            **dict.fromkeys(("GlobalAveragePool", "ReduceMean"), OpRule(inputs=(_A, _F), follows=True)),
        },
        fused=frozenset(
            {
                *((head, tail) for head in ("Conv", "Gemm", "MatMul") for tail in ("Relu", "Clip")),
                ("Add", "Relu"),
            }
        ),
    ),
    Precision.DYNAMIC_WI8_AFP32: Scheme(
        name="executorch",
        precision=Precision.DYNAMIC_WI8_AFP32,
        weights=_WEIGHTS,
        ops=_PRODUCTS,  # the kernels quantize what they multiply, a row at a time
        min_weight_elements=1024,
    ),
}
"""Precision → scheme."""
