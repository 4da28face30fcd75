"""What onnx-tensorrt's parser does not take of operators that it has, by node.

Source: the column of restrictions of its published operator table; what is not written there says so beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.passes.editing import constant_array, ints, is_op

_LARGEST_K: Final = 3839
_RESIZE_TRANSFORMATIONS: Final = (
    "half_pixel",
    "pytorch_half_pixel",
    "tf_half_pixel_for_nn",
    "asymmetric",
    "align_corners",
)
_NEAREST: Final = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")

OPENED: Final = frozenset({"Attention", "RotaryEmbedding", "TensorScatter"})
"""Operators that are written out by their definitions though a parser has them: it takes less than ONNX says."""

_RANDOM: Final = frozenset({"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"})

NEVER: Final = OPENED | _RANDOM | {"If", "Loop", "Scan"}
"""Operators of the tables of which every node is refused that is still there when all is written out."""

_SHAPES: Final[Mapping[str, tuple[int, ...]]] = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (2, 3),
    "Slice": (1, 2, 4),
    "Split": (1,),
    "Tile": (1,),
    "TopK": (1,),
}
"""Inputs that say shapes or places: TensorRT knows them when it plans a run, before it has computed anything."""


def restriction(node: ir.Node, release: str) -> str | None:
    """Why the parser of a release does not take a node of an operator that it has; None when nothing is against it."""
    if any(
        attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for attribute in node.attributes.values()
    ):
        return "it is control flow that could not be written out, and what it holds is not checked"
    for index in _CONSTANT.get(node.op_type, ()) + (_CONSTANT_8_6.get(node.op_type, ()) if release == "8.6" else ()):
        value = _input(node, index)
        if value is not None and constant_array(value) is None:
            return f"its input {index} is not constant"
    for index in _SHAPES.get(node.op_type, ()):
        name = _data_behind(_input(node, index))
        if name is not None:
            return f"its input {index}, a shape or a place, is computed of the values of {name!r}"
    check = _CHECKS.get(node.op_type)
    reason = check(node) if check is not None else None
    if reason is None and release == "8.6" and node.op_type == "ScatterElements":
        return _no_reduction(node)
    return reason


def _data_behind(value: ir.Value | None) -> str | None:
    """Give the input of the graph whose values, not only its shape, reach a value."""
    seen: set[ir.Value] = set()
    waiting = [value]
    while waiting:
        reached = waiting.pop()
        if reached is None or reached in seen:
            continue
        seen.add(reached)
        if reached.is_graph_input() and not reached.is_initializer():
            return reached.name
        maker = reached.producer()
        if maker is not None and not is_op(maker, "Shape", "Size"):
            waiting.extend(maker.inputs)
    return None


_AXES_INPUT: Final = dict.fromkeys(
    (f"Reduce{kind}" for kind in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")),
    (1,),
)
_CONSTANT: Final[Mapping[str, tuple[int, ...]]] = {
    **_AXES_INPUT,
    "CumSum": (1,),
    "OneHot": (1,),
    "Squeeze": (1,),
    "STFT": (1, 2),
    "Unsqueeze": (1,),
}
"""Inputs that must be initializers."""
_CONSTANT_8_6: Final[Mapping[str, tuple[int, ...]]] = {"Slice": (3,)}


def _pool(node: ir.Node) -> str | None:
    rank = _rank(node)
    if rank not in (4, 5):
        return f"it pools over {'an unknown number of' if rank is None else rank - 2} dimensions, TensorRT over 2 or 3"
    if set(ints(node, "dilations") or ()) - {1}:
        return "its dilations are not 1"
    return "its second output, the indices, is wanted" if _gives(node, 1) else None


def _dropout(node: ir.Node) -> str | None:
    mode = _input(node, 2)
    array = constant_array(mode)
    return (
        "whether it is in training mode is not constant and false" if mode and (array is None or array.any()) else None
    )


def _deform_conv(node: ir.Node) -> str | None:
    rank = _rank(node)
    if rank not in (3, 4):
        return "it has more than two spatial dimensions"
    pads = ints(node, "pads") or ()
    return "its pads at the two ends differ" if pads[: len(pads) // 2] != pads[len(pads) // 2 :] else None


def _static(node: ir.Node) -> str | None:
    given = _input(node, 0)
    static = given is not None and given.shape is not None and given.shape.is_static()
    return None if static else "its input's shape is open"


def _grid_sample(node: ir.Node) -> str | None:
    return None if _rank(node) == 4 else "its input has not four dimensions"


def _recurrent(node: ir.Node) -> str | None:
    """That RNN and GRU have the same layout is not in the table: their attribute came later than their importers."""
    if node.attributes.get_int("layout", 0):
        return "its layout is 1, the batch in front"
    if node.attributes.get_int("input_forget", 0):
        return "its input_forget is 1"
    attribute = node.attributes.get("activations")
    names = [name.lower() for name in attribute.as_strings()] if attribute is not None else []
    half = len(names) // 2
    if node.attributes.get_string("direction", "forward") == "bidirectional" and names[:half] != names[half:]:
        return "its two directions have different activations"
    return None


def _layer_norm(node: ir.Node) -> str | None:
    return "its mean or its deviation is wanted" if _gives(node, 1) or _gives(node, 2) else None


def _batch_norm(node: ir.Node) -> str | None:
    return "it is in training mode" if node.attributes.get_int("training_mode", 0) else None


def _resize(node: ir.Node) -> str | None:
    mode = node.attributes.get_string("mode", "nearest")
    transformation = node.attributes.get_string("coordinate_transformation_mode", "half_pixel")
    nearest = node.attributes.get_string("nearest_mode", "round_prefer_floor")
    policy = node.attributes.get_string("keep_aspect_ratio_policy", "stretch")
    axes, rank = ints(node, "axes"), _rank(node)
    if mode not in ("nearest", "linear"):
        return f"its mode is {mode}"
    if transformation not in _RESIZE_TRANSFORMATIONS:
        return f"its coordinate_transformation_mode is {transformation}"
    if mode == "nearest" and nearest not in _NEAREST:
        return f"its nearest_mode is {nearest}"
    if policy != "stretch":
        return f"its keep_aspect_ratio_policy is {policy}"
    if node.attributes.get_int("antialias", 0) or node.attributes.get_int("exclude_outside", 0):
        return "it smooths, or leaves out what is outside"
    if axes is not None and (rank is None or axes != tuple(range(rank))):
        return f"it has axes {list(axes)}, not all in their order"
    return None


def _no_reduction(node: ir.Node) -> str | None:
    reduction = node.attributes.get_string("reduction", "none")
    return None if reduction == "none" else f"its reduction is {reduction}"


def _stft(node: ir.Node) -> str | None:
    signal = _input(node, 0)
    last = signal.shape[-1] if signal is not None and signal.shape is not None else None
    return None if _rank(node) == 2 or last == 1 else "its signal is complex"


def _top_k(node: ir.Node) -> str | None:
    if node.attributes.get_int("sorted", 1) != 1:
        return "its sorted is 0"
    count = constant_array(_input(node, 1))
    if count is None:
        return "its k is not constant, and may be more than TensorRT takes"
    return f"its k is {int(count.item())}, more than {_LARGEST_K}" if int(count.item()) > _LARGEST_K else None


def _arg(node: ir.Node) -> str | None:
    """Not in the table: its layer for the largest takes the first of equal ones."""
    return "it asks for the last of equal values" if node.attributes.get_int("select_last_index", 0) else None


def _quantize(node: ir.Node) -> str | None:
    zero_point = _input(node, 2)
    integers = node.outputs[0].dtype if node.op_type == "QuantizeLinear" else _dtype(_input(node, 0))
    if integers not in (
        (ir.DataType.INT8,) if node.op_type == "QuantizeLinear" else (ir.DataType.INT8, ir.DataType.INT4)
    ):
        return f"its integers are {'of an unknown type' if integers is None else integers.name}"
    if zero_point is not None:
        array = constant_array(zero_point)
        if array is None or array.any():
            return "its zero point is not 0"
    return "its scale is not constant" if constant_array(_input(node, 1)) is None else None


def _random(node: ir.Node) -> str | None:  # noqa: ARG001 - as all checks
    return "it draws random numbers, so no two runs can be compared"


def _unchecked(node: ir.Node) -> str | None:  # noqa: ARG001 - as all checks
    return "its definition could not be written out, and what TensorRT takes of the whole is not checked"


_CHECKS: Final[Mapping[str, Callable[[ir.Node], str | None]]] = {
    **dict.fromkeys(("AveragePool", "LpPool", "MaxPool"), _pool),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _recurrent),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear"), _quantize),
    **dict.fromkeys(_RANDOM, _random),
    **dict.fromkeys(OPENED, _unchecked),
    "BatchNormalization": _batch_norm,
    "DeformConv": _deform_conv,
    "Dropout": _dropout,
    "EyeLike": _static,
    "GridSample": _grid_sample,
    "Hardmax": _static,
    "LayerNormalization": _layer_norm,
    "Resize": _resize,
    "STFT": _stft,
    "ScatterND": _no_reduction,
    "TopK": _top_k,
}


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _dtype(value: ir.Value | None) -> ir.DataType | None:
    return value.dtype if value is not None else None


def _rank(node: ir.Node) -> int | None:
    given = _input(node, 0)
    return len(given.shape) if given is not None and given.shape is not None else None


def _gives(node: ir.Node, index: int) -> bool:
    """Whether somebody wants an output."""
    if index >= len(node.outputs):
        return False
    return bool(node.outputs[index].uses()) or node.outputs[index].is_graph_output()
