"""How TensorRT wants numbers quantized.

Everything is symmetric with the zero point 0, activations by tensor and weights by channel; biases stay float, and are
rounded by TensorRT itself. Q/DQ stand in front of layers with weights; it commutes them with operators that move data.
Residual additions get theirs when the model is shaped (`residuals.py`).
Four bits are for weights alone, by blocks. Source: the developer guide to TensorRT, "Working with Quantized Types",
https://docs.nvidia.com/deeplearning/tensorrt/latest/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _F = Role.ACTIVATION, Role.WEIGHT, Role.FLOAT

_SYMMETRIC: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)

_LAYERS: Final[Mapping[str, OpRule]] = {
    # it fuses a dequantized input into a layer; what comes out is quantized where the next layer wants it
    "Conv": OpRule(inputs=(_A, _W, _F), weight_axis=0, gives_float=True),
    "ConvTranspose": OpRule(inputs=(_A, _W, _F), weight_axis=1, gives_float=True),
    "Gemm": OpRule(inputs=(_A, _W, _F), weight_axis=1, gives_float=True),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1, gives_float=True),
}

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="tensorrt",
        precision=Precision.STATIC_WI8_AI8,
        weights=_SYMMETRIC,
        activations=_SYMMETRIC,
        ops={
            **_LAYERS,
            **dict.fromkeys(("MaxPool", "Reshape", "Flatten", "Transpose"), OpRule(inputs=(_A, _F), shares=True)),
        },
    ),
    Precision.WEIGHT_ONLY_WI4_AFP32: Scheme(
        name="tensorrt",
        precision=Precision.WEIGHT_ONLY_WI4_AFP32,
        weights=Grid(dtype=ir.DataType.INT4, symmetric=True, narrow=True),
        block=128,
        ops={name: _LAYERS[name] for name in ("Gemm", "MatMul")},
    ),
}
"""Precision → scheme."""
