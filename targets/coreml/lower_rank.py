"""LowerRank: transposes between two reshapes over more axes than Core ML's tensors have."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import onnx_ir as ir

from ...compiler.expand.origin import made_for, origin_of
from ...compiler.passes.base import Pass
from ...compiler.passes.editing import Editor, is_op, remove_unneeded
from .builder import MAX_RANK


class LowerRank(Pass):
    """Merges axes that stay neighbours in the transpose, and drops those of size 1.

    Windows of images, pixel shuffles and the like are exported as a reshape to six axes, a transpose and a reshape.
    What moves apart in them is five blocks of axes at most.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Write each such transpose over fewer axes."""
        editor = Editor(model)
        changed = False
        for node in tuple(model.graph):
            changed |= is_op(node, "Transpose") and _lower(editor, node)
        return changed


def _lower(editor: Editor, transpose: ir.Node) -> bool:
    wide, moved = transpose.inputs[0], transpose.outputs[0]
    before = wide.producer() if wide is not None else None
    if wide is None or wide.shape is None or len(wide.shape) <= MAX_RANK or moved.is_graph_output():
        return False
    users = [user for user, _ in moved.uses()]
    if not is_op(before, "Reshape", "Unsqueeze") or not all(
        is_op(user, "Reshape", "Squeeze", "Flatten") for user in users
    ):
        return False
    assert before is not None
    order = transpose.attributes.get_ints("perm") or [*reversed(range(len(wide.shape)))]
    blocks = _blocks([axis for axis in order if wide.shape[axis] != 1])
    sizes = [_size([wide.shape[axis] for axis in block]) for block in sorted(blocks)]
    results = [_sizes(user.outputs[0]) for user in users]
    if not 0 < len(blocks) <= MAX_RANK or sizes.count(-1) > 1 or any(result is None for result in results):
        return False
    value = _node(editor, transpose, before, "Reshape", [before.inputs[0], _vector(editor, transpose, sizes)])
    value = _node(
        editor, transpose, transpose, "Transpose", [value], perm=[sorted(blocks).index(each) for each in blocks]
    )
    for user, result in zip(users, results, strict=True):
        assert result is not None
        narrow = _node(editor, user, user, "Reshape", [value, _vector(editor, user, result)])
        narrow.shape = user.outputs[0].shape
        editor.replace(user.outputs[0], narrow)
    for node in (transpose, before):
        remove_unneeded(node)
    return True


def _blocks(order: list[int]) -> list[list[int]]:
    """Part axes, in the order in which the transpose puts them, into runs that were neighbours before."""
    before = {axis: place for place, axis in enumerate(sorted(order))}
    blocks = [[axis] for axis in order[:1]]
    for axis, following in pairwise(order):
        if before[following] == before[axis] + 1:
            blocks[-1].append(following)
        else:
            blocks.append([following])
    return blocks


def _size(sizes: list[int | ir.SymbolicDim]) -> int:
    known = [size for size in sizes if isinstance(size, int)]
    return math.prod(known) if len(known) == len(sizes) else -1


def _sizes(value: ir.Value) -> list[int] | None:
    """Give the shape of a value with −1 for the one size that is open, None when there are more."""
    if value.shape is None:
        return None
    sizes = [size if isinstance(size, int) else -1 for size in value.shape]
    return sizes if sizes.count(-1) <= 1 else None


def _vector(editor: Editor, near: ir.Node, sizes: list[int]) -> ir.Value:
    return editor.constant(np.array(sizes, np.int64), f"{near.name}/shape")


def _node(
    editor: Editor,
    place: ir.Node,
    origin: ir.Node,
    op_type: str,
    inputs: list[ir.Value | None],
    **attributes: list[int],
) -> ir.Value:
    value = editor.node(place, op_type, inputs, attributes)
    value.type = place.outputs[0].type
    made = value.producer()
    assert made is not None
    made_for(made, *origin_of(origin))
    return value
