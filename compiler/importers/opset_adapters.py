"""What changed in the meaning of operators, opset by opset, and how an older node is said in the newer one.

Source: the change log of the operators, https://github.com/onnx/onnx/blob/main/docs/Changelog.md. Operators that only
learnt more types, or options whose defaults are the old behaviour, are not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from ..passes.editing import Editor, constant_array

Adapter = Callable[[ir.Node, Editor], None]


def _refuse(node: ir.Node, reason: str) -> ModelError:
    return ModelError(
        f"node {node.name!r} ({node.op_type}): {reason}", hint="export the model again with opset 18 or later"
    )


def _set_input(node: ir.Node, index: int, value: ir.Value | None) -> None:
    if len(node.inputs) <= index:
        node.resize_inputs(index + 1)
    node.replace_input_with(index, value)


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _to_input(attribute: str, index: int) -> Adapter:
    """A list of integers moves from an attribute to an input."""

    def adapt(node: ir.Node, editor: Editor) -> None:
        found = node.attributes.pop(attribute, None)
        if found is not None:
            array = np.array(found.as_ints(), dtype=np.int64)
            _set_input(node, index, editor.constant(array, f"{node.name}/{attribute}"))

    return adapt


def _scalar_like(node: ir.Node, editor: Editor, number: float, name: str) -> ir.Value:
    source = node.inputs[0]
    if source is None or source.dtype is None:
        raise _refuse(node, "the element type of its input is not known")
    return editor.constant(np.array(number, dtype=source.dtype.numpy()), f"{node.name}/{name}")


def _batch_norm_9(node: ir.Node, _editor: Editor) -> None:
    spatial = node.attributes.pop("spatial", None)
    if spatial is not None and spatial.as_int() != 1:
        raise _refuse(node, "statistics per element (spatial = 0) left ONNX with opset 9")


def _upsample_9(node: ir.Node, editor: Editor) -> None:
    scales = np.array(node.attributes.pop("scales").as_floats(), dtype=np.float32)
    _set_input(node, 1, editor.constant(scales, f"{node.name}/scales"))


def _scan_9(node: ir.Node, _editor: Editor) -> None:
    raise _refuse(node, "the batched Scan of opset 8 left ONNX with opset 9")


def _upsample_10(node: ir.Node, _editor: Editor) -> None:
    node.op_type = "Resize"


def _slice_10(node: ir.Node, editor: Editor) -> None:
    for index, name in enumerate(("starts", "ends", "axes"), start=1):
        _to_input(name, index)(node, editor)


def _top_k_10(node: ir.Node, editor: Editor) -> None:
    count = node.attributes.pop("k").as_int()
    _set_input(node, 1, editor.constant(np.array([count], dtype=np.int64), f"{node.name}/k"))


def _clip_11(node: ir.Node, editor: Editor) -> None:
    for index, name in enumerate(("min", "max"), start=1):
        bound = node.attributes.pop(name, None)
        if bound is not None:
            _set_input(node, index, _scalar_like(node, editor, bound.as_float(), name))


def _pad_11(node: ir.Node, editor: Editor) -> None:
    _to_input("pads", 1)(node, editor)
    value = node.attributes.pop("value", None)
    if value is not None and value.as_float() != 0:
        _set_input(node, 2, _scalar_like(node, editor, value.as_float(), "value"))


def _resize_11(node: ir.Node, editor: Editor) -> None:
    scales = _input(node, 1)
    _set_input(node, 2, scales)
    _set_input(node, 1, editor.constant(np.zeros(0, dtype=np.float32), f"{node.name}/roi"))
    attributes = {"coordinate_transformation_mode": "asymmetric"}
    mode = node.attributes.get_string("mode", "nearest")
    if mode == "nearest":
        attributes["nearest_mode"] = _nearest_mode(node, constant_array(scales))
    elif mode not in ("linear", "bilinear"):
        raise _refuse(node, f"mode {mode!r} is not known")
    else:
        attributes["mode"] = "linear"
    node.attributes.update({attribute.name: attribute for attribute in ir.convenience.convert_attributes(attributes)})


def _nearest_mode(node: ir.Node, scales: np.ndarray[Any, np.dtype[Any]] | None) -> str:
    # before opset 11 runtimes took the element below when growing, the one above when shrinking
    if scales is not None and (scales >= 1).all():
        return "floor"
    if scales is not None and (scales <= 1).all():
        return "ceil"
    raise _refuse(node, "before opset 11 it is not settled which element is the nearest for these scales")


def _scatter_11(node: ir.Node, _editor: Editor) -> None:
    node.op_type = "ScatterElements"


def _dropout_12(node: ir.Node, _editor: Editor) -> None:
    node.attributes.pop("ratio", None)  # without an input that says otherwise, nothing is dropped


def _softmax_13(node: ir.Node, editor: Editor) -> None:
    source, output = node.inputs[0], node.outputs[0]
    axis = node.attributes.get_int("axis", 1)
    rank = len(source.shape) if source is not None and source.shape is not None else None
    node.attributes["axis"] = ir.AttrInt64("axis", -1)
    if axis == -1 or axis + 1 == rank:
        return
    # all axes from this one on were normalized together
    shape = editor.node(node, "Shape", [source])
    flat = editor.node(node, "Flatten", [source], {"axis": axis})
    result = editor.node(node, node.op_type, [flat], {"axis": -1})
    editor.replace(output, editor.node(node, "Reshape", [result, shape], like=output))


def _resize_13(node: ir.Node, _editor: Editor) -> None:
    if node.attributes.get_string("coordinate_transformation_mode", "half_pixel") != "tf_crop_and_resize":
        _set_input(node, 1, None)
    if _input(node, 3) is not None:
        _set_input(node, 2, None)


def _batch_norm_14(node: ir.Node, _editor: Editor) -> None:
    if any(value.uses() or value.is_graph_output() for value in node.outputs[1:]):
        raise _refuse(node, "it trains: its statistics are used")
    node.resize_outputs(1)


def _roi_align_16(node: ir.Node, _editor: Editor) -> None:
    node.attributes["coordinate_transformation_mode"] = ir.AttrString(
        "coordinate_transformation_mode", "output_half_pixel"
    )


def _split_18(node: ir.Node, _editor: Editor) -> None:
    if _input(node, 1) is None:
        node.attributes["num_outputs"] = ir.AttrInt64("num_outputs", len(node.outputs))


def _grid_sample_20(node: ir.Node, _editor: Editor) -> None:
    mode = node.attributes.get_string("mode", "bilinear") or "bilinear"
    node.attributes["mode"] = ir.AttrString("mode", mode.removeprefix("bi"))


def _dft_20(node: ir.Node, editor: Editor) -> None:
    attribute = node.attributes.pop("axis", None)
    axis = np.array(attribute.as_int() if attribute is not None else 1, dtype=np.int64)
    _set_input(node, 2, editor.constant(axis, f"{node.name}/axis"))


ADAPTERS: Final[Mapping[tuple[str, int], Adapter]] = {
    ("BatchNormalization", 9): _batch_norm_9,
    ("Upsample", 9): _upsample_9,
    ("Scan", 9): _scan_9,
    ("Upsample", 10): _upsample_10,
    ("Slice", 10): _slice_10,
    ("TopK", 10): _top_k_10,
    ("Clip", 11): _clip_11,
    ("Pad", 11): _pad_11,
    ("Resize", 11): _resize_11,
    ("Scatter", 11): _scatter_11,
    ("Dropout", 12): _dropout_12,
    ("Softmax", 13): _softmax_13,
    ("LogSoftmax", 13): _softmax_13,
    ("Hardmax", 13): _softmax_13,
    ("Split", 13): _to_input("split", 1),
    ("Squeeze", 13): _to_input("axes", 1),
    ("Unsqueeze", 13): _to_input("axes", 1),
    ("ReduceSum", 13): _to_input("axes", 1),
    ("Resize", 13): _resize_13,
    ("BatchNormalization", 14): _batch_norm_14,
    ("RoiAlign", 16): _roi_align_16,
    ("ReduceMax", 18): _to_input("axes", 1),
    ("ReduceMin", 18): _to_input("axes", 1),
    ("ReduceMean", 18): _to_input("axes", 1),
    ("ReduceProd", 18): _to_input("axes", 1),
    ("ReduceL1", 18): _to_input("axes", 1),
    ("ReduceL2", 18): _to_input("axes", 1),
    ("ReduceLogSum", 18): _to_input("axes", 1),
    ("ReduceLogSumExp", 18): _to_input("axes", 1),
    ("ReduceSumSquare", 18): _to_input("axes", 1),
    ("Split", 18): _split_18,
    ("GridSample", 20): _grid_sample_20,
    ("DFT", 20): _dft_20,
}
"""(operator, the opset that changed it) → what says the older node in that opset."""
