"""The TFLite schema by reflection: operator codes, options tables and enums by their names."""

from __future__ import annotations

from functools import cache
from typing import Any

from ai_edge_litert import schema_py_generated as tfl

from .dialect import DTYPE_NAMES

_SHARED_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "LOGISTIC": "NONE",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "PADV2": "PadV2Options",
    "REDUCE_ALL": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "SUM": "ReducerOptions",
}
"""Operators whose options table does not bear the operator's own name."""

_ENUMS = {
    "fusedActivationFunction": tfl.ActivationFunctionType,
    "mode": tfl.MirrorPadMode,
    "outputType": tfl.TensorType,
    "padding": tfl.Padding,
}
"""Fields of options tables that hold an enum."""

TENSOR_TYPES = {
    dtype: getattr(tfl.TensorType, name.upper())
    for dtype, name in DTYPE_NAMES.items()
    if hasattr(tfl.TensorType, name.upper())
}
"""Hub dtype → number of the tensor type."""


def operator_code(name: str) -> int:
    """Give the number of a builtin operator."""
    code: int = getattr(tfl.BuiltinOperator, name)
    return code


@cache
def _options_name(operator: str) -> str:
    if operator in _SHARED_OPTIONS:
        return _SHARED_OPTIONS[operator]
    wanted = operator.replace("_", "").lower() + "options"
    return next((name for name in vars(tfl.BuiltinOptions) if name.lower() == wanted), "NONE")


def options(operator: str, attributes: dict[str, Any]) -> tuple[int, Any]:
    """Give the options of an operator: the number of its options table, and the table filled from snake-case fields.

    Raises:
        AttributeError: when the table has no such field (a bug in a lowering).
    """
    name = _options_name(operator)
    if name == "NONE":
        if attributes:
            raise AttributeError(f"{operator} has no options, got {sorted(attributes)}")
        return tfl.BuiltinOptions.NONE, None
    table = getattr(tfl, f"{name}T")()
    for key, value in attributes.items():
        head, *rest = key.split("_")
        field = head + "".join(part.capitalize() for part in rest)
        if not hasattr(table, field):
            raise AttributeError(f"{name} has no field {field}")
        setattr(table, field, getattr(_ENUMS[field], value) if isinstance(value, str) else value)
    return getattr(tfl.BuiltinOptions, name), table
