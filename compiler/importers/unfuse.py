"""Taking apart what onnxruntime's optimiser has fused: its own operators become standard ones."""

from __future__ import annotations

import onnx_ir as ir

from ...vocabulary.errors import ModelError
from ..passes.editing import Editor, all_nodes
from ..passes.infer_shapes import InferShapes
from ..passes.remove_dead_code import RemoveDeadCode
from .contrib_attention import ATTENTION
from .contrib_ops import CONTRIB, UnknownShapeError

_STANDARD_DOMAINS = frozenset({"", "ai.onnx.ml"})


def unfuse(model: ir.Model) -> None:
    """Replace every operator of `com.microsoft` by standard ones that compute the same, to the rounding of a sum.

    Raises:
        ModelError: when a node has no exact equal, or is of another domain; the message names node and operator.
    """
    if all(node.domain in _STANDARD_DOMAINS for node in all_nodes(model)):
        return
    editor = Editor(model)
    while True:
        waiting = [node for node in all_nodes(model) if node.domain not in _STANDARD_DOMAINS]
        if not waiting:
            break
        done = sum(_unfuse_one(node, editor) for node in waiting)
        if done == 0:
            raise ModelError(
                f"node {waiting[0].name!r} ({waiting[0].op_type}): the rank of its inputs is not known",
                hint="run ONNX's shape inference on the model, or export it without onnxruntime's optimiser",
            )
        if done < len(waiting):
            InferShapes().rewrite(model)
    RemoveDeadCode().rewrite(model)  # what was begun before a shape was missing
    for domain in tuple(model.opset_imports):
        if domain not in _STANDARD_DOMAINS:
            del model.opset_imports[domain]


def _unfuse_one(node: ir.Node, editor: Editor) -> bool:
    if node.domain == "com.microsoft.nchwc":
        raise ModelError(
            f"node {node.name!r} ({node.op_type}): the model was optimised for one CPU by onnxruntime",
            hint="give the model as it was before, or save it at ORT_ENABLE_EXTENDED",
        )
    rule = CONTRIB.get(node.op_type, ATTENTION.get(node.op_type)) if node.domain == "com.microsoft" else None
    if rule is None:
        raise ModelError(
            f"node {node.name!r}: operator {node.domain}.{node.op_type} is not part of ONNX",
            hint="export the model with standard operators",
        )
    try:
        rule(node, editor)
    except UnknownShapeError:
        return False
    return True
