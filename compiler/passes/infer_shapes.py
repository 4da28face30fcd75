"""InferShapes: types and shapes of all values."""

from __future__ import annotations

from typing import Final

import onnx
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from .base import Pass
from .editing import keep_known

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
        try:
            inferred = onnx.shape_inference.infer_shapes(_without_weights(model), data_prop=True)
        except (onnx.shape_inference.InferenceError, RuntimeError) as error:
            raise ModelError(f"the shapes in the model contradict each other: {error}") from error
        symbols = {
            size.value for value in _values(model) for size in value.shape or () if isinstance(size, ir.SymbolicDim)
        }
        known = {value.name: value for value in _values(ir.from_proto(inferred))}
        changed = False
        for value in _values(model):
            found = known.get(value.name)
            if found is None:
                continue
            if found.shape is not None:
                found.shape = ir.Shape(
                    [
                        None if isinstance(size, ir.SymbolicDim) and size.value not in symbols else size
                        for size in found.shape
                    ]
                )
            changed |= keep_known(value, found)
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
            value.type, value.shape = ir.TensorType(tensor.dtype), ir.Shape([int(size) for size in tensor.shape])
            if tensor.nbytes > _LARGEST_SHAPE_BYTES:
                graph.initializers.pop(name)
                if graph is copy.graph:
                    graph.inputs.append(value)
                value.const_value = None
    return ir.to_proto(copy)
