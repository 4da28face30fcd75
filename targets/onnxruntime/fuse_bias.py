"""FuseBias: a product of integers that gives floats adds the bias itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.passes.base import Pass
from ...compiler.passes.editing import Editor, constant_tensor, is_op, only_user, tensor_shape

_BIAS_AT: Final[Mapping[str, int]] = {"MatMulIntegerToFloat": 6, "DynamicQuantizeMatMul": 4}
"""Operators of onnxruntime's own domain, and which of their inputs is the bias, float32[channels].

Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""


class FuseBias(Pass):
    """Takes the Add behind such a product in, which onnxruntime's own fusions of Q/DQ leave standing."""

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite each product that has no bias and whose only reader adds a vector along its last axis."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            found = _bias(node)
            if found is None:
                continue
            add, bias = found
            place = _BIAS_AT[node.op_type]
            if len(node.inputs) <= place:
                node.resize_inputs(place + 1)
            node.replace_input_with(place, bias)
            result, product = add.outputs[0], node.outputs[0]
            name = result.name
            editor.replace(result, product)
            product.name = name  # under the name of the product nothing stands any more
            changed = True
        return changed


def _bias(node: ir.Node) -> tuple[ir.Node, ir.Value] | None:
    """The Add behind a product, and the vector that it adds."""
    place = _BIAS_AT.get(node.op_type) if node.domain == "com.microsoft" else None
    if place is None or (len(node.inputs) > place and node.inputs[place] is not None):
        return None
    product, weight = node.outputs[0], constant_tensor(node.inputs[1])
    add = only_user(product)
    if add is None or not is_op(add, "Add") or weight is None or len(tensor_shape(weight)) != 2:
        return None
    other = add.inputs[1] if add.inputs[0] is product else add.inputs[0]
    tensor = constant_tensor(other)
    if other is None or tensor is None or tensor_shape(tensor) != tensor_shape(weight)[1:]:
        return None
    return add, other
