"""How each operator looks on permuted axes: the knowledge that lets a TRANSPOSE pass through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from ..dialect import Array, constant_operand, integer, is_constant, operand, shape_of
from ..operators import ELEMENTWISE, LAST_AXIS, REDUCERS
from .permutation import Permutation, drop, inverse, permute, through_reshape

Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Permuted:
    """A node said on other axes.

    Its results have the shapes `shapes`; `transpose(result, p)` with the `p` of `permutations` is what the node gave.
    `parameters` replaces operands that are parameters (axes, paddings), by index; `attributes` replaces attributes.
    """

    shapes: Sequence[Shape]
    permutations: Sequence[Permutation]
    parameters: dict[int, Array] = field(default_factory=dict)
    attributes: dict[str, int | Sequence[int]] = field(default_factory=dict)


def data_operands(node: ir.Node) -> tuple[int, ...]:
    """Give the indices of the operands that follow a permutation of the node's axes; none when it lets none through."""
    name = node.op_type
    if name in ELEMENTWISE or name == "CONCATENATION":
        return tuple(range(len(node.inputs)))
    return _DATA.get(name, (0,) if name in _RULES else ())


def on_permuted(node: ir.Node, p: Permutation) -> Permuted | None:
    """Say a node whose data operands are `transpose(source, p)` on the sources themselves; None when it cannot be."""
    if any(not is_constant(node.inputs[index]) for index in _PARAMETERS.get(node.op_type, ())):
        return None
    rule = _elementwise if node.op_type in ELEMENTWISE else _RULES.get(node.op_type)
    return rule(node, p) if rule else None


def source_shape(shape: Sequence[int], p: Permutation) -> Shape:
    """Give the shape of the source whose transpose by `p` has `shape`."""
    return permute(shape, inverse(p))


def _along(node: ir.Node, p: Permutation) -> Permuted:
    """Every result has the rank of the operand, and its axes follow."""
    return Permuted(
        shapes=[source_shape(shape_of(value), p) for value in node.outputs], permutations=[p] * len(node.outputs)
    )


def _with(permuted: Permuted, parameters: dict[int, Array], **attributes: int | Sequence[int]) -> Permuted:
    return Permuted(
        shapes=permuted.shapes, permutations=permuted.permutations, parameters=parameters, attributes=attributes
    )


def _elementwise(node: ir.Node, p: Permutation) -> Permuted | None:
    return _along(node, p) if len(shape_of(node.outputs[0])) == len(p) else None


def _concatenation(node: ir.Node, p: Permutation) -> Permuted:
    return _with(_along(node, p), {}, axis=p[integer(node, "axis")])


def _pad(node: ir.Node, p: Permutation) -> Permuted:
    return _with(_along(node, p), {1: _rows(constant_operand(node, 1), p)})


def _strided_slice(node: ir.Node, p: Permutation) -> Permuted:
    return _with(_along(node, p), {index: _rows(constant_operand(node, index), p) for index in (1, 2, 3)})


def _shape_like(node: ir.Node, p: Permutation) -> Permuted | None:
    """TILE and BROADCAST_TO: operand 1 has a number for every axis."""
    if len(shape_of(node.outputs[0])) != len(p):
        return None
    return _with(_along(node, p), {1: _rows(constant_operand(node, 1), p)})


def _split(node: ir.Node, p: Permutation) -> Permuted:
    return _with(_along(node, p), {0: _axis(constant_operand(node, 0), p)})


def _split_v(node: ir.Node, p: Permutation) -> Permuted:
    return _with(_along(node, p), {2: _axis(constant_operand(node, 2), p)})


def _axis_operand(node: ir.Node, p: Permutation) -> Permuted:
    """CUMSUM and REVERSE_V2: operand 1 names axes, the shape stays."""
    return _with(_along(node, p), {1: _axis(constant_operand(node, 1), p)})


def _last_axis(node: ir.Node, p: Permutation) -> Permuted | None:
    return _along(node, p) if p[-1] == len(p) - 1 and len(shape_of(node.outputs[0])) == len(p) else None


def _reduction(node: ir.Node, p: Permutation) -> Permuted:
    axes = sorted(p[int(axis)] for axis in constant_operand(node, 1).ravel())
    return _reduced(node, p, axes, np.array(axes, np.int32), bool(integer(node, "keep_dims")))


def _arg_reduction(node: ir.Node, p: Permutation) -> Permuted:
    axis = p[int(constant_operand(node, 1).item())]
    return _reduced(node, p, [axis], np.array(axis, np.int32), keep=False)


def _reduced(node: ir.Node, p: Permutation, axes: list[int], parameter: Array, keep: bool) -> Permuted:
    if keep:
        return _with(_along(node, p), {1: parameter})
    left = drop(p, axes)
    shape = source_shape(shape_of(node.outputs[0]), left)
    return Permuted(shapes=[shape], permutations=[left], parameters={1: parameter})


def _gather(node: ir.Node, p: Permutation) -> Permuted | None:
    if integer(node, "batch_dims"):
        return None
    axis, width = integer(node, "axis"), len(shape_of(operand(node, 1)))
    # The picked axes stand in the place of the one they were picked from, before as after.
    spread = {old: old + (width - 1 if old > p[axis] else 0) for old in p}
    order = [
        place for index, old in enumerate(p) for place in (range(old, old + width) if index == axis else [spread[old]])
    ]
    shape = source_shape(shape_of(node.outputs[0]), tuple(order))
    return Permuted(shapes=[shape], permutations=[tuple(order)], attributes={"axis": p[axis]})


def _reshape(node: ir.Node, p: Permutation) -> Permuted | None:
    source = source_shape(shape_of(operand(node, 0)), p)
    found = through_reshape(source, p, shape_of(node.outputs[0]))
    if found is None:
        return None
    first, then = found
    return Permuted(
        shapes=[first],
        permutations=[then],
        parameters={1: np.array(first, np.int32)},
        attributes={"new_shape": first},
    )


def _batch_matmul(node: ir.Node, p: Permutation) -> Permuted | None:
    rank = len(p)
    fixed = p[-2:] == (rank - 2, rank - 1)
    return _along(node, p) if fixed and len(shape_of(node.outputs[0])) == rank else None


def _rows(array: Array, p: Permutation) -> Array:
    return np.ascontiguousarray(array[list(inverse(p))])


def _axis(array: Array, p: Permutation) -> Array:
    return np.array([p[int(axis)] for axis in array.ravel()], array.dtype).reshape(array.shape)


_RULES: dict[str, Callable[[ir.Node, Permutation], Permuted | None]] = {
    "ARG_MAX": _arg_reduction,
    "ARG_MIN": _arg_reduction,
    "BATCH_MATMUL": _batch_matmul,
    "BROADCAST_TO": _shape_like,
    "CONCATENATION": _concatenation,
    "CUMSUM": _axis_operand,
    "GATHER": _gather,
    "MIRROR_PAD": _pad,
    "PAD": _pad,
    "PADV2": _pad,
    "RESHAPE": _reshape,
    "REVERSE_V2": _axis_operand,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _shape_like,
    **dict.fromkeys(REDUCERS, _reduction),
    **dict.fromkeys(LAST_AXIS, _last_axis),
}

_DATA: dict[str, tuple[int, ...]] = {"BATCH_MATMUL": (0, 1), "SPLIT": (1,)}
"""Data operands where they are not operand 0 alone."""

_PARAMETERS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(REDUCERS | {"BROADCAST_TO", "CUMSUM", "MIRROR_PAD", "PAD", "PADV2", "TILE"}, (1,)),
    "STRIDED_SLICE": (1, 2, 3),
}
"""Operands that speak of axes and may be known only at run time; then no permutation passes through."""
