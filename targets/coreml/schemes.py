"""How Core ML wants numbers quantized.

Activations and weights of eight bits, both symmetric: that pair has the fast path of the Neural Engine (A17 Pro, M4 and
later). What is never negative, as behind a Relu, has the zero point at the lowest integer, which is no zero point of
unsigned integers; coremltools' own quantizer for PyTorch does the same. Weights of four bits are by blocks (iOS 18).
Source: the guide to coremltools, "Optimizing Models", https://apple.github.io/coremltools/docs-guides/.
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
    "Conv": OpRule(inputs=(_A, _W, _F), weight_axis=0),
    "ConvTranspose": OpRule(inputs=(_A, _W, _F), weight_axis=1),
    "Gemm": OpRule(inputs=(_A, _W, _F), weight_axis=1),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1),
}

_ACTIVATIONS: Final = (
    *("Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "PRelu", "Relu", "Sigmoid", "Softplus", "Tanh"),
)
"""What Core ML computes of the result of a layer before that becomes integers again."""

_STORED: Final[Mapping[str, OpRule]] = {**_LAYERS, "Gather": OpRule(inputs=(_W, _F), weight_axis=0)}

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="coreml",
        precision=Precision.STATIC_WI8_AI8,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.INT8, symmetric=True, one_sided=True),
        ops={
            **_LAYERS,
            "Add": OpRule(follows=True),
            "MaxPool": OpRule(shares=True),
            "AveragePool": OpRule(follows=True),
            **dict.fromkeys(("Reshape", "Flatten", "Transpose"), OpRule(inputs=(_A, _F), shares=True)),
        },
        fused=frozenset((head, tail) for head in (*_LAYERS, "Add") for tail in _ACTIVATIONS),
    ),
    Precision.WEIGHT_ONLY_WI8_AFP32: Scheme(
        name="coreml",
        precision=Precision.WEIGHT_ONLY_WI8_AFP32,
        weights=_WEIGHTS,
        ops=_STORED,
        min_weight_elements=2048,
    ),
    Precision.WEIGHT_ONLY_WI4_AFP32: Scheme(
        name="coreml",
        precision=Precision.WEIGHT_ONLY_WI4_AFP32,
        weights=Grid(dtype=ir.DataType.INT4, symmetric=True, narrow=True),
        block=32,
        ops={name: _STORED[name] for name in ("Conv", "Gemm", "MatMul", "Gather")},
        min_weight_elements=2048,
    ),
}
"""Precision → scheme. 2048 elements: below that coremltools leaves weights alone too (`weight_threshold`)."""
