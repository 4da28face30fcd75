"""CancelTransposes: transposes that undo or continue each other."""

from __future__ import annotations

import onnx_ir as ir

from .base import Pass
from .editing import Editor, all_nodes, ints, is_op


class CancelTransposes(Pass):
    """Makes one Transpose of two in a row, and none of one that moves nothing."""

    def rewrite(self, model: ir.Model) -> bool:
        """Go forward once; each Transpose takes in the one before it."""
        editor, changed = Editor(model), False
        for node in all_nodes(model):
            permutation = _permutation(node)
            source = node.inputs[0] if node.inputs else None
            if permutation is None or source is None or node.graph is None:
                continue
            before = source.producer()
            first = _permutation(before) if before is not None else None
            if before is not None and first is not None and before.inputs[0] is not None:
                permutation = tuple(first[axis] for axis in permutation)
                merged = editor.node(
                    node, "Transpose", [before.inputs[0]], {"perm": permutation}, stem=node.name, like=node.outputs[0]
                )
                editor.replace(node.outputs[0], merged)
                made = merged.producer()
                assert made is not None
                node, source, changed = made, before.inputs[0], True
            if permutation == tuple(range(len(permutation))) and not _names_an_outer_value(node, source):
                editor.replace(node.outputs[0], source)
                changed = True
        return changed


def _permutation(node: ir.Node | None) -> tuple[int, ...] | None:
    if node is None or not is_op(node, "Transpose") or node.inputs[0] is None:
        return None
    written = ints(node, "perm")
    if written is not None:
        return written
    shape = node.inputs[0].shape
    return tuple(reversed(range(len(shape)))) if shape is not None else None


def _names_an_outer_value(node: ir.Node, source: ir.Value) -> bool:
    # nothing is gained when an Identity must take its place
    maker = source.producer()
    return node.outputs[0].is_graph_output() and (
        maker is None or maker.graph is not node.graph or source.is_graph_output()
    )
