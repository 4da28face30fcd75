"""Integers that stand for reals.

Where integers are only ever seen as reals, the operators are those of PyTorch's own quantized graphs, which whoever
computes in integers looks for (`quantized_decomposed`). These multiply by 1 / scale, so that a half may fall to the
other side; integers that anybody else sees are computed as ONNX says, by a division.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx_ir as ir
import torch
import torch.ao.quantization.fx._decomposed  # defines the operators of torch.ops.quantized_decomposed

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Array, Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering
from .pieces import sizes_of, tensor_of

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

_OPERATORS: Final = torch.ops.quantized_decomposed

_NATIVE: Final = (ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT16)
"""Integers of PyTorch's quantized graphs."""

_INTEGERS: Final = (*_NATIVE, ir.DataType.UINT16, ir.DataType.INT32)


def quantize_linear(call: Call[Node], b: Builder) -> Node:
    """QuantizeLinear: clip(round_half_to_even(x / scale) + zero point)."""
    dtype = call.result_dtype()
    if dtype not in (*_NATIVE, ir.DataType.UINT16):
        raise Refused(f"it gives {dtype.name.lower()}")
    if call.integer("precision", 0) not in (0, call.dtype(1)):
        raise Refused("it divides in another precision than its scale's")
    if not call.dtype().is_floating_point():
        raise Refused(f"it quantizes {call.dtype().name.lower()}")
    if _is_for_reals(call) and call.dtype() == call.dtype(1) == ir.DataType.FLOAT and _is_grid(call, dtype):
        return _native(call, b, "quantize", call[0], dtype)
    scale, zero_point = call[1], call.get(2)
    ends = _ends(dtype)
    return b.call(quantized, call[0], scale, zero_point, _axis(call), _block(call), *ends, TORCH_DTYPES[dtype])


def dequantize_linear(call: Call[Node], b: Builder) -> Node:
    """DequantizeLinear: (x − zero point) · scale. Constant integers of 8 bits stay such, others become reals here."""
    dtype, result = call.dtype(), TORCH_DTYPES.get(call.result_dtype())
    if result is None or not result.is_floating_point:
        raise Refused(f"it gives {call.result_dtype().name.lower()}")
    is_constant = all(call.is_constant(index) for index in range(3) if call.has(index))
    native = dtype in _NATIVE and call.result_dtype() == call.dtype(1) == ir.DataType.FLOAT and _is_grid(call, dtype)
    if native:
        return _native(call, b, "dequantize", call[0], dtype)
    if is_constant:
        return b.const(_reals(call), result)
    if dtype not in _INTEGERS and not dtype.name.startswith("FLOAT8"):
        raise Refused(f"it takes {dtype.name.lower()}")
    return b.call(dequantized, call[0], call[1], call.get(2), _axis(call), _block(call), result)


def dequantized_turned(call: Call[Node], b: Builder, index: int) -> Node | None:
    """Give a matrix that is dequantized from a constant, transposed: what is transposed is the constant.

    None when the input is no such matrix.
    """
    value = call.node.inputs[index]
    maker = value.producer() if value is not None else None
    if maker is None or maker.op_type != "DequantizeLinear" or maker.domain:
        return None
    tensors = [None if entry is None else entry.const_value for entry in maker.inputs]
    made: Call[Node] = Call(maker, tensors, call.opset, b, call.opsets)
    matrix = tensor_of(made, 0)
    is_matrix = matrix is not None and len(sizes_of(matrix)) == 2
    if not is_matrix or made.dtype() not in _NATIVE or not _is_grid(made, made.dtype()):
        return None
    if made.result_dtype() != ir.DataType.FLOAT or made.dtype(1) != ir.DataType.FLOAT:
        return None
    assert matrix is not None
    turned = b.hold(b.changed(matrix, "transposed", np.transpose))
    return _native(made, b, "dequantize", turned, made.dtype(), 1 - _axis(made))


def _native(call: Call[Node], b: Builder, verb: str, x: Node, dtype: ir.DataType, axis: int | None = None) -> Node:
    """Quantize or dequantize x by an operator of PyTorch's quantized graphs; `axis` stands for the node's own."""
    scale = call.constant(1, "scale")
    zero_point = call.constant(2, "zero point") if call.has(2) else np.zeros_like(scale, np.int64)
    integers = (*_ends(dtype), TORCH_DTYPES[dtype])
    if scale.size == 1:
        operator = getattr(_OPERATORS, f"{verb}_per_tensor").default
        return b.call(operator, x, float(scale.item()), int(zero_point.item()), *integers)
    operator = getattr(_OPERATORS, f"{verb}_per_channel").default
    scales, points = b.const(scale, torch.float32), b.const(zero_point.astype(np.int64), torch.int64)
    return b.call(operator, x, scales, points, _axis(call) if axis is None else axis, *integers)


def _is_grid(call: Call[Node], dtype: ir.DataType) -> bool:
    """Whether scale and zero point are constants, one for the tensor or one for each place along an axis."""
    if call.integer("block_size", 0) or not call.is_constant(1) or (call.has(2) and not call.is_constant(2)):
        return False
    scale = call.constant(1, "scale")
    if dtype == ir.DataType.INT16 and scale.size > 1:
        return False
    return bool((scale > 0).all()) and (scale.size == 1 or scale.ndim == 1)


def _is_for_reals(call: Call[Node]) -> bool:
    """Whether the integers are only ever seen as the reals that they stand for."""
    value = call.node.outputs[0]
    users = [node for node, _ in value.uses()]
    return not value.is_graph_output() and all(node.op_type == "DequantizeLinear" and not node.domain for node in users)


def _ends(dtype: ir.DataType) -> tuple[int, int]:
    limits = np.iinfo(dtype.numpy())
    return int(limits.min), int(limits.max)


def _axis(call: Call[Node]) -> int:
    axis, rank = call.integer("axis", 1), call.rank()
    return axis % rank if -rank <= axis < rank else 0


def _block(call: Call[Node]) -> int:
    return call.integer("block_size", 0)


def _reals(call: Call[Node]) -> Array:
    """Compute it, in float32 as it is defined."""
    integers, scale = call.constant(0, "integers"), call.constant(1, "scale")
    zero_point = call.constant(2, "zero point") if call.has(2) else np.zeros_like(scale, np.int64)
    axis, block, shape = _axis(call), _block(call), integers.shape

    def over(part: Array) -> Array:
        if block:
            return part.repeat(block, axis).take(range(shape[axis]), axis)
        return (
            part.reshape(()) if part.size == 1 else part.reshape([-1 if at == axis else 1 for at in range(len(shape))])
        )

    wide: Any = np.float32 if call.dtype().is_floating_point() else np.int64
    steps = integers.astype(wide) - over(zero_point).astype(wide)
    reals: Array = steps.astype(np.float32) * over(scale).astype(np.float32)
    return reals


def over_axis(part: Tensor, x: Tensor, axis: int, block: int) -> Tensor:
    """Give scales or zero points in a shape that broadcasts over x: one for all, one a place, or one a block."""
    if block:
        return part.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])
    if part.dim() == 0 or part.numel() == 1:
        return part.reshape(())
    return part.reshape([-1 if place == axis else 1 for place in range(x.dim())])


def quantized(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor | None,
    axis: int,
    block: int,
    low: int,
    high: int,
    dtype: torch.dtype,
) -> Tensor:
    """Give clip(round_half_to_even(x / scale) + zero point), divided in the dtype of the scale."""
    steps = torch.round(x.to(scale.dtype) / over_axis(scale, x, axis, block)).float()
    if zero_point is not None:
        steps = steps + over_axis(zero_point.float(), x, axis, block)
    return steps.clamp(low, high).to(torch.int32).to(dtype)


def dequantized(
    x: Tensor, scale: Tensor, zero_point: Tensor | None, axis: int, block: int, dtype: torch.dtype
) -> Tensor:
    """Give (x − zero point) · scale, multiplied in float32."""
    steps = x.float() if x.dtype.is_floating_point else x.to(torch.int32)
    if zero_point is not None:
        steps = steps - over_axis(zero_point.to(steps.dtype), x, axis, block)
    return (steps.float() * over_axis(scale.float(), x, axis, block)).to(dtype)


def dynamic_quantize_linear(call: Call[Node], b: Builder) -> list[Node | None]:
    """DynamicQuantizeLinear: a grid of uint8 that holds zero and all elements, and the elements on it."""
    results = b.call(quantized_by_range, call[0])
    return [b.item(results, index) for index in range(3)]


def quantized_by_range(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give uint8 elements, float32 scale and uint8 zero point; where all are zero the scale is 1, as in onnxruntime."""
    zero = x.new_zeros(())
    low, high = torch.minimum(x.amin(), zero), torch.maximum(x.amax(), zero)
    scale = torch.where(high == low, torch.ones_like(zero), (high - low) / 255)
    point = torch.round(-low / scale).clamp(0, 255)
    return (torch.round(x / scale) + point).clamp(0, 255).to(torch.uint8), scale, point.to(torch.uint8)


LOWERINGS: dict[str, Lowering] = {
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "QuantizeLinear": quantize_linear,
}
