"""MatMul and Gemm: FULLY_CONNECTED where the right side is constant, BATCH_MATMUL else."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Builder
from ..call import Call
from ..dialect import Array, constant_of, dtype_of, is_constant, shape_of
from .lowering import Lowering


def lower_matmul(call: Call, b: Builder) -> ir.Value:
    """MatMul by NumPy's rules; a vector counts as a row on the left, as a column on the right."""
    x, y = call[0], call[1]
    lead, tail = shape_of(x)[:-1], shape_of(y)[-1:]
    if call.rank(0) == 1:
        x, lead = b.reshape(x, (1, *shape_of(x))), ()
    if call.rank(1) == 1:
        y, tail = b.reshape(y, (*shape_of(y), 1)), ()
    if is_constant(y) and len(shape_of(y)) == 2:
        result = fully_connected(b, x, b.transpose(y, (1, 0)), None)
        return b.reshape(result, (*lead, *tail))
    result = batch_matmul(b, x, y)
    batch = shape_of(result)[:-2]
    return b.reshape(result, (*batch, *lead[-1:], *tail))


def lower_gemm(call: Call, b: Builder) -> ir.Value:
    """Give alpha · A′ B′ + beta · C with constant B as FULLY_CONNECTED, C as its bias where it is one."""
    x, y = call[0], call[1]
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    if call.integer("transA", 0):
        x = b.transpose(x, (1, 0))
    weight = y if call.integer("transB", 0) else b.transpose(y, (1, 0))
    if not is_constant(weight):
        product = batch_matmul(b, x, b.transpose(weight, (1, 0)))
        product = product if alpha == 1.0 else b.binary("MUL", product, b.full(alpha, product))
        return _plus(b, product, call.get(2), beta)
    array = constant_of(weight)
    if alpha != 1.0 and array is not None:
        weight = b.value(np.asarray(array * np.float32(alpha)))
    bias = _scaled_constant(call.get(2), beta)
    units = shape_of(weight)[0]
    if bias is not None and math.prod(bias.shape[:-1]) == 1 and bias.size in (1, units):
        return fully_connected(b, x, weight, np.ascontiguousarray(np.broadcast_to(bias.ravel(), (units,))))
    return _plus(b, fully_connected(b, x, weight, None), call.get(2), beta)


def _scaled_constant(value: ir.Value | None, beta: float) -> Array | None:
    array = constant_of(value)
    if array is None or beta == 1.0:
        return array
    return np.asarray(array * np.asarray(beta, array.dtype))


def _plus(b: Builder, product: ir.Value, addend: ir.Value | None, beta: float) -> ir.Value:
    if addend is None or beta == 0.0:
        return product
    scaled = addend if beta == 1.0 else b.binary("MUL", addend, b.full(beta, addend))
    return b.binary("ADD", product, scaled)


def fully_connected(b: Builder, x: ir.Value, weight: ir.Value, bias: Array | ir.Value | None) -> ir.Value:
    """`x` float[…, K] times `weight` float[N, K] transposed, plus `bias` float[N]."""
    *lead, depth = shape_of(x)
    units, weight_depth = shape_of(weight)
    if depth != weight_depth:
        raise Refused(f"inner sizes {depth} and {weight_depth} differ")
    keep = len(lead) != 1
    operands = [x, weight] if bias is None else [x, weight, bias]
    return b.op("FULLY_CONNECTED", operands, (*lead, units), dtype_of(x), keep_num_dims=keep)


def batch_matmul(b: Builder, x: ir.Value, y: ir.Value, *, adj_y: bool = False) -> ir.Value:
    """`x` float[…, M, K] times `y` float[…, K, N] (or float[…, N, K] with `adj_y`)."""
    *batch_x, rows, depth = shape_of(x)
    *batch_y, first, second = shape_of(y)
    inner, columns = (second, first) if adj_y else (first, second)
    if inner != depth:
        raise Refused(f"inner sizes {depth} and {inner} differ")
    batch = np.broadcast_shapes(tuple(batch_x), tuple(batch_y))
    return b.op("BATCH_MATMUL", [x, y], (*batch, rows, columns), dtype_of(x), adj_x=False, adj_y=adj_y)


LOWERINGS: dict[str, Lowering] = {"Gemm": lower_gemm, "MatMul": lower_matmul}
