"""Residual additions between integers, as TensorRT fuses them.

A convolution takes in the addition behind it, and the Relu behind that, when what it adds is dequantized integers and
what it computed itself is not rounded in between. (Developer guide, "Q/DQ Layer-Placement Recommendations": quantize
the residual input in skip connections, and not the outputs of weighted layers.) The scale of a skip that another
convolution reads too is the one that calibration gave it there.
"""

from __future__ import annotations

from typing import Final

import onnx_ir as ir

from ...compiler.expand.origin import made_for, origin_of
from ...compiler.passes.base import Pass
from ...compiler.passes.editing import Editor, constant_tensor, is_op

_WEIGHTED: Final = ("Conv", "ConvTranspose", "Gemm", "MatMul")


class QuantizeResiduals(Pass):
    """Lets an addition read its skip from the integers that there are of it."""

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite each addition of a weighted layer's own result and a tensor that is quantized for others."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            if not is_op(node, "Add"):
                continue
            for index in (0, 1):
                quantized = _quantized(node.inputs[index])
                if quantized is None or not _is_weighted(node.inputs[1 - index]):
                    continue
                skip, integers = node.inputs[index], quantized.outputs[0]
                assert skip is not None
                result = editor.node(node, "DequantizeLinear", [integers, *quantized.inputs[1:]], {}, like=skip)
                maker = result.producer()
                assert maker is not None
                made_for(maker, *origin_of(node))
                node.replace_input_with(index, result)
                changed = True
                break
        return changed


def _quantized(value: ir.Value | None) -> ir.Node | None:
    """Give the node that quantizes a computed tensor for somebody."""
    if value is None or constant_tensor(value) is not None or is_op(value.producer(), "DequantizeLinear"):
        return None
    return next((user for user, index in value.uses() if index == 0 and is_op(user, "QuantizeLinear")), None)


def _is_weighted(value: ir.Value | None) -> bool:
    """Whether a weighted layer that computes in integers gives a value, to nobody else."""
    maker = value.producer() if value is not None else None
    return (
        value is not None
        and maker is not None
        and is_op(maker, *_WEIGHTED)
        and len(value.uses()) == 1
        and is_op(maker.inputs[0].producer() if maker.inputs[0] is not None else None, "DequantizeLinear")
    )
