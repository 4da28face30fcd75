"""Q/DQ in the forms from which onnxruntime makes what is small on disk and fast at run time."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ...compiler.passes.base import Pass
from ...compiler.passes.editing import Editor, constant_array, constant_tensor, is_op, tensor_shape


class UnpackWeights(Pass):
    """Weights that are stored as integers and multiplied as floats: Cast and Mul in the place of DequantizeLinear.

    onnxruntime computes those two once, when it loads the model. A DequantizeLinear it would run at every call, or fuse
    into a kernel that is slower than the one of floats and rounds the activations to eight bits too. (A `.ort` file is
    not optimised when it is loaded, and runs them at every call.)
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite each that dequantizes a constant around zero for nodes that compute in floats."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            if not _unpacks(node):
                continue
            integers, scale = node.inputs[0], node.inputs[1]
            assert integers is not None
            assert scale is not None
            stored, factors = constant_tensor(integers), constant_array(scale)
            assert stored is not None
            assert factors is not None
            shape, axis = tensor_shape(stored), node.attributes.get_int("axis", 1)
            block = node.attributes.get_int("block_size", 0)
            grouped = shape
            if block:
                grouped = (*shape[:axis], shape[axis] // block, block, *shape[axis + 1 :])
                factors = np.expand_dims(factors, axis + 1)
            elif factors.ndim == 1:
                factors = factors.reshape([-1 if index == axis % len(shape) else 1 for index in range(len(shape))])
            name = str(integers.name)
            packed = ir.tensor(stored.numpy().reshape(grouped), dtype=stored.dtype)
            value = editor.node(node, "Cast", [editor.constant(packed, name)], {"to": ir.DataType.FLOAT.value})
            value = editor.node(node, "Mul", [value, editor.constant(factors, f"{name}/scale")])
            if block:
                value = editor.node(
                    node, "Reshape", [value, editor.constant(np.array(shape, np.int64), f"{name}/shape")]
                )
            editor.replace(node.outputs[0], value)
            changed = True
        return changed


class GemmToMatMul(Pass):
    """A Gemm whose input is quantized at each call, as MatMul and Add: what onnxruntime has one dynamic kernel for."""

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite those with neither factors nor a transposed input; a transposed weight is turned."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            if not is_op(node, "Gemm") or not _is_dynamic(node.inputs[0]):
                continue
            factors = node.attributes.get_float("alpha", 1.0), node.attributes.get_float("beta", 1.0)
            weight = node.inputs[1]
            if factors != (1.0, 1.0) or node.attributes.get_int("transA", 0) == 1 or weight is None:
                continue
            if node.attributes.get_int("transB", 0) == 1:
                weight = _turned(weight, editor)
            if weight is None:
                continue
            value = editor.node(node, "MatMul", [node.inputs[0], weight], like=node.outputs[0])
            bias = node.inputs[2] if len(node.inputs) > 2 else None
            if bias is not None:
                value = editor.node(node, "Add", [value, bias], like=node.outputs[0])
            editor.replace(node.outputs[0], value)
            changed = True
        return changed


class NamePaddedAxes(Pass):
    """A constant Pad in front of a pooling, with the axes that it pads by name: onnxruntime fuses only one without.

    Its `PadFusion` makes zeros in front of MaxPool the padding of that, which is less than any number, and gives a
    pooling padding that its own check refuses when it loads the file. Found in onnxruntime 1.31.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Rewrite each Pad whose result a MaxPool or an AveragePool reads, and that does not name its axes."""
        editor, changed = Editor(model), False
        for node in tuple(model.graph):
            pads = constant_array(node.inputs[1]) if is_op(node, "Pad") and len(node.inputs) > 1 else None
            if pads is None or (len(node.inputs) > 3 and node.inputs[3] is not None):
                continue
            if not any(is_op(reader, "MaxPool", "AveragePool") for reader, _ in node.outputs[0].uses()):
                continue
            axes = editor.constant(np.arange(pads.size // 2, dtype=np.int64), f"{node.outputs[0].name}/axes")
            node.resize_inputs(4)
            node.replace_input_with(3, axes)
            changed = True
        return changed


def _unpacks(node: ir.Node) -> bool:
    """Whether a node dequantizes a constant, with the zero point 0, for nodes that compute in floats."""
    if not is_op(node, "DequantizeLinear") or node.outputs[0].is_graph_output():
        return False
    stored, scale = constant_tensor(node.inputs[0]), constant_array(node.inputs[1])
    zero_point = constant_array(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else None
    if stored is None or scale is None or (len(node.inputs) > 2 and (zero_point is None or zero_point.any())):
        return False
    return stored.dtype in (ir.DataType.INT8, ir.DataType.INT4) and not any(
        _is_computed_integer(other) for user, _ in node.outputs[0].uses() for other in user.inputs
    )


def _is_computed_integer(value: ir.Value | None) -> bool:
    """Whether a value is dequantized of integers that are computed."""
    maker = value.producer() if value is not None else None
    return maker is not None and is_op(maker, "DequantizeLinear") and constant_tensor(maker.inputs[0]) is None


def _is_dynamic(value: ir.Value | None) -> bool:
    maker = value.producer() if value is not None else None
    if maker is None or not is_op(maker, "DequantizeLinear") or maker.inputs[0] is None:
        return False
    return is_op(maker.inputs[0].producer(), "DynamicQuantizeLinear")


def _turned(weight: ir.Value, editor: Editor) -> ir.Value | None:
    """Give a dequantized matrix transposed, by its constants."""
    maker = weight.producer()
    if maker is None or not is_op(maker, "DequantizeLinear"):
        return None
    stored = constant_tensor(maker.inputs[0])
    if stored is None:
        return None
    turned = editor.constant(np.ascontiguousarray(stored.numpy().T), f"{weight.name}/turned")
    axis = 1 - maker.attributes.get_int("axis", 1) % 2
    result = editor.node(maker, "DequantizeLinear", [turned, *maker.inputs[1:]], {"axis": axis})
    result.type = weight.type
    result.shape = ir.Shape(tensor_shape(stored)[::-1])
    return result
