"""Pools over one dimension, as pools over two: the parser has those over two and three."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...compiler.expand.origin import made_for, origin_of
from ...compiler.passes.base import Pass
from ...compiler.passes.editing import Editor, ints, is_op


class PoolOverTwo(Pass):
    """Puts a dimension of size 1 beside the one that is pooled."""

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite each pool of three-dimensional tensors."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            given = node.inputs[0] if node.inputs else None
            if not is_op(node, "MaxPool", "AveragePool", "LpPool") or given is None or given.shape is None:
                continue
            if len(given.shape) != 3 or (len(node.outputs) > 1 and node.outputs[1].name):
                continue
            axis = editor.constant(np.array([2], np.int64), f"{node.name}/axis")
            wide = editor.node(node, "Unsqueeze", [given, axis])
            wide.type = given.type
            wide.shape = ir.Shape([given.shape[0], given.shape[1], 1, given.shape[2]])
            attributes = dict(node.attributes)
            for name, before in (("kernel_shape", 1), ("strides", 1), ("dilations", 1)):
                values = ints(node, name)
                if values is not None:
                    attributes[name] = ir.AttrInt64s(name, [before, *values])
            pads = ints(node, "pads")
            if pads is not None:
                attributes["pads"] = ir.AttrInt64s("pads", [0, pads[0], 0, pads[1]])
            result = node.outputs[0]
            pool = ir.Node(
                "", node.op_type, [wide], list(attributes.values()), name=editor.fresh(f"{node.name}/over_two")
            )
            pooled = pool.outputs[0]
            pooled.name, pooled.type = editor.fresh(f"{node.name}/pooled"), result.type
            if result.shape is not None:
                pooled.shape = ir.Shape([result.shape[0], result.shape[1], 1, result.shape[2]])
            assert node.graph is not None
            node.graph.insert_before(node, pool)
            flat = editor.node(node, "Squeeze", [pooled, axis], like=result)
            for made in (wide.producer(), pool, flat.producer()):
                assert made is not None
                made_for(made, *origin_of(node))
            editor.replace(result, flat)
            changed = True
        return changed
