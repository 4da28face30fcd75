"""The passes between emission and serialization, which decide in what a program computes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...vocabulary.errors import RequestError
from ...vocabulary.precision import Precision
from .builder import type_name
from .float32_nodes import Float32Nodes
from .toolkit import coremltools

HALVING = frozenset({"common::add_fp16_cast", "common::add_int16_cast"})
"""The passes that make a program compute in half the bytes; inputs and outputs stay as they are."""

INEXACT = frozenset(
    {
        "common::divide_to_multiply",
        "common::fuse_conv_batchnorm",
        "common::fuse_conv_bias",
        "common::fuse_conv_scale",
        "common::fuse_elementwise_to_batchnorm",
        "common::fuse_matmul_weight_bias",
        "common::reduce_transposes",
        "common::select_optimization",
    }
)
"""Passes that change results.

x / c becomes x · (1 / c), which is off by a bit: where it is rounded to an integer next, that is a step. A scale and a
shift become a batch_norm of variance 1, to which its epsilon is added: off by 5e-6. A choice between x and −∞ becomes a
sum, which is NaN where x is ∞. A constant matrix times x, plus a vector, becomes a product that has the vector along
the other axis; b − x · w becomes x · w − b. A scale behind a transposed convolution of several groups goes to channels
of other groups. A constant that is subtracted from a convolution is negated in place, for all of its readers, and one
that gives a single channel more of them makes the pass fail. (Normalizations are folded into convolutions by the hub.)
A transposition that is moved on is forgotten where x and its transpose meet in one operation, as in x · xᵀ.
"""


def in_half(precision: Precision, compute: str) -> bool:
    """Whether a program is to compute in float16; `compute` is the setting, "" where the recipe decides.

    Raises:
        RequestError: when the two contradict each other.
    """
    asked = compute or ("fp16" if precision is Precision.FP16 else "fp32")
    if precision is Precision.FP32 and asked == "fp16":
        raise RequestError(
            'targets.coreml.settings.compute = "fp16" does not go with the recipe fp32',
            hint='name the recipe fp16: recipes = ["fp16"]',
        )
    if precision is Precision.FP16 and asked == "fp32":
        raise RequestError(
            'targets.coreml.settings.compute = "fp32" does not go with the recipe fp16',
            hint="leave compute out: the recipe says it",
        )
    return asked == "fp16"


IN_FLOAT32 = frozenset({"ConvInteger", "DeformConv", "GridSample", "QLinearConv", "QLinearMatMul", "RoiAlign"})
"""Hub operators whose lowerings hold integers, or places in an image, as floats: float16 has those up to 2048 only."""


def passes(*, half: bool, float32_nodes: Sequence[Float32Nodes]) -> Any:
    """Give coremltools' own passes, those that halve only when the program is to compute in float16."""
    pipeline = coremltools().PassPipeline()
    pipeline.remove_passes(INEXACT)
    if half:

        def halved(operation: Any) -> bool:
            return not any(nodes.keep(operation) for nodes in float32_nodes) and _in_half(operation)

        pipeline.set_options("common::add_fp16_cast", {"op_selector": halved})
        pipeline.set_options("common::add_int16_cast", {"op_selector": _in_int16})
    else:
        pipeline.remove_passes(HALVING)
    return pipeline


SMALLEST_SCALE = 2.0**-14
"""The smallest number of which float16 has all of its digits."""


def _in_half(operation: Any) -> bool:
    """Whether an operation may be made one of float16: not where that moves what integers stand for.

    `quantize` and `dequantize` compute in float32, so that each gives the integers and reals that the hub's do. The
    scales of weights are rounded as weights are, but not to fewer digits.
    """
    if operation.op_type in ("quantize", "dequantize"):
        return False
    if operation.op_type == "constexpr_sparse_to_dense" and operation.nonzero_data.op.op_type != "const":
        return _in_half(operation.nonzero_data.op)
    scale = operation.inputs.get("scale") if operation.op_type.startswith("constexpr") else None
    return scale is None or bool(np.abs(scale.val).min() >= SMALLEST_SCALE)


LONGEST_AXIS = int(np.iinfo(np.int16).max)
"""The longest axis whose places int16 can count."""


def _in_int16(operation: Any) -> bool:
    """Whether an operation's integers may be made ones of 16 bits: indices into axes that are short enough.

    The pass asks nothing of integers that are data, nor of an axis whose size is open: they would wrap.
    """
    if operation.op_type not in ("gather", "gather_along_axis", "gather_nd") or type_name(operation.x) == "int32":
        return False
    return all(isinstance(size, int | np.integer) and size <= LONGEST_AXIS for size in operation.x.shape)
