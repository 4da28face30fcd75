"""How operators of onnxruntime are said in standard ones.

Source of their meaning: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from ..passes.editing import Editor

Rule = Callable[[ir.Node, Editor], None]


class UnknownShapeError(Exception):
    """A rank or dtype that a rule asks for is not known yet."""


def no_equal(node: ir.Node, reason: str) -> ModelError:
    """The error for a node that standard operators cannot say exactly."""
    return ModelError(
        f"node {node.name!r} ({node.op_type}): {reason}", hint="export the model without onnxruntime's optimiser"
    )


def input_of(node: ir.Node, index: int) -> ir.Value | None:
    """Give an input, None when it is left out."""
    return node.inputs[index] if index < len(node.inputs) else None


def needed(node: ir.Node, index: int) -> ir.Value:
    """Give an input that must be there."""
    value = input_of(node, index)
    if value is None:
        raise no_equal(node, f"input {index} is missing")
    return value


def is_used(node: ir.Node, index: int) -> bool:
    """Whether anything needs this output."""
    return index < len(node.outputs) and bool(node.outputs[index].uses() or node.outputs[index].is_graph_output())


def rank(value: ir.Value) -> int:
    """Give the rank.

    Raises:
        UnknownShapeError: when it is not known yet.
    """
    if value.shape is None:
        raise UnknownShapeError
    return len(value.shape)


def scalar(node: ir.Node, editor: Editor, number: float, like: ir.Value, stem: str) -> ir.Value:
    """Add a constant of the dtype of another value.

    Raises:
        UnknownShapeError: when that dtype is not known yet.
    """
    if like.dtype is None:
        raise UnknownShapeError
    return editor.constant(np.array(number, dtype=like.dtype.numpy()), f"{node.name}/{stem}")


def axes(node: ir.Node, editor: Editor, *numbers: int) -> ir.Value:
    """Add a list of integers."""
    return editor.constant(np.array(numbers, dtype=np.int64), f"{node.name}/axes")


def activate(node: ir.Node, editor: Editor, value: ir.Value, name: str, parameters: Sequence[float]) -> ir.Value:
    """Apply the activation that a fused operator names."""
    if name in ("", "Relu", "Sigmoid", "Tanh"):
        return editor.node(node, name, [value]) if name else value
    if name == "LeakyRelu":
        return editor.node(node, name, [value], {"alpha": parameters[0]})
    if name == "HardSigmoid":
        return editor.node(node, name, [value], {"alpha": parameters[0], "beta": parameters[1]})
    if name == "HardSwish" and not parameters:
        return editor.node(node, name, [value])
    if name == "Clip":
        source = needed(node, 0)
        bounds = [
            scalar(node, editor, number, source, stem) for number, stem in zip(parameters, ("min", "max"), strict=True)
        ]
        return editor.node(node, "Clip", [value, *bounds])
    raise no_equal(node, f"the activation {name!r} is not known")


def _attributes(node: ir.Node, *without: str) -> dict[str, Any]:
    return {name: attribute.value for name, attribute in node.attributes.items() if name not in without}


def _conv(node: ir.Node, editor: Editor) -> None:
    name = node.attributes.get_string("activation", "") or ""
    parameters = node.attributes["activation_params"].as_floats() if "activation_params" in node.attributes else ()
    attributes = _attributes(node, "activation", "activation_params")
    result = editor.node(node, "Conv", [needed(node, 0), needed(node, 1), input_of(node, 2)], attributes)
    summand = input_of(node, 3)
    if summand is not None:
        result = editor.node(node, "Add", [result, summand])
    editor.replace(node.outputs[0], activate(node, editor, result, name, parameters))


def _gemm(node: ir.Node, editor: Editor) -> None:
    parts = ("activation_alpha", "activation_beta", "activation_gamma")
    parameters = [node.attributes[part].as_float() for part in parts if part in node.attributes]
    name = node.attributes.get_string("activation", "") or ""
    result = editor.node(node, "Gemm", list(node.inputs), _attributes(node, "activation", *parts))
    editor.replace(node.outputs[0], activate(node, editor, result, name, parameters))


def _mat_mul(node: ir.Node, editor: Editor) -> None:
    factors = []
    for index, letter in enumerate("AB"):
        value = needed(node, index)
        if node.attributes.get_int(f"transBatch{letter}", 0):
            raise no_equal(node, "it transposes batch axes")
        if node.attributes.get_int(f"trans{letter}", 0) and rank(value) > 1:
            order = [*range(rank(value) - 2), rank(value) - 1, rank(value) - 2]
            value = editor.node(node, "Transpose", [value], {"perm": order})
        factors.append(value)
    alpha = node.attributes.get_float("alpha", 1.0)
    factor = scalar(node, editor, alpha, needed(node, 0), "alpha") if alpha != 1.0 else None
    result = editor.node(node, "MatMul", factors)
    editor.replace(node.outputs[0], editor.node(node, "Mul", [result, factor]) if factor is not None else result)


def _gelu(approximate: str) -> Rule:
    def rule(node: ir.Node, editor: Editor) -> None:
        value, bias = needed(node, 0), input_of(node, 1)
        if bias is not None:
            value = editor.node(node, "Add", [value, bias])
        attributes = {"approximate": approximate} if approximate != "none" else {}
        editor.replace(node.outputs[0], editor.node(node, "Gelu", [value], attributes))

    return rule


def _quick_gelu(node: ir.Node, editor: Editor) -> None:
    value = needed(node, 0)
    factor = scalar(node, editor, node.attributes.get_float("alpha", 1.702), value, "alpha")
    gate = editor.node(node, "Sigmoid", [editor.node(node, "Mul", [value, factor])])
    editor.replace(node.outputs[0], editor.node(node, "Mul", [value, gate]))


def _layer_norm(node: ir.Node, _editor: Editor) -> None:
    """The operator as it stood in the default domain of models before opset 17; the standard one took it over."""
    node.domain = ""
    if is_used(node, 1) or is_used(node, 2):
        return
    node.resize_outputs(1)


def _normalized(node: ir.Node, editor: Editor, value: ir.Value, scale: ir.Value, bias: ir.Value | None) -> ir.Value:
    epsilon = node.attributes.get_float("epsilon", 1e-12)
    return editor.node(node, "LayerNormalization", [value, scale, bias], {"axis": -1, "epsilon": epsilon})


def _root_mean_square(
    node: ir.Node, editor: Editor, value: ir.Value, scale: ir.Value, epsilon: float, axis: int
) -> ir.Value:
    if axis not in (-1, rank(value) - 1 if value.shape is not None else -1):
        raise no_equal(node, "it normalizes more than the last axis")
    small = scalar(node, editor, epsilon, scale, "epsilon")
    square = editor.node(node, "Mul", [value, value])
    mean = editor.node(node, "ReduceMean", [square, axes(node, editor, -1)], {"keepdims": 1})
    root = editor.node(node, "Sqrt", [editor.node(node, "Add", [mean, small])])
    return editor.node(node, "Mul", [editor.node(node, "Div", [value, root]), scale])


def _simplified_layer_norm(node: ir.Node, editor: Editor) -> None:
    if is_used(node, 1):
        raise no_equal(node, "its statistics are used")
    epsilon, axis = node.attributes.get_float("epsilon", 1e-5), node.attributes.get_int("axis", -1)
    result = _root_mean_square(node, editor, needed(node, 0), needed(node, 1), epsilon, axis)
    editor.replace(node.outputs[0], result)


def _skip_layer_norm(node: ir.Node, editor: Editor) -> None:
    total = _skip_sum(node, editor, input_of(node, 4))
    result = _normalized(node, editor, total, needed(node, 2), input_of(node, 3))
    _give_skip(node, editor, result, total)


def _skip_simplified_layer_norm(node: ir.Node, editor: Editor) -> None:
    epsilon = node.attributes.get_float("epsilon", 1e-12)
    scalar(node, editor, epsilon, needed(node, 2), "epsilon")  # asks for the dtype before anything is added
    total = _skip_sum(node, editor, input_of(node, 3))
    _give_skip(node, editor, _root_mean_square(node, editor, total, needed(node, 2), epsilon, -1), total)


def _skip_sum(node: ir.Node, editor: Editor, bias: ir.Value | None) -> ir.Value:
    if is_used(node, 1) or is_used(node, 2):
        raise no_equal(node, "its statistics are used")
    total = editor.node(node, "Add", [needed(node, 0), needed(node, 1)])
    return editor.node(node, "Add", [total, bias]) if bias is not None else total


def _give_skip(node: ir.Node, editor: Editor, result: ir.Value, total: ir.Value) -> None:
    if len(node.outputs) > 3:
        editor.replace(node.outputs[3], total)
    editor.replace(node.outputs[0], result)


def _embed_layer_norm(node: ir.Node, editor: Editor) -> None:
    ids, segments, mask, positions = (input_of(node, index) for index in (0, 1, 7, 8))
    places = needed(node, 3)
    if is_used(node, 1) and mask is None:
        raise no_equal(node, "its mask index is used and no mask is given")
    if positions is None:
        length = editor.node(node, "Shape", [ids], {"start": 1, "end": 2})
        zero = axes(node, editor, 0)
        place = editor.node(node, "Slice", [places, zero, length, zero])
    else:
        place = editor.node(node, "Gather", [places, positions])
    total = editor.node(node, "Add", [editor.node(node, "Gather", [needed(node, 2), ids]), place])
    if segments is not None:
        total = editor.node(node, "Add", [total, editor.node(node, "Gather", [needed(node, 4), segments])])
    result = _normalized(node, editor, total, needed(node, 5), needed(node, 6))
    if is_used(node, 2):
        editor.replace(node.outputs[2], total)
    if is_used(node, 1):
        length = editor.node(node, "ReduceSum", [mask, axes(node, editor, 1)], {"keepdims": 0})
        editor.replace(node.outputs[1], length)
    editor.replace(node.outputs[0], result)


def _nhwc_max_pool(node: ir.Node, editor: Editor) -> None:
    source = needed(node, 0)
    last = rank(source) - 1
    channels_first = editor.node(node, "Transpose", [source], {"perm": [0, last, *range(1, last)]})
    pooled = editor.node(node, "MaxPool", [channels_first], _attributes(node))
    editor.replace(node.outputs[0], editor.node(node, "Transpose", [pooled], {"perm": [0, *range(2, last + 1), 1]}))


def _same_name(node: ir.Node, _editor: Editor) -> None:
    """Standard since, under the same name and with the same meaning."""
    node.domain = ""


def _grid_sample(node: ir.Node, _editor: Editor) -> None:
    mode = node.attributes.get_string("mode", "bilinear") or "bilinear"
    node.attributes["mode"] = ir.AttrString("mode", mode.removeprefix("bi"))
    node.domain = ""


CONTRIB: Final[Mapping[str, Rule]] = {
    "FusedConv": _conv,
    "FusedGemm": _gemm,
    "FusedMatMul": _mat_mul,
    "TransposeMatMul": _mat_mul,
    "Gelu": _gelu("none"),
    "BiasGelu": _gelu("none"),
    "FastGelu": _gelu("tanh"),
    "QuickGelu": _quick_gelu,
    "LayerNormalization": _layer_norm,
    "SimplifiedLayerNormalization": _simplified_layer_norm,
    "SkipLayerNormalization": _skip_layer_norm,
    "SkipSimplifiedLayerNormalization": _skip_simplified_layer_norm,
    "EmbedLayerNormalization": _embed_layer_norm,
    "NhwcMaxPool": _nhwc_max_pool,
    "GridSample": _grid_sample,
    "Trilu": _same_name,
    "Pad": _same_name,
    "Range": _same_name,
}
