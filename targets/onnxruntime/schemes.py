"""How onnxruntime wants numbers quantized, so that an artifact is right and fast on any x86-64 or ARM CPU.

Activations are uint8 and weights int8 in −63…63. That pair has the fast kernels on all CPUs: with VNNI, int8 by int8
takes up to 45 times as long as uint8 by int8, and uint8 by uint8 up to 4.5 times. With AVX2 and no VNNI the kernels add
two products of it in 16 bits, and saturate when weights reach 127 (a sum of 64 came out as 32.4): 2 · 255 · 63 = 32130
fits. Source: https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, and measured; the decision
is docs/adr/0013.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _B, _F = Role.ACTIVATION, Role.WEIGHT, Role.BIAS, Role.FLOAT

_WEIGHTS: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True, largest=63)
_STORED_WEIGHTS: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)
"""Of weights that are only stored as integers and multiplied as floats."""

_SMALLEST_WEIGHT: Final = 1024
"""Elements. The nodes and scales of a smaller weight take more bytes than it saves."""

_MOVES: Final = OpRule(inputs=(_A, _F), shares=True)
"""Moves integers about or picks among them; what else it reads are shapes and indices."""

_STATIC: Final[Mapping[str, OpRule]] = {
    "Conv": OpRule(inputs=(_A, _W, _B), weight_axis=0),
    # products that end in float save the rounding of their results, and cost no more
    "Gemm": OpRule(inputs=(_A, _W, _B), weight_axis=1, gives_float=True),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1, gives_float=True),
    **dict.fromkeys(("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool"), OpRule(follows=True)),
    **dict.fromkeys(
        ("MaxPool", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Slice", "Split", "Gather"), _MOVES
    ),
    "Pad": OpRule(inputs=(_A, _F, _A, _F), shares=True),
}

_STORED: Final[Mapping[str, OpRule]] = {
    "Conv": OpRule(inputs=(_F, _W, _F), weight_axis=0),
    "ConvTranspose": OpRule(inputs=(_F, _W, _F), weight_axis=1),
    "Gemm": OpRule(inputs=(_F, _W, _F), weight_axis=1),
    "MatMul": OpRule(inputs=(_F, _W), weight_axis=-1),
    "Gather": OpRule(inputs=(_W, _F), weight_axis=0),
}
"""Weights that become floats again when the artifact is loaded."""

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="onnxruntime",
        precision=Precision.STATIC_WI8_AI8,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.UINT8, symmetric=False),
        bias=Grid(dtype=ir.DataType.INT32, symmetric=True),
        ops=_STATIC,
        fused=frozenset({("Conv", "Relu"), ("Add", "Relu")}),
        tables={"Gather": OpRule(inputs=(_W, _F), weight_axis=0, gives_float=True)},
    ),
    # ConvInteger is 5 to 18 times slower than Conv: only products are computed in integers, other weights are stored so
    Precision.DYNAMIC_WI8_AFP32: Scheme(
        name="onnxruntime",
        precision=Precision.DYNAMIC_WI8_AFP32,
        weights=_WEIGHTS,
        dynamic=True,
        ops={
            **_STORED,
            "Gemm": OpRule(inputs=(_A, _W, _F), weight_axis=1),
            "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1),
        },
        min_weight_elements=_SMALLEST_WEIGHT,
    ),
    Precision.WEIGHT_ONLY_WI8_AFP32: Scheme(
        name="onnxruntime",
        precision=Precision.WEIGHT_ONLY_WI8_AFP32,
        weights=_STORED_WEIGHTS,
        ops=_STORED,
        min_weight_elements=_SMALLEST_WEIGHT,
    ),
    Precision.WEIGHT_ONLY_WI4_AFP32: Scheme(
        name="onnxruntime",
        precision=Precision.WEIGHT_ONLY_WI4_AFP32,
        weights=Grid(dtype=ir.DataType.INT4, symmetric=True, narrow=True),
        block=32,
        ops={name: _STORED[name] for name in ("Gemm", "MatMul", "Gather")},
        min_weight_elements=_SMALLEST_WEIGHT,
    ),
}
"""Precision → scheme."""
