"""MergeReshapes: nodes that only give a tensor another shape."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from .base import Pass
from .editing import Editor, all_nodes, constant_array, is_op, same_shape, static_shape

_RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")


class MergeReshapes(Pass):
    """Makes one Reshape of a chain of Reshape, Flatten, Squeeze and Unsqueeze, and none where the shape comes back.

    Where the resulting shape is known but for one dimension it is written as a constant with -1 in its place, so that
    whatever computed it at run time is no longer needed.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Go forward once; each one takes in those before it."""
        editor, changed = Editor(model), False
        for node in all_nodes(model):
            if not is_op(node, *_RESHAPING) or node.inputs[0] is None or node.graph is None:
                continue
            source, links = node.inputs[0], 0
            while is_op(source.producer(), *_RESHAPING):
                maker = source.producer()
                assert maker is not None
                if maker.inputs[0] is None:
                    break
                source, links = maker.inputs[0], links + 1
            output = node.outputs[0]
            if same_shape(source, output) and not output.is_graph_output():
                editor.replace(output, source)
                changed = True
                continue
            shape = _written(output)
            computed = is_op(node, "Reshape") and constant_array(node.inputs[1]) is None
            if shape is None or not (links or computed):
                continue
            target = editor.constant(np.array(shape, dtype=np.int64), f"{node.name}/shape")
            merged = editor.node(node, "Reshape", [source, target], stem=node.name, like=output)
            editor.replace(output, merged)
            changed = True
        return changed


def _written(value: ir.Value) -> list[int] | None:
    """The shape as a Reshape takes it: at most one -1, no 0 (which would mean "as in the input")."""
    if static_shape(value) is not None:
        shape = list(static_shape(value) or ())
    elif value.shape is None:
        return None
    else:
        shape = [size if isinstance(size, int) else -1 for size in value.shape]
    return shape if shape.count(-1) <= 1 and 0 not in shape else None
