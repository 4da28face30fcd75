"""The precision of a model that arrives quantized."""

from __future__ import annotations

from typing import Final

import onnx_ir as ir

from ..model import Precision

_BY_DTYPE: Final = {
    ir.DataType.INT8: Precision.STATIC_WI8_AI8,
    ir.DataType.UINT8: Precision.STATIC_WI8_AI8,
    ir.DataType.INT16: Precision.STATIC_WI8_AI16,
    ir.DataType.UINT16: Precision.STATIC_WI8_AI16,
}


def arrived_precision(model: ir.Model) -> Precision:
    """Give the precision that a model has from its source: that of the coarsest integers that it makes of activations.

    A model that quantizes no activation computes in float, whatever its weights are stored in. A target rounds where
    the source's runtime does, but not always to the same side: outputs are judged as those of quantized models are.
    """
    found = {
        _BY_DTYPE.get(value.dtype)
        for node in model.graph
        if node.domain in ("", "ai.onnx") and node.op_type == "QuantizeLinear"
        for value in node.outputs
        if value.dtype is not None
    }
    coarsest = (Precision.STATIC_WI8_AI8, Precision.STATIC_WI8_AI16)
    return next((precision for precision in coarsest if precision in found), Precision.FP32)
