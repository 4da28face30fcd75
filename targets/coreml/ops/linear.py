"""Products of matrices. Constant weights stay a constant input of `linear`, where compression finds them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .dtypes import name_of
from .lowering import Lowering
from .pieces import is_float, like, part

LINEAR_RANK = 3
"""The most axes that `linear` takes."""

DETERMINANT_LIMIT = 5
"""Rows of a matrix whose determinant is written out: n · 2^(n−1) products."""

_WIDE = (ir.DataType.UINT32, ir.DataType.UINT64)


def matmul(call: Call, b: Builder) -> Var:
    """MatMul by NumPy's rules; a vector counts as a row on the left, as a column on the right."""
    if call.dtype() in _WIDE:
        raise Refused(f"a product of {name_of(call.dtype())}, which int32 does not hold")
    return multiplied(call, b, call[0], call[1])


def multiplied(call: Call, b: Builder, x: Var, y: Var) -> Var:
    """Multiply as MatMul does; `y` stands for the second input."""
    if is_float(x) and call.is_constant(1) and len(y.shape) == 2 and len(x.shape) <= LINEAR_RANK:
        return b.op("linear", x=x, weight=b.const(np.ascontiguousarray(np.asarray(y.val).T)))
    vectors = [len(value.shape) == 1 for value in (x, y)]
    x = b.op("expand_dims", x=x, axes=[0]) if vectors[0] else x
    y = b.op("expand_dims", x=y, axes=[1]) if vectors[1] else y
    result = b.op("matmul", x=x, y=y)
    dropped = [axis for axis, is_vector in zip((-2, -1), vectors, strict=True) if is_vector]
    return b.op("squeeze", x=result, axes=dropped) if dropped else result


def gemm(call: Call, b: Builder) -> Var:
    """Give alpha · A′ B′ + beta · C; constant B takes alpha, and C is the bias of `linear` where it is one."""
    x, y, addend = call[0], call[1], call.get(2)
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    turned = [bool(call.integer(name, 0)) for name in ("transA", "transB")]
    if not is_float(x) and (alpha != 1 or beta != 1 or call.dtype() in _WIDE):
        raise Refused(f"a scaled product of {name_of(call.dtype())}")
    if not (is_float(x) and call.is_constant(1)):
        product = b.op("matmul", x=x, y=y, transpose_x=turned[0], transpose_y=turned[1])
        return _plus(b, product if alpha == 1 else b.op("mul", x=product, y=alpha), addend, beta)
    x = b.op("transpose", x=x, perm=[1, 0]) if turned[0] else x
    weight = np.asarray(y.val) if turned[1] else np.asarray(y.val).T
    weight = weight if alpha == 1 else weight * like(x, alpha)
    units = weight.shape[0]
    if addend is not None and addend.val is not None:
        array = np.asarray(addend.val)
        if array.size in (1, units) and (array.ndim < 2 or array.shape[0] == 1):
            bias = np.broadcast_to(array.ravel() * like(x, beta), (units,))
            return b.op("linear", x=x, weight=b.const(np.ascontiguousarray(weight)), bias=np.ascontiguousarray(bias))
    return _plus(b, b.op("linear", x=x, weight=b.const(np.ascontiguousarray(weight))), addend, beta)


def _plus(b: Builder, product: Var, addend: Var | None, beta: float) -> Var:
    if addend is None or beta == 0:
        return product
    return b.op("add", x=product, y=addend if beta == 1 else b.op("mul", x=addend, y=beta))


def matmul_integer(call: Call, b: Builder) -> Var:
    """MatMulInteger: sums of products of 8 bits each, exact in int32 as ONNX has it."""
    return integer_product(call, b, (0, 1), (2, 3))


def integer_product(call: Call, b: Builder, values: tuple[int, int], zeros: tuple[int, int]) -> Var:
    """Multiply two integer inputs, each minus its zero point: one for all, or one a row on the left, a column right."""
    operands = []
    for index, zero in zip(values, zeros, strict=True):
        value = call[index]
        if call.has(zero) and not (call.is_constant(zero) and not call.constant(zero, "zero point").any()):
            offset = call[zero]
            if index == values[0] and len(offset.shape) == 1 and offset.shape[0] != 1:
                offset = b.op("expand_dims", x=offset, axes=[-1])
            value = b.op("sub", x=value, y=offset)
        operands.append(value)
    return b.op("matmul", x=operands[0], y=operands[1])


def det(call: Call, b: Builder) -> Var:
    """Det of small matrices, by Laplace's expansion: the minors of the last rows first."""
    x = call[0]
    rows = int(call.shape()[-1])
    if rows > DETERMINANT_LIMIT:
        raise Refused(f"a determinant of {rows} rows; {DETERMINANT_LIMIT} are written out at the most")
    rank = len(x.shape)

    def element(row: int, column: int) -> Var:
        line = part(b, x, rank - 2, row, row + 1)
        return part(b, line, rank - 1, column, column + 1)

    minors: dict[tuple[int, ...], Var] = {(column,): element(rows - 1, column) for column in range(rows)}
    for row in reversed(range(rows - 1)):
        line = [element(row, column) for column in range(rows)]
        minors = {columns: _expanded(b, line, columns, minors) for columns in combinations(range(rows), rows - row)}
    (result,) = minors.values()
    return b.op("squeeze", x=result, axes=[-2, -1])


def _expanded(b: Builder, line: list[Var], columns: tuple[int, ...], minors: dict[tuple[int, ...], Var]) -> Var:
    total = None
    for place, column in enumerate(columns):
        rest = (*columns[:place], *columns[place + 1 :])
        product = b.op("mul", x=line[column], y=minors[rest])
        total = product if total is None else b.op("sub" if place % 2 else "add", x=total, y=product)
    return total


LOWERINGS: dict[str, Lowering] = {
    "Det": det,
    "Gemm": gemm,
    "MatMul": matmul,
    "MatMulInteger": matmul_integer,
}
