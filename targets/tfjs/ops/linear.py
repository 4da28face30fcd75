"""Products of matrices."""

from __future__ import annotations

import math

import numpy as np

from ..builder import Builder
from ..call import Call
from ..graph import Attribute, Tensor
from .fused import KERNELS_APPLY, activated, activation_of, fused_ops
from .lowering import Lowering

_MOST_PARTS, _WORTH_ITS_OWN = 16, 32_768
"""Matrices of a batch, and products in each, up to and from which wasm is better off with one product after another.

Its kernel for batches takes 1 ns for each product, that for two matrices 0.1 ns and 15 µs for the operator. Measured:
12 times [128, 64] by [64, 128] 11.9 against 3.3 ms, 4 times [64, 64] by [64, 64] 1.0 against 0.4 ms.
"""


def fully_connected(call: Call, b: Builder) -> Tensor:
    """FULLY_CONNECTED: x float[…, K], weight float[N, K], bias float[N]."""
    x, weight, bias = call[0], call.transposed(1, (1, 0)), call.get(2)
    shape = call.result_shape()
    depth, units = weight.shape
    rows = math.prod(x.shape) // depth
    flat = x.rank < 2 or x.shape[-1] != depth or math.prod(x.shape[:-2]) != 1
    if flat:
        # wasm has its fast product for one matrix by one matrix.
        x = b.reshape(x, (rows, depth))
    made = (rows, units) if flat else (*x.shape[:-1], units)
    activation = activation_of(call)
    if bias is None and activation == "NONE":
        y = b.op("MatMul", [x, weight], made, x.dtype, transpose_a=False, transpose_b=False, T=x.dtype)
        return b.reshape(y, shape)
    bias = bias if bias is not None else b.hold(np.zeros(units, np.float32))
    fused = activation if activation in KERNELS_APPLY else None
    attributes: dict[str, Attribute] = {"leakyrelu_alpha": call.real("alpha", 0.2)} if fused == "LEAKY_RELU" else {}
    y = b.op(
        "_FusedMatMul",
        [x, weight, bias],
        made,
        x.dtype,
        num_args=1,
        fused_ops=fused_ops(fused),
        transpose_a=False,
        transpose_b=False,
        T=x.dtype,
        **attributes,
    )
    return b.reshape(y if fused else activated(b, y, activation), shape)


def batch_matmul(call: Call, b: Builder) -> Tensor:
    """BATCH_MATMUL: x float[…, M, K] by y float[…, K, N], each as it is or transposed."""
    x, y, shape = call[0], call[1], call.result_shape()
    if call.integer("adj_x", 0):
        x = _swapped(b, x)
    if call.integer("adj_y", 0):
        y = _swapped(b, y)
    (rows, columns), depth = shape[-2:], x.shape[-1]
    counts = [math.prod(operand.shape[:-2]) for operand in (x, y)]
    if counts[1] == 1 and counts[0] > 1:
        matrix = b.reshape(y, (depth, columns))
        flat = b.reshape(x, (math.prod(shape[:-1]), depth))
        return b.reshape(_product(b, flat, matrix), shape)
    if counts[0] != counts[1] and 1 not in counts:
        # The kernels repeat a single matrix, and nothing else.
        x, y = (_spread(b, operand, (*shape[:-2], *operand.shape[-2:])) for operand in (x, y))
    if counts[0] == counts[1] and counts[0] <= _MOST_PARTS and rows * depth * columns >= _WORTH_ITS_OWN:
        return _by_parts(b, x, y, shape)
    return b.op("BatchMatMulV2", [x, y], shape, x.dtype, T=x.dtype, adj_x=False, adj_y=False)


def _by_parts(b: Builder, x: Tensor, y: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Multiply matrix by matrix."""
    count = math.prod(shape[:-2])
    if count == 1:
        return b.reshape(_product(b, *(b.reshape(operand, operand.shape[-2:]) for operand in (x, y))), shape)
    sides = []
    for operand in (x, y):
        own = operand.shape[-2:]
        stack = b.reshape(operand, (count, *own))
        sides.append(b.ops("Unpack", [stack], [(own, operand.dtype)] * count, num=count, axis=0, T=operand.dtype))
    parts = [_product(b, left, right) for left, right in zip(*sides, strict=True)]
    return b.reshape(b.op("Pack", parts, (count, *shape[-2:]), x.dtype, N=count, axis=0, T=x.dtype), shape)


def _product(b: Builder, x: Tensor, y: Tensor) -> Tensor:
    """Multiply one matrix by another, none of them transposed: what wasm has its fast kernel for."""
    return b.op("MatMul", [x, y], (x.shape[0], y.shape[1]), x.dtype, transpose_a=False, transpose_b=False, T=x.dtype)


def _swapped(b: Builder, x: Tensor) -> Tensor:
    return b.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])


def _spread(b: Builder, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    if x.shape == shape:
        return x
    return b.op("BroadcastTo", [x, np.array(shape, np.int32)], shape, x.dtype, T=x.dtype)


LOWERINGS: dict[str, Lowering] = {"BATCH_MATMUL": batch_matmul, "FULLY_CONNECTED": fully_connected}
