"""PADs of integers in the form that kernels are fast at.

A PADV2 with the integer that stands for 0 is a PAD, which XNNPACK takes and PADV2 not. Its kernel copies the innermost
axis run by run, at 7 ns a run on x86-64: where the last axes are not padded, whole rows are one run. The RESHAPEs that
this takes copy too, which is cheap for single bytes alone.
"""

from __future__ import annotations

import math

import onnx_ir as ir

from ..dialect import constant_operand, dtype_of, is_constant, operand, shape_of, text
from ..quantization import grid_of, has_grid, on_grid_of
from .rewriter import Rewriter

_WORTH = 1024
"""Runs that are saved."""
_FUSED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D"})


def pad_rows(rewriter: Rewriter) -> None:
    """Say PADs and PADV2s of int8 as PADs of whole rows. Only once it is settled what is int8."""
    for node in rewriter.graph:
        value = node.inputs[0] if node.inputs else None
        if node.op_type not in ("PAD", "PADV2") or value is None or dtype_of(value) != ir.DataType.INT8:
            continue
        if not has_grid(value) or not _with_zeros(node) or not is_constant(node.inputs[1]):
            continue
        tail = _unpadded(node)
        if _is_worth(node, tail):
            _rewrite(rewriter, node, tail)
        elif node.op_type == "PADV2":
            _replace(rewriter, node, rewriter.builder.pad(value, _pads(node)))


def _with_zeros(node: ir.Node) -> bool:
    if node.op_type == "PAD":
        return True
    number = operand(node, 2)
    return is_constant(number) and int(constant_operand(node, 2).item()) == grid_of(operand(node, 0)).zero_point


def _pads(node: ir.Node) -> list[tuple[int, int]]:
    return [(int(before), int(after)) for before, after in constant_operand(node, 1)]


def _unpadded(node: ir.Node) -> int:
    """Count the last axes that are not padded."""
    padded = [axis for axis, pads in enumerate(_pads(node)) if any(pads)]
    return len(shape_of(operand(node, 0))) - 1 - max(padded, default=-1)


def _is_worth(node: ir.Node, tail: int) -> bool:
    out, shape = node.outputs[0], shape_of(operand(node, 0))
    users = [use.node for use in out.uses()]
    if len(users) == 1 and users[0].op_type in _FUSED and text(users[0], "padding", "SAME") == "VALID":
        return False  # XNNPACK makes them one
    return 0 < tail < len(shape) and math.prod(shape[-tail:]) > 1 and math.prod(shape[:-tail]) >= _WORTH


def _rewrite(rewriter: Rewriter, node: ir.Node, tail: int) -> None:
    b, x = rewriter.builder, operand(node, 0)
    *shape, last = shape_of(x)[:-tail]
    *pads, (before, after) = _pads(node)[:-tail]
    run = math.prod(shape_of(x)[-tail:])
    rows = b.pad(b.reshape(x, [*shape, last * run]), [*pads, (before * run, after * run)])
    _replace(rewriter, node, b.reshape(on_grid_of(x, rows), shape_of(node.outputs[0])))


def _replace(rewriter: Rewriter, node: ir.Node, result: ir.Value) -> None:
    rewriter.replace(node, [on_grid_of(operand(node, 0), result)])
