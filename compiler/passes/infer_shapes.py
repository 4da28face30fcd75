"""InferShapes: types and shapes of all values."""

from __future__ import annotations

import math
from typing import Final

import onnx
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from .base import Pass
from .editing import all_nodes, is_op, keep_known, tensor_shape

_LARGEST_SHAPE_BYTES: Final = 1024
"""Constants above this never hold a shape; they are left out so that weights are not copied for nothing."""


class InferShapes(Pass):
    """Completes what the graph knows of its values by ONNX's own shape inference, with shapes computed on the way.

    What is known already stays: names of dimensions that the source gave are kept, and names that the inference made up
    are dropped again, so that equal models stay equal however often the pass is run.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Infer on a copy without weights.

        Raises:
            ModelError: when two shapes in the model contradict each other.
        """
        changed = _infer(model)
        while _follow_symbols(model):
            changed = True
            _infer(model)
        return changed


def _infer(model: ir.Model) -> bool:
    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(model), data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError) as error:
        raise ModelError(f"the shapes in the model contradict each other: {error}") from error
    symbols = {size.value for value in _values(model) for size in value.shape or () if isinstance(size, ir.SymbolicDim)}
    known = {value.name: value for value in _values(ir.from_proto(inferred))}
    changed = False
    for value in _values(model):
        found = known.get(value.name)
        if found is None:
            continue
        if found.shape is not None:
            sizes = [size if isinstance(size, int) or size.value in symbols else None for size in found.shape]
            found.shape = ir.Shape(sizes)
        changed |= keep_known(value, found)
    return changed


def _follow_symbols(model: ir.Model) -> bool:
    """Carry the name of an open dimension across reshapes, where the other sizes leave no other choice."""
    changed = False
    for node in all_nodes(model):
        if not is_op(node, "Reshape", "Flatten") or node.inputs[0] is None:
            continue
        before, after = node.inputs[0].shape, node.outputs[0].shape
        if before is None or after is None:
            continue
        symbols = [size.value for size in before if isinstance(size, ir.SymbolicDim)]
        unknown = [axis for axis, size in enumerate(after) if isinstance(size, ir.SymbolicDim)]
        rest = math.prod(size for size in before if isinstance(size, int))
        if (
            len(symbols) == len(unknown) == 1
            and symbols[0] is not None
            and after.dims[unknown[0]] == ir.SymbolicDim(None)
            and rest == math.prod(size for size in after if isinstance(size, int)) != 0
        ):
            sizes = [symbols[0] if axis == unknown[0] else size for axis, size in enumerate(after)]
            node.outputs[0].shape = ir.Shape(sizes)
            changed = True
    return changed


def _values(model: ir.Model) -> list[ir.Value]:
    return [
        value
        for graph in model.graphs()
        for values in (graph.inputs, *(node.outputs for node in graph))
        for value in values
        if value.name
    ]


def _without_weights(model: ir.Model) -> onnx.ModelProto:
    copy = model.clone()
    for graph in copy.graphs():
        for name, value in tuple(graph.initializers.items()):
            tensor = value.const_value
            assert tensor is not None
            value.type, value.shape = ir.TensorType(tensor.dtype), ir.Shape(tensor_shape(tensor))
            if tensor.nbytes > _LARGEST_SHAPE_BYTES:
                graph.initializers.pop(name)
                if graph is copy.graph:
                    graph.inputs.append(value)
                value.const_value = None
    return ir.to_proto(copy)
