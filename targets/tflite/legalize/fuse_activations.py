"""An activation behind an operator that can apply it itself."""

from __future__ import annotations

import onnx_ir as ir

from ..dialect import dtype_of, shape_of, text
from ..operators import ACTIVATIONS, FUSE_ACTIVATION
from .rewriter import Rewriter


def fuse_activations(rewriter: Rewriter) -> None:
    """Fuse RELU, RELU6 and RELU_N1_TO_1 into the operator before, where nobody else wants what comes between."""
    for node in rewriter.graph:
        if node.op_type not in ACTIVATIONS:
            continue
        value = node.inputs[0]
        producer = value.producer() if value is not None else None
        if producer is None or not _takes_activation(producer):
            continue
        out = producer.outputs[0]
        if len(out.uses()) > 1 or out.is_graph_output():
            continue
        attributes = {name: attribute.value for name, attribute in producer.attributes.items()}
        attributes["fused_activation_function"] = node.op_type
        fused = rewriter.builder.op(producer.op_type, producer.inputs, shape_of(out), dtype_of(out), **attributes)
        rewriter.replace(node, [fused])


def _takes_activation(node: ir.Node) -> bool:
    return (
        node.op_type in FUSE_ACTIVATION
        and dtype_of(node.outputs[0]) == ir.DataType.FLOAT
        and text(node, "fused_activation_function", "NONE") == "NONE"
    )
