"""Takes slots out of a model: weights, constants, shapes and groups shrink, and what is left computes as before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..passes.editing import Editor, constant_array, is_op
from .marks import Marks, Trace, shape_of
from .moves import slice_bounds
from .slots import Ids

Kept = Callable[[Ids], NDArray[np.bool_]]
"""Slots → whether each stays."""


def cut(model: ir.Model, trace: Trace, counterpart: Mapping[ir.Node, ir.Node], kept: Kept) -> None:
    """Take out of `model`, in place, all that does not stay.

    `trace` is of a copy of the model with every size known; `counterpart` gives for its nodes those of `model`.
    """
    editor = Editor(model)
    _cut_shapes(editor, trace, counterpart, kept)  # first: it asks for sizes as they were
    for part in trace.parts:
        stays = kept(part.ids)
        if not stays.all():
            node = counterpart[part.node]
            value = node.inputs[part.index]
            array = constant_array(value)
            assert array is not None
            assert value is not None
            smaller = np.ascontiguousarray(np.compress(stays, array, axis=part.axis))
            node.replace_input_with(part.index, editor.constant(smaller, f"{value.name}/pruned"))
    for value, marks in trace.marks.items():
        stays = kept(marks.ids)
        if stays.all():
            continue
        producer = value.producer()
        assert producer is not None
        own = counterpart[producer].outputs[producer.outputs.index(value)]
        assert own.shape is not None
        sizes = list(own.shape)
        sizes[marks.axis] = _smaller(sizes[marks.axis], stays)
        own.shape = ir.Shape(sizes)


def _smaller(size: int | ir.SymbolicDim, stays: NDArray[np.bool_]) -> int | ir.SymbolicDim:
    """Give a size without what does not stay. A symbolic one has channels as a factor: `4*n`, heads times rows."""
    if isinstance(size, int):
        return int(stays.sum())
    count, _, symbol = str(size.value).partition("*")
    return ir.SymbolicDim(f"{stays.sum()}*{symbol}" if symbol and count == str(stays.size) else None)


def _cut_shapes(editor: Editor, trace: Trace, counterpart: Mapping[ir.Node, ir.Node], kept: Kept) -> None:
    for node, own in counterpart.items():
        if is_op(node, "Conv", "ConvTranspose"):
            _cut_groups(own, trace.marks.get(_first(node)), node, kept)
        elif is_op(node, *_SHAPED):
            _SHAPED[node.op_type](editor, trace, node, own, kept)


def _first(node: ir.Node) -> ir.Value:
    value = node.inputs[0]
    assert value is not None
    return value


def _cut_groups(own: ir.Node, marks: Marks | None, node: ir.Node, kept: Kept) -> None:
    """A convolution of each channel by itself has as many groups as channels."""
    if marks is not None and marks.axis == 1 and node.attributes.get_int("group", 1) == marks.ids.size > 1:
        own.attributes["group"] = ir.AttrInt64("group", int(kept(marks.ids).sum()))


def _reshape(editor: Editor, trace: Trace, node: ir.Node, own: ir.Node, kept: Kept) -> None:
    marks = trace.marks.get(node.outputs[0])
    if marks is None:
        return
    stays, shape = kept(marks.ids), constant_array(own.inputs[1])
    if not stays.all() and shape is not None and shape[marks.axis] > 0:  # 0 and −1 say themselves what is left
        smaller = shape.copy()
        smaller[marks.axis] = stays.sum()
        own.replace_input_with(1, editor.constant(smaller, f"{own.name}/shape"))


def _split(editor: Editor, trace: Trace, node: ir.Node, own: ir.Node, kept: Kept) -> None:
    marks = trace.marks.get(_first(node))
    axis = node.attributes.get_int("axis", 0) % len(shape_of(node.inputs[0]))
    if marks is None or marks.axis != axis:
        return
    stays, sizes, begin = kept(marks.ids), [], 0
    for output in node.outputs:
        end = begin + shape_of(output)[axis]
        sizes.append(int(stays[begin:end].sum()))
        begin = end
    own.attributes.pop("num_outputs", None)
    value = editor.constant(np.array(sizes, np.int64), f"{own.name}/sizes")
    if len(own.inputs) < 2:
        own.resize_inputs(2)
    own.replace_input_with(1, value)


def _slice(editor: Editor, trace: Trace, node: ir.Node, own: ir.Node, kept: Kept) -> None:
    marks, bounds = trace.marks.get(_first(node)), slice_bounds(node)
    if marks is None or bounds is None or marks.axis not in bounds:
        return
    stays = kept(marks.ids)
    axes = constant_array(node.inputs[3]) if len(node.inputs) > 3 and node.inputs[3] is not None else None
    rank = len(shape_of(node.inputs[0]))
    listed = [axis % rank for axis in axes.tolist()] if axes is not None else list(range(rank))
    for index, bound in zip((1, 2), bounds[marks.axis], strict=True):
        given = constant_array(own.inputs[index])
        assert given is not None
        moved = given.copy()
        moved[listed.index(marks.axis)] = stays[:bound].sum()
        own.replace_input_with(index, editor.constant(moved, f"{own.name}/bound"))


def _resize(editor: Editor, trace: Trace, node: ir.Node, own: ir.Node, kept: Kept) -> None:
    marks = trace.marks.get(node.outputs[0])
    sizes = constant_array(own.inputs[3]) if len(own.inputs) > 3 else None
    if marks is None or sizes is None or not sizes.size:
        return
    smaller = sizes.copy()
    smaller[marks.axis] = kept(marks.ids).sum()
    own.replace_input_with(3, editor.constant(smaller, f"{own.name}/sizes"))


_SHAPED: Final = {"Reshape": _reshape, "Split": _split, "Slice": _slice, "Resize": _resize}
"""Operators whose operands say sizes or places along the axes of channels."""
