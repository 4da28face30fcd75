"""FuseLayerNorm: layer normalization that an exporter spelled out becomes LayerNormalization."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from .base import Pass
from .editing import Array, Editor, all_nodes, constant_array, is_op, only_user, static_shape


class FuseLayerNorm(Pass):
    """Finds `(x - mean) / sqrt(variance + epsilon) * scale + bias` over the last axes of x."""

    def rewrite(self, model: ir.Model) -> bool:
        """Look at each Div and at each Mul by a Reciprocal."""
        editor, changed = Editor(model), False
        for node in all_nodes(model):
            found = _find(node) if node.graph is not None else None
            if found is None:
                continue
            result, scale, bias = _affine(node.outputs[0], found.sizes)
            name = f"{node.name}/LayerNormalization"
            dtype = found.source.dtype
            assert dtype is not None
            scaling = np.ones(found.sizes, dtype.numpy()) if scale is None else scale
            inputs = [found.source, editor.constant(scaling, f"{name}/scale")]
            if bias is not None:
                inputs.append(editor.constant(bias, f"{name}/bias"))
            maker = result.producer()
            assert maker is not None
            attributes = {"axis": -len(found.sizes), "epsilon": found.epsilon}
            editor.replace(result, editor.node(maker, "LayerNormalization", inputs, attributes, stem=name, like=result))
            changed = True
        return changed


@dataclass(frozen=True, kw_only=True, slots=True)
class _Normalized:
    """A value that is normalized over its last axes, of these sizes."""

    source: ir.Value
    sizes: tuple[int, ...]
    epsilon: float


def _find(node: ir.Node) -> _Normalized | None:
    centred, deviation = _divided(node)
    if centred is None or deviation is None or not is_op(deviation.producer(), "Sqrt", "Pow"):
        return None
    root = deviation.producer()
    if root is None or (root.op_type == "Pow" and _number(root.inputs[1]) != 0.5):
        return None
    total = root.inputs[0].producer() if root.inputs[0] is not None else None
    if total is None or not is_op(total, "Add"):
        return None
    variance, epsilon = total.inputs[0], _number(total.inputs[1])
    if epsilon is None:
        variance, epsilon = total.inputs[1], _number(total.inputs[0])
    square = _mean_of(variance)
    difference = centred.producer()
    if epsilon is None or epsilon <= 0 or square is None or difference is None or not is_op(difference, "Sub"):
        return None
    source, mean = difference.inputs[0], _mean_of(difference.inputs[1])
    if (
        source is None
        or mean is None
        or mean[0] is not source
        or mean[1] != square[1]
        or not _is_square(square[0], centred)
    ):
        return None
    sizes = tuple(size for size in (source.shape or ())[-len(mean[1]) :] if isinstance(size, int))
    if len(sizes) != len(mean[1]) or source.dtype != ir.DataType.FLOAT:
        return None
    return _Normalized(source=source, sizes=sizes, epsilon=epsilon)


def _divided(node: ir.Node) -> tuple[ir.Value | None, ir.Value | None]:
    if is_op(node, "Div"):
        return node.inputs[0], node.inputs[1]
    if is_op(node, "Mul"):
        for one, other in ((0, 1), (1, 0)):
            factor = node.inputs[one]
            maker = factor.producer() if factor is not None else None
            if maker is not None and is_op(maker, "Reciprocal"):
                return node.inputs[other], maker.inputs[0]
    return None, None


def _mean_of(value: ir.Value | None) -> tuple[ir.Value, tuple[int, ...]] | None:
    """What it is the mean of, and the axes counted from the end; None unless they are the last ones and are kept."""
    node = value.producer() if value is not None else None
    if node is None or not is_op(node, "ReduceMean") or node.inputs[0] is None or len(node.inputs) < 2:
        return None
    axes, source = constant_array(node.inputs[1]), node.inputs[0]
    if axes is None or source.shape is None or not node.attributes.get_int("keepdims", 1):
        return None
    rank = len(source.shape)
    places = tuple(sorted(int(axis) - rank if axis >= 0 else int(axis) for axis in axes))
    return (source, places) if places and places == tuple(range(-len(places), 0)) else None


def _is_square(value: ir.Value, of: ir.Value) -> bool:
    node = value.producer()
    if node is None:
        return False
    if is_op(node, "Mul"):
        return node.inputs[0] is of and node.inputs[1] is of
    return is_op(node, "Pow") and node.inputs[0] is of and _number(node.inputs[1]) == 2.0


def _affine(value: ir.Value, sizes: tuple[int, ...]) -> tuple[ir.Value, Array | None, Array | None]:
    """Take in the product with a scale and the sum with a bias that follow, when they have the normalized sizes."""
    scale = bias = None
    user = only_user(value)
    if user is not None and is_op(user, "Mul"):
        scale = _factor(user, value, sizes)
        if scale is not None:
            value, user = user.outputs[0], only_user(user.outputs[0])
    if user is not None and is_op(user, "Add"):
        bias = _factor(user, value, sizes)
        if bias is not None:
            value = user.outputs[0]
    return value, scale, bias


def _factor(node: ir.Node, value: ir.Value, sizes: tuple[int, ...]) -> Array | None:
    other = node.inputs[1] if node.inputs[0] is value else node.inputs[0]
    array = constant_array(other)
    if array is None or static_shape(other) is None or array.shape != sizes:
        return None
    return array


def _number(value: ir.Value | None) -> float | None:
    array = constant_array(value, most_elements=1)
    return None if array is None else float(array.reshape(()))
