"""FoldConstants: what can be computed before the model runs."""

from __future__ import annotations

from typing import Final

import onnx_ir as ir
import onnx_ir.passes.common as common
from onnxscript.optimizer import FOLDED_FROM_KEY, fold_constants_ir

from .base import Pass
from .editing import Editor, constant_tensor, is_op, result_bytes, tensor_shape
from .float16 import SMALLEST_ELEMENTS

_SMALL_BYTES: Final = 64 * 1024
"""A folded tensor up to this size is always worth a node; a larger one must not be larger than what it was made of."""

_LIMIT_ELEMENTS: Final = 1 << 40
"""Switches off the folder's own limits; ours are in `_is_worth_it`."""

_KEPT: Final = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
"""They carry the scales of an integer model."""

_RANDOM: Final = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


class FoldConstants(Pass):
    """Computes nodes whose inputs are constants, shapes that are known, and branches whose condition is.

    Constants become initializers of the main graph. What would make the model larger stays a node: a small tensor
    spread out (Expand, Tile, ConstantOfShape, Range), float16 weights cast to float32, quantized weights.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Fold with onnxscript's folder, under our limits."""
        changed = fold_constants_ir(
            model,
            onnx_shape_inference=True,
            input_size_limit=_LIMIT_ELEMENTS,
            output_size_limit=_LIMIT_ELEMENTS,
            should_fold=_is_worth_it,
        ).modified
        changed |= common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model).modified
        changed |= common.LiftSubgraphInitializersToMainGraphPass()(model).modified
        for graph in model.graphs():
            for values in (graph.initializers.values(), *(node.outputs for node in graph)):
                for value in values:
                    value.metadata_props.pop(FOLDED_FROM_KEY, None)
        return _give_constant_outputs_a_node(model) or changed


def _is_worth_it(node: ir.Node) -> bool:
    if node.op_type in _KEPT or node.op_type in _RANDOM or node.outputs[0].is_graph_output():
        return False
    tensors = [constant_tensor(value) or value.const_value for value in node.inputs if value is not None]
    if any(tensor is None or tensor.dtype == ir.DataType.STRING for tensor in tensors):
        return False
    if is_op(node, "Cast") and _widens(node, tensors[0]):
        return False
    size_bytes = result_bytes(node)
    if size_bytes is None:
        return all(tensor is not None and tensor.nbytes <= _SMALL_BYTES for tensor in tensors) and not _spreads(node)
    return size_bytes <= _SMALL_BYTES or size_bytes <= sum(tensor.nbytes for tensor in tensors if tensor is not None)


def _widens(node: ir.Node, tensor: ir.TensorProtocol | None) -> bool:
    assert tensor is not None
    target = ir.DataType(node.attributes.get_int("to", 0))
    return tensor.size >= SMALLEST_ELEMENTS and target.is_floating_point() and target.itemsize > tensor.dtype.itemsize


def _spreads(node: ir.Node) -> bool:
    return is_op(node, "Expand", "Tile", "ConstantOfShape", "Range", "Resize", "Upsample", "OneHot", "EyeLike", "Pad")


def _give_constant_outputs_a_node(model: ir.Model) -> bool:
    # runtimes and emitters expect every output to come from a node
    graph, editor, changed = model.graph, Editor(model), False
    for index, output in enumerate(graph.outputs):
        if output.producer() is not None or output.is_graph_input():
            continue
        tensor = output.const_value
        assert tensor is not None
        name = output.name
        source = editor.constant(tensor, f"{name}/constant")
        node = ir.Node("", "Identity", [source], num_outputs=1, name=editor.fresh(f"{name}/Identity"))
        node.outputs[0].type, node.outputs[0].shape = output.type, ir.Shape(tensor_shape(tensor))
        graph.append(node)
        graph.outputs[index] = node.outputs[0]
        for user, place in tuple(output.uses()):
            user.replace_input_with(place, source)
        graph.initializers.pop(str(name))
        node.outputs[0].name = name
        changed = True
    return changed
