"""How onnxruntime's attention operators are said in standard ones: products, a softmax and masks.

Source of their meaning: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
import onnx_ir as ir

from ..passes.editing import Editor, static_shape
from .contrib_ops import Rule, UnknownShapeError, axes, input_of, is_used, needed, no_equal, rank, scalar

_FAR: Final = -10000.0
"""What is added to the score of a place that is masked, unless the node says otherwise."""


def _attention(node: ir.Node, editor: Editor) -> None:
    """`input` [B, S, D] times `weights` [D, 3H] gives queries, keys and values side by side."""
    if any(input_of(node, index) is not None for index in (4, 6)) or is_used(node, 1):
        raise no_equal(node, "it keeps keys and values of earlier calls")
    if node.attributes.get_int("do_rotary", 0):
        raise no_equal(node, "it rotates its queries and keys")
    if node.attributes.get_int("unidirectional", 0):
        raise no_equal(node, "it looks in one direction only")
    weights = needed(node, 1)
    shape = static_shape(weights)
    if shape is None or needed(node, 0).dtype is None:
        raise UnknownShapeError
    if "qkv_hidden_sizes" in node.attributes:
        sizes = [int(size) for size in node.attributes["qkv_hidden_sizes"].as_ints()]
    else:
        sizes = [shape[1] // 3] * 3
    mask = _mask(node, editor, input_of(node, 3))
    product = editor.node(node, "MatMul", [needed(node, 0), weights])
    bias = input_of(node, 2)
    if bias is not None:
        product = editor.node(node, "Add", [product, bias])
    split = editor.node(node, "Split", [product, axes(node, editor, *sizes)], {"axis": -1}, outputs=3)
    maker = split.producer()
    assert maker is not None
    heads = node.attributes.get_int("num_heads", 0)
    query, key, value = (
        _by_head(node, editor, part, heads, size) for part, size in zip(maker.outputs, sizes, strict=True)
    )
    _attend(node, editor, query, key, value, mask, input_of(node, 5), sizes[0] // heads, sizes[2])


def _multi_head_attention(node: ir.Node, editor: Editor) -> None:
    """Queries [B, S, D], keys and values [B, T, D] (or [B, heads, T, D / heads]) come apart."""
    if any(input_of(node, index) is not None for index in (6, 7, 8, 9)) or any(
        is_used(node, index) for index in (1, 2, 3)
    ):
        raise no_equal(node, "it keeps keys and values of earlier calls, or gives its scores")
    if node.attributes.get_int("unidirectional", 0):
        raise no_equal(node, "it looks in one direction only")
    if input_of(node, 1) is None or input_of(node, 2) is None or rank(needed(node, 0)) != 3:
        raise no_equal(node, "its queries, keys and values are packed")
    heads = node.attributes.get_int("num_heads", 0)
    parts = [needed(node, index) for index in range(3)]
    sizes = [_width(part, heads) for part in parts]
    if parts[0].dtype is None:
        raise UnknownShapeError
    mask = _mask(node, editor, input_of(node, 4))
    bias = input_of(node, 3)
    if bias is not None:
        if any(rank(part) != 3 for part in parts):
            raise no_equal(node, "it adds a bias to keys that are split by head")
        split = editor.node(node, "Split", [bias, axes(node, editor, *sizes)], {"axis": 0}, outputs=3)
        maker = split.producer()
        assert maker is not None
        parts = [
            editor.node(node, "Add", [part, summand], like=part)
            for part, summand in zip(parts, maker.outputs, strict=True)
        ]
    query, key, value = (
        _by_head(node, editor, part, heads, size) if rank(part) == 3 else part
        for part, size in zip(parts, sizes, strict=True)
    )
    _attend(node, editor, query, key, value, mask, input_of(node, 5), sizes[0] // heads, sizes[2])


def _width(value: ir.Value, heads: int) -> int:
    if rank(value) not in (3, 4) or value.shape is None:
        raise UnknownShapeError
    last = value.shape[-1]
    if not isinstance(last, int):
        raise UnknownShapeError
    return last if len(value.shape) == 3 else last * heads


def _by_head(node: ir.Node, editor: Editor, value: ir.Value, heads: int, width: int) -> ir.Value:
    """[B, S, D] → [B, heads, S, D / heads]."""
    shape = editor.constant(np.array([0, 0, heads, width // heads], dtype=np.int64), f"{node.name}/shape")
    return editor.node(node, "Transpose", [editor.node(node, "Reshape", [value, shape])], {"perm": [0, 2, 1, 3]})


def _mask(node: ir.Node, editor: Editor, mask: ir.Value | None) -> ir.Value | None:
    """1 and 0 [B, T] or [B, S, T] → 0 and a far number, to be added to scores [B, heads, S, T]."""
    if mask is None:
        return None
    if rank(mask) not in (2, 3):
        raise no_equal(node, f"its mask has {rank(mask)} axes")
    source = needed(node, 0)
    assert source.dtype is not None
    one = scalar(node, editor, 1.0, source, "one")
    far = scalar(node, editor, node.attributes.get_float("mask_filter_value", _FAR), source, "far")
    number = editor.node(node, "Cast", [mask], {"to": source.dtype.value})
    added = editor.node(node, "Mul", [editor.node(node, "Sub", [one, number]), far])
    places = axes(node, editor, 1, 2) if rank(mask) == 2 else axes(node, editor, 1)
    return editor.node(node, "Unsqueeze", [added, places])


def _attend(
    node: ir.Node,
    editor: Editor,
    query: ir.Value,
    key: ir.Value,
    value: ir.Value,
    mask: ir.Value | None,
    bias: ir.Value | None,
    head_width: int,
    width: int,
) -> None:
    scale = node.attributes.get_float("scale", 0.0) or 1 / math.sqrt(head_width)
    turned = editor.node(node, "Transpose", [key], {"perm": [0, 1, 3, 2]})
    scores = editor.node(node, "MatMul", [query, turned])
    scores = editor.node(node, "Mul", [scores, scalar(node, editor, scale, needed(node, 0), "scale")])
    for summand in (mask, bias):
        if summand is not None:
            scores = editor.node(node, "Add", [scores, summand])
    mixed = editor.node(node, "MatMul", [editor.node(node, "Softmax", [scores], {"axis": -1}), value])
    joined = editor.node(node, "Transpose", [mixed], {"perm": [0, 2, 1, 3]})
    shape = editor.constant(np.array([0, 0, width], dtype=np.int64), f"{node.name}/shape")
    editor.replace(node.outputs[0], editor.node(node, "Reshape", [joined, shape]))


ATTENTION: Final[Mapping[str, Rule]] = {"Attention": _attention, "MultiHeadAttention": _multi_head_attention}
