"""Products of matrices."""

from __future__ import annotations

import math

import numpy as np

from ..builder import Builder
from ..call import Call
from ..graph import Attribute, Tensor
from .fused import KERNELS_APPLY, activated, activation_of, fused_ops
from .lowering import Lowering


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
    x, y = call[0], call[1]
    batch = call.result_shape()[:-2]
    sizes = [math.prod(operand.shape[:-2]) for operand in (x, y)]
    if sizes[0] != sizes[1] and 1 not in sizes:
        # The kernels repeat a single matrix, and nothing else.
        x, y = (_spread(b, operand, (*batch, *operand.shape[-2:])) for operand in (x, y))
    adjoint = {"adj_x": bool(call.integer("adj_x", 0)), "adj_y": bool(call.integer("adj_y", 0))}
    return b.op("BatchMatMulV2", [x, y], call.result_shape(), x.dtype, T=x.dtype, **adjoint)


def _spread(b: Builder, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    if x.shape == shape:
        return x
    return b.op("BroadcastTo", [x, np.array(shape, np.int32)], shape, x.dtype, T=x.dtype)


LOWERINGS: dict[str, Lowering] = {"BATCH_MATMUL": batch_matmul, "FULLY_CONNECTED": fully_connected}
