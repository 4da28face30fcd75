"""Products of matrices: layers where the right one is constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder
from ..lowering import Lowering
from .convolution import with_weights
from .pieces import sizes_of, stem_of, tensor_of
from .quantization import dequantized_turned

if TYPE_CHECKING:
    from torch.fx import Node

Array = NDArray[Any]

_WIDE = (ir.DataType.UINT32, ir.DataType.UINT64)


def matmul(call: Call[Node], b: Builder) -> Node:
    """MatMul by NumPy's rules, which are PyTorch's."""
    if call.dtype() in _WIDE:
        raise Refused(f"a product of {call.dtype().name.lower()}, for which PyTorch has no kernel")
    weight = tensor_of(call, 1)
    if weight is None or len(weight.shape) != 2 or not call.dtype().is_floating_point():
        turned = dequantized_turned(call, b, 1)
        return b.call(torch.matmul, call[0], call[1]) if turned is None else b.call(functional.linear, call[0], turned)
    return linear(call, b, call[0], b.changed(weight, "transposed", np.transpose), None)


def linear(call: Call[Node], b: Builder, x: Node, weight: ir.TensorProtocol, bias: ir.TensorProtocol | None) -> Node:
    """Multiply x [..., inputs] by weight [outputs, inputs] transposed, plus bias [outputs]."""
    outputs, inputs = sizes_of(weight)
    layer = nn.Linear(inputs, outputs, bias=bias is not None, device="meta")
    return b.layer(stem_of(call), with_weights(b, layer, weight=weight, bias=bias), x)


def gemm(call: Call[Node], b: Builder) -> Node:
    """Give alpha · A′ B′ + beta · C; constant B takes alpha, and C is the bias of the layer where it is one."""
    alpha, beta = call.real("alpha", 1.0), call.real("beta", 1.0)
    turned = [bool(call.integer(name, 0)) for name in ("transA", "transB")]
    is_float = call.dtype().is_floating_point()
    if call.dtype() in _WIDE:
        raise Refused(f"a product of {call.dtype().name.lower()}, for which PyTorch has no kernel")
    if not is_float and (alpha != 1 or beta != 1):
        raise Refused("a scaled product of integers")
    x = b.call(torch.transpose, call[0], 0, 1) if turned[0] else call[0]
    weight = tensor_of(call, 1)
    if weight is None and (alpha, beta) == (1, 1) and _is_bias(call):
        matrix = call[1] if turned[1] else dequantized_turned(call, b, 1)
        if matrix is not None:
            return b.call(functional.linear, x, matrix, call.get(2))
    if weight is None or not is_float:
        y = b.call(torch.transpose, call[1], 0, 1) if turned[1] else call[1]
        product = b.call(torch.matmul, x, y)
        return _plus(b, product if alpha == 1 else b.call(torch.mul, product, alpha), call.get(2), beta)
    if not turned[1]:
        weight = b.changed(weight, "transposed", np.transpose)
    if alpha != 1:
        weight = b.changed(weight, f"times_{alpha}", lambda array: (array * alpha).astype(array.dtype))
    bias, (units, _) = tensor_of(call, 2), sizes_of(weight)
    shape = sizes_of(bias) if bias is not None else ()
    if bias is not None and beta and shape[-1:] in ((units,), (1,), ()) and all(size == 1 for size in shape[:-1]):
        if shape != (units,):
            bias = b.changed(bias, f"of_{units}", lambda array: np.broadcast_to(array.ravel(), (units,)))
        if beta != 1:
            bias = b.changed(bias, f"times_{beta}", lambda array: (array * beta).astype(array.dtype))
        return linear(call, b, x, weight, bias)
    return _plus(b, linear(call, b, x, weight, None), call.get(2), beta)


def _is_bias(call: Call[Node]) -> bool:
    """Whether the addend is none, or one number for each unit."""
    if not call.has(2):
        return True
    units = call.sizes(1)[0 if call.integer("transB", 0) else 1]
    return call.rank(2) == 1 and isinstance(units, int) and call.sizes(2) == (units,)


def _plus(b: Builder, product: Node, addend: Node | None, beta: float) -> Node:
    if addend is None or beta == 0:
        return product
    return b.call(torch.add, product, addend if beta == 1 else b.call(torch.mul, addend, beta))


def det(call: Call[Node], b: Builder) -> Node:
    """Det of the matrices on the last two axes."""
    return b.call(torch.linalg.det, call[0])


LOWERINGS: dict[str, Lowering] = {"Det": det, "Gemm": gemm, "MatMul": matmul}
