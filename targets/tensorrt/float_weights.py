"""Weights as TensorRT 8 wants them: floats behind a QuantizeLinear of their own.

Its guide: weights of Q/DQ models must be specified as FP32, and are quantized by the layer that reads them. Later
versions take integers with a DequantizeLinear. The floats are the reals that the integers stand for, so that they
become the same integers.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...compiler.expand.origin import made_for, origin_of
from ...compiler.passes.base import Pass
from ...compiler.passes.editing import Editor, constant_array, is_op


class FloatWeights(Pass):
    """Puts a float constant and a QuantizeLinear in the place of each constant of integers that is dequantized."""

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite those of int8."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            if not is_op(node, "DequantizeLinear") or node.inputs[0] is None or node.inputs[1] is None:
                continue
            integers, scale = constant_array(node.inputs[0]), constant_array(node.inputs[1])
            if integers is None or scale is None or integers.dtype != np.int8:
                continue
            axis = node.attributes.get_int("axis", 1)
            shape = [-1 if index == axis % integers.ndim else 1 for index in range(integers.ndim)] if scale.ndim else []
            reals = integers.astype(np.float32) * (scale.reshape(shape) if scale.ndim else scale)
            stored = editor.constant(reals.astype(np.float32), f"{node.inputs[0].name}/float")
            quantized = editor.node(node, "QuantizeLinear", [stored, *node.inputs[1:]], {"axis": axis})
            quantized.type, quantized.shape = ir.TensorType(ir.DataType.INT8), ir.Shape(list(integers.shape))
            maker = quantized.producer()
            assert maker is not None
            made_for(maker, *origin_of(node))
            node.replace_input_with(0, quantized)
            changed = True
        return changed
