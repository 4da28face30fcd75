"""A model in an operator set that a parser still takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from ...compiler.passes.editing import Editor, constant_array

_NEW_MEANING: Final = frozenset({("GroupNormalization", 21), ("DFT", 20)})
"""Operators that mean another thing since an opset, with the same inputs and attributes."""

_IR_VERSION: Final = 9


def in_opset(model: ir.Model, wanted: int) -> dict[ir.Node, str]:
    """Write a graph for the opset `wanted` in place; give the nodes that mean nothing there, with the reason.

    A node stays as it is where the older version of its operator has its inputs, its attributes and its types.
    """
    version = model.opset_imports.get("", wanted)
    refused: dict[ir.Node, str] = {}
    if version <= wanted:
        return refused
    editor = Editor(model)
    for node in tuple(model.graph):
        try:
            _lower(node, version, wanted, editor)
        except Refused as reason:
            refused[node] = str(reason)
    model.opset_imports[""] = model.graph.opset_imports[""] = wanted
    model.ir_version = min(model.ir_version, _IR_VERSION)
    return refused


def _lower(node: ir.Node, version: int, wanted: int, editor: Editor) -> None:
    if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type, version, ""):
        return
    newer: Any = onnx.defs.get_schema(node.op_type, version, "")
    if newer.since_version <= wanted:
        return
    if not onnx.defs.has(node.op_type, wanted, ""):
        raise Refused(f"it came with opset {newer.since_version}, and the parser takes opsets up to {wanted}")
    if (node.op_type, newer.since_version) in _NEW_MEANING:
        raise Refused(f"it changed its meaning after opset {wanted}, the last that the parser takes")
    older: Any = onnx.defs.get_schema(node.op_type, wanted, "")
    if node.op_type == "Split" and "num_outputs" in node.attributes:
        _split(node, editor)
    if node.op_type.startswith("Reduce") and len(older.inputs) == 1:
        _reduce(node)
    if node.op_type == "GridSample" and wanted < 20:
        _grid_sample(node)
    for name in [name for name in node.attributes if name not in older.attributes]:
        if not _is_default(node.attributes[name], newer):
            raise Refused(f"its attribute {name} came after opset {wanted}, the last that the parser takes")
        node.attributes.pop(name)
    while node.inputs and node.inputs[-1] is None:
        node.resize_inputs(len(node.inputs) - 1)
    if not older.min_input <= len(node.inputs) <= older.max_input:
        raise Refused(f"it has {len(node.inputs)} inputs, which came after opset {wanted}")
    if not (_takes(older, older.inputs, node.inputs) and _takes(older, older.outputs, node.outputs)):
        raise Refused(f"its types came after opset {wanted}, the last that the parser takes")


def _split(node: ir.Node, editor: Editor) -> None:
    """As sizes, the last part the smaller one."""
    given, axis = node.inputs[0], node.attributes.get_int("axis", 0)
    size = given.shape[axis] if given is not None and given.shape is not None else None
    if not isinstance(size, int):
        raise Refused("it splits a dimension of an open size into a number of parts")
    count = len(node.outputs)
    part = -(-size // count)
    sizes = [part] * (count - 1) + [size - part * (count - 1)]
    node.attributes.pop("num_outputs")
    node.resize_inputs(2)
    node.replace_input_with(1, editor.constant(np.array(sizes, np.int64), f"{node.name}/split"))


def _reduce(node: ir.Node) -> None:
    """Axes as an attribute."""
    axes = node.inputs[1] if len(node.inputs) > 1 else None
    array = constant_array(axes)
    if axes is not None and array is None:
        raise Refused("its axes are not constant")
    noop = node.attributes.get_int("noop_with_empty_axes", 0)
    if noop and (array is None or not array.size):
        raise Refused("it reduces nothing")
    node.attributes.pop("noop_with_empty_axes", None)
    if array is not None and array.size:
        node.attributes["axes"] = ir.AttrInt64s("axes", array.tolist())
    node.resize_inputs(1)


def _grid_sample(node: ir.Node) -> None:
    names = {"linear": "bilinear", "cubic": "bicubic"}
    mode = node.attributes.get_string("mode", "linear")
    node.attributes["mode"] = ir.AttrString("mode", names.get(mode, mode))


def _is_default(attribute: ir.Attr, schema: Any) -> bool:
    default = schema.attributes[attribute.name].default_value
    if default.type == onnx.AttributeProto.UNDEFINED:
        return False
    return bool(
        ir.to_proto(attribute) == onnx.helper.make_attribute(attribute.name, onnx.helper.get_attribute_value(default))
    )


def _takes(schema: Any, parameters: Sequence[Any], values: Sequence[ir.Value | None]) -> bool:
    """Whether a schema takes values of these dtypes; the last parameter may stand for many."""
    allowed = {constraint.type_param_str: set(constraint.allowed_type_strs) for constraint in schema.type_constraints}
    for index, value in enumerate(values):
        if value is None or not value.name:
            continue
        parameter = parameters[min(index, len(parameters) - 1)]
        types = allowed.get(parameter.type_str, {parameter.type_str})
        if value.dtype is None or f"tensor({value.dtype.name.lower()})" not in types:
            return False
    return True
