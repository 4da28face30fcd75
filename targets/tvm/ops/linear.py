"""Products of matrices: Relax's `matmul`, with constant weights turned at compile time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax
from .integers import without_zero, working_dtype
from .pieces import cast, is_float, number, plus, sizes_of, times, transposed, widened

DETERMINANT_LIMIT = 5
"""Rows of a matrix whose determinant is written out: n · 2^(n−1) products."""


def matmul(call: Call[Expr], b: Builder) -> Expr:
    """MatMul by NumPy's rules; a vector counts as a row on the left, as a column on the right."""
    return cast(b, multiplied(b, widened(b, call[0]), widened(b, call[1])), dtype_of(call[0]))


def multiplied(b: Builder, x: Expr, y: Expr) -> Expr:
    """Multiply two values of one dtype as MatMul does."""
    if 0 in (*sizes_of(x), *sizes_of(y)):
        raise Refused("a product of no elements")
    return b.op(relax().op.matmul, x, y)


def gemm(call: Call[Expr], b: Builder) -> Expr:
    """Give alpha · A′ B′ + beta · C; a constant B takes alpha, a constant C takes beta."""
    x, alpha, beta = widened(b, call[0]), call.real("alpha", 1.0), call.real("beta", 1.0)
    if not is_float(x) and (alpha != 1 or beta != 1):
        raise Refused("a scaled product of integers")
    if call.integer("transA", 0):
        x = transposed(b, x, (1, 0))
    y = _factor(call, b, alpha)
    y = multiplied(b, x, y)
    if alpha != 1 and not call.is_constant(1):
        y = times(b, y, number(b, y, alpha))
    if call.has(2) and beta != 0:
        y = plus(b, y, _addend(call, b, beta))
    return cast(b, y, dtype_of(call[0]))


def _factor(call: Call[Expr], b: Builder, alpha: float) -> Expr:
    turned = bool(call.integer("transB", 0))
    if not call.is_constant(1):
        y = widened(b, call[1])
        return transposed(b, y, (1, 0)) if turned else y
    if alpha == 1 and not turned:
        return widened(b, call[1])
    array = call.constant(1, "B")
    array = array.T if turned else array
    return widened(b, b.const(array if alpha == 1 else array * array.dtype.type(alpha)))


def _addend(call: Call[Expr], b: Builder, beta: float) -> Expr:
    if beta == 1:
        return widened(b, call[2])
    if call.is_constant(2):
        array = call.constant(2, "C")
        return widened(b, b.const(array * array.dtype.type(beta)))
    addend = widened(b, call[2])
    return times(b, addend, number(b, addend, beta))


def matmul_integer(call: Call[Expr], b: Builder) -> Expr:
    """MatMulInteger: sums of products of 8 bits each, in int32 as ONNX has it."""
    return integer_product(call, b, (0, 1), (2, 3))


def integer_product(call: Call[Expr], b: Builder, values: tuple[int, int], zeros: tuple[int, int]) -> Expr:
    """Multiply two integer inputs, each minus its zero point: one for all, or one a row on the left, a column right."""
    shapes = [_zero_shape(call, value, zero, axis) for value, zero, axis in zip(values, zeros, (-2, -1), strict=True)]
    dtype = working_dtype(call, values, zeros, shapes[1], (max(call.rank(values[1]) - 2, 0),))
    left, right = (
        without_zero(call, b, value, zero, shape, dtype)
        for value, zero, shape in zip(values, zeros, shapes, strict=True)
    )
    return cast(b, multiplied(b, left, right), "int32")


def _zero_shape(call: Call[Expr], value: int, zero: int, axis: int) -> tuple[int, ...]:
    """Give the shape in which a zero point broadcasts over its operand: [rows] and [columns] are along one axis."""
    if not call.has(zero):
        return ()
    given, rank = call.shape(zero), call.rank(value)
    if len(given) > 1:
        return given
    return tuple(math.prod(given) if place == axis % rank else 1 for place in range(rank))


def det(call: Call[Expr], b: Builder) -> Expr:
    """Det of small matrices, by Laplace's expansion: the minors of the last rows first."""
    rows = call.shape()[-1]
    if rows > DETERMINANT_LIMIT:
        raise Refused(f"a determinant of {rows} rows; {DETERMINANT_LIMIT} are written out at the most")

    def element(at: tuple[Any, ...], data: Any) -> Any:
        return _expanded(lambda row, column: data(*at, row, column), rows)

    return cast(b, b.each("determinant", call.shape()[:-2], element, widened(b, call[0])), dtype_of(call[0]))


def _expanded(element: Any, rows: int) -> Any:
    minors: dict[tuple[int, ...], Any] = {(column,): element(rows - 1, column) for column in range(rows)}
    for row in reversed(range(rows - 1)):
        line = [element(row, column) for column in range(rows)]
        minors = {columns: _by_line(line, columns, minors) for columns in combinations(range(rows), rows - row)}
    (result,) = minors.values()
    return result


def _by_line(line: Sequence[Any], columns: tuple[int, ...], minors: dict[tuple[int, ...], Any]) -> Any:
    total: Any = None
    for place, column in enumerate(columns):
        product = line[column] * minors[(*columns[:place], *columns[place + 1 :])]
        total = product if total is None else total - product if place % 2 else total + product
    return total


LOWERINGS: dict[str, Lowering] = {
    "Det": det,
    "Gemm": gemm,
    "MatMul": matmul,
    "MatMulInteger": matmul_integer,
}
