"""Parts without elements: definitions split off a rest that may be nothing, and join it on again.

What is empty is told by constants alone; a size of 0 that a model declares may stand for one that it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_array, constant_tensor, is_op, static_shape

if TYPE_CHECKING:
    from .writer import Writer


def without_empty_parts(w: Writer, node: ir.Node) -> list[ir.Value | None] | None:
    """Give what a Split or Concat gives without its empty parts, None for one that has none.

    Raises:
        TooMuch: when too much is written already.
    """
    if is_op(node, "Split") and len(node.inputs) > 1:
        return _split(w, node)
    if is_op(node, "Concat"):
        return _joined(w, node)
    return None


def _split(w: Writer, node: ir.Node) -> list[ir.Value | None] | None:
    sizes = constant_array(node.inputs[1])
    shapes = [static_shape(value) for value in node.outputs]
    if sizes is None or np.all(sizes) or len(sizes) != len(shapes) or None in shapes:
        return None
    full = [place for place, size in enumerate(sizes) if size]
    parts = [node.inputs[0]][: len(full)]
    if len(full) > 1:
        kept = w.constant(sizes[full], f"{node.name}/sizes")
        parts = [*w.op(node, "Split", [node.inputs[0], kept], len(full), axis=node.attributes.get_int("axis", 0))]
    results: list[ir.Value | None] = []
    for value, shape, size in zip(node.outputs, shapes, sizes, strict=True):
        if value.dtype is None or shape is None:
            return None
        results.append(parts.pop(0) if size else w.constant(np.zeros(shape, value.dtype.numpy()), str(value.name)))
    return results


def _joined(w: Writer, node: ir.Node) -> list[ir.Value | None] | None:
    axis = node.attributes.get_int("axis", 0)
    kept = [value for value in node.inputs if not _is_empty(value, axis)]
    if not kept or len(kept) == len(node.inputs):
        return None
    return [kept[0]] if len(kept) == 1 else [*w.op(node, "Concat", kept, axis=axis)]


def _is_empty(value: ir.Value | None, axis: int) -> bool:
    tensor = constant_tensor(value)
    return tensor is not None and tensor.size == 0 and tensor.shape[axis] == 0
