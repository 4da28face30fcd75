"""How LiteRT wants numbers quantized.

Source: LiteRT 8-bit quantization specification,
https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from ...vocabulary.precision import Precision

_A, _W, _B, _F = Role.ACTIVATION, Role.WEIGHT, Role.BIAS, Role.FLOAT

_WEIGHTS: Final = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)
_BIAS: Final = Grid(dtype=ir.DataType.INT32, symmetric=True)

_LINEAR: Final[Mapping[str, OpRule]] = {
    "Conv": OpRule(inputs=(_A, _W, _B), weight_axis=0),
    "ConvTranspose": OpRule(inputs=(_A, _W, _B), weight_axis=1),
    "Gemm": OpRule(inputs=(_A, _W, _B), weight_axis=1),
    "MatMul": OpRule(inputs=(_A, _W), weight_axis=-1),
}

_SHARES: Final = OpRule(inputs=(_A, _F), shares=True)
"""The kernel moves integers or picks among them; what else it reads are shapes and indices."""

_ARITHMETIC: Final[Mapping[str, OpRule]] = {
    **dict.fromkeys(("Add", "Sub", "Mul"), OpRule()),
    **dict.fromkeys(("Max", "Min", "Concat"), OpRule(shares=True)),
    **dict.fromkeys(
        [
            "MaxPool",
            "GlobalMaxPool",
            "ReduceMax",
            "ReduceMin",
            "Reshape",
            "Flatten",
            "Squeeze",
            "Unsqueeze",
            "Transpose",
            "Slice",
            "Split",
            "Gather",
            "Expand",
            "Tile",
            "Resize",
            "DepthToSpace",
            "SpaceToDepth",
            "Identity",
        ],
        _SHARES,
    ),
    "Pad": OpRule(inputs=(_A, _F, _A, _F), shares=True),
    # The kernel of AveragePool keeps the grid. That would tie what stands before it and behind to the largest of both.
    **dict.fromkeys(("AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum"), OpRule(inputs=(_A, _F))),
    **dict.fromkeys(("Relu", "Clip", "LeakyRelu"), OpRule(inputs=(_A, _F))),
}

_FUSED: Final = frozenset(
    {
        *((head, tail) for head in ("Conv", "Gemm", "MatMul", "Add", "Sub", "Mul") for tail in ("Relu", "Clip")),
        ("MatMul", "Add"),
        ("ConvTranspose", "Relu"),
    }
)

_NARROW: Final[Mapping[str, OpRule]] = {
    **dict.fromkeys(("Gelu", "HardSwish", "HardSigmoid", "Elu", "PRelu"), OpRule()),
}
"""Operators that have kernels of 8 bits only."""

SCHEMES: Final[Mapping[Precision, Scheme]] = {
    Precision.STATIC_WI8_AI8: Scheme(
        name="tflite",
        precision=Precision.STATIC_WI8_AI8,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.INT8, symmetric=False),
        bias=_BIAS,
        ops={
            **_LINEAR,
            **_ARITHMETIC,
            **_NARROW,
            "Sigmoid": OpRule(fixed=(1 / 256, -128)),
            "Softmax": OpRule(fixed=(1 / 256, -128)),
            "LogSoftmax": OpRule(fixed=(16 / 256, 127)),
            "Tanh": OpRule(fixed=(1 / 128, 0)),
        },
        fused=_FUSED,
    ),
    Precision.STATIC_WI8_AI16: Scheme(
        name="tflite",
        precision=Precision.STATIC_WI8_AI16,
        weights=_WEIGHTS,
        activations=Grid(dtype=ir.DataType.INT16, symmetric=True),
        bias=_BIAS,  # the kernels take int64, which Q/DQ cannot say; what fits int32 is widened
        ops={
            **_LINEAR,
            **_ARITHMETIC,
            "Sigmoid": OpRule(fixed=(1 / 32768, 0)),
            "Softmax": OpRule(fixed=(1 / 32768, 0)),
            "Tanh": OpRule(fixed=(1 / 32768, 0)),
        },
        fused=_FUSED,
    ),
    Precision.DYNAMIC_WI8_AFP32: Scheme(
        name="tflite", precision=Precision.DYNAMIC_WI8_AFP32, weights=_WEIGHTS, ops=_LINEAR, min_weight_elements=1024
    ),
    Precision.WEIGHT_ONLY_WI8_AFP32: Scheme(
        name="tflite",
        precision=Precision.WEIGHT_ONLY_WI8_AFP32,
        weights=_WEIGHTS,
        ops={**_LINEAR, "Gather": OpRule(inputs=(_W, _F), weight_axis=0)},
        min_weight_elements=1024,
    ),
    Precision.WEIGHT_ONLY_WI4_AFP32: Scheme(
        name="tflite",
        precision=Precision.WEIGHT_ONLY_WI4_AFP32,
        weights=Grid(dtype=ir.DataType.INT4, symmetric=True, narrow=True),
        block=64,  # a scale takes 12 bytes in the file: its zero point must stand beside it, in 8
        ops={name: _LINEAR[name] for name in ("Gemm", "MatMul")},
        min_weight_elements=1024,
    ),
}
"""Precision → scheme."""
