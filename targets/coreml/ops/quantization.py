"""Integers that stand for reals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..builder import Array, Builder, Operand, Var, type_name
from ..call import Call
from ..deployment import Deployment
from ..quantized import quantized
from ..storage import typed
from ..toolkit import builder as mil_builder
from .dtypes import name_of
from .lowering import Lowering

_BOUNDS: Mapping[ir.DataType, tuple[int, int]] = {
    ir.DataType.INT8: (-(1 << 7), (1 << 7) - 1),
    ir.DataType.UINT8: (0, (1 << 8) - 1),
    ir.DataType.INT16: (-(1 << 15), (1 << 15) - 1),
    ir.DataType.UINT16: (0, (1 << 16) - 1),
}
"""What QuantizeLinear gives here, and its ends."""

_EIGHT_BITS: Mapping[ir.DataType, str] = {ir.DataType.INT8: "int8", ir.DataType.UINT8: "uint8"}
"""What MIL's `quantize` gives."""


def quantize_linear(call: Call, b: Builder) -> Var:
    """QuantizeLinear: clip(round_half_to_even(x / scale) + zero point).

    `quantize` where only DequantizeLinear reads it, so that Core ML sees the pair that it computes in integers; it then
    gives int8 or uint8, and the int32 of this is for whoever else might ask.
    """
    dtype = call.result_dtype()
    if dtype not in _BOUNDS:
        raise Refused(f"Core ML has no tensors of {name_of(dtype)}")
    if call.integer("precision", 0) not in (0, call.dtype(1)):
        raise Refused("it divides in another precision than its scale's")
    axis = _axis(call)
    if all(call.is_constant(index) for index in range(3) if call.has(index)):
        return b.const(_constant(call, axis, dtype))
    if _in_integers(call, axis):
        b.require(Deployment.IOS17, "activations in integers")
        kept = b.op("quantize", input=call[0], output_dtype=_EIGHT_BITS[dtype], **_grid(call, axis, _EIGHT_BITS[dtype]))
        return b.cast(kept, "int32")
    x = b.cast(call[0], type_name(call[1]))
    rounded = b.cast(b.op("round", x=b.op("real_div", x=x, y=_spread(call, b, 1, axis))), "fp32")
    if call.has(2):
        rounded = b.op("add", x=rounded, y=b.cast(_spread(call, b, 2, axis), "fp32"))
    low, high = _BOUNDS[dtype]
    return b.cast(b.op("clip", x=rounded, alpha=np.float32(low), beta=np.float32(high)), "int32")


def dequantize_linear(call: Call, b: Builder) -> Var:
    """DequantizeLinear: (x − zero point) · scale. Constants are computed here, and stored as integers at the end."""
    axis, dtype = _axis(call), call.result_dtype()
    if call.is_constant(0) and call.is_constant(1) and (not call.has(2) or call.is_constant(2)):
        zero_point = call.constant(2, "zero point") if call.has(2) else None
        integers, scale = call.constant(0, "integers"), call.constant(1, "scale")
        known = quantized(integers, scale, zero_point, axis, call.integer("block_size", 0), call.dtype())
        if known.stored is not None:
            b.integers.append(known)
        return b.cast(b.const(known.dense), "fp16" if dtype is ir.DataType.FLOAT16 else "fp32")
    x = call[0]
    kept = _kept(x)
    if kept is not None and _is_grid(call, axis):
        reals = b.op("dequantize", input=kept, **_grid(call, axis, type_name(kept)))
        return b.cast(reals, "fp16" if dtype is ir.DataType.FLOAT16 else "fp32")
    if call.has(2):
        x = b.op("sub", x=x, y=_spread(call, b, 2, axis))  # 17 bits at the most; int32 has no zero point but 0
    scale = b.cast(_spread(call, b, 1, axis), "fp32")
    reals = b.op("mul", x=b.cast(x, "fp32"), y=scale)
    return b.cast(reals, "fp16" if dtype is ir.DataType.FLOAT16 else "fp32")


def _constant(call: Call, axis: int, dtype: ir.DataType) -> Array:
    """Compute it, int32."""
    x, scale = call.constant(0, "tensor"), call.constant(1, "scale")
    zero_point = call.constant(2, "zero point") if call.has(2) else None
    grid = quantized(np.zeros(x.shape, np.int32), scale, zero_point, axis, call.integer("block_size", 0), dtype)
    rounded = np.rint(x.astype(scale.dtype) / grid.over(grid.scale)).astype(np.float32)
    found: Array = np.clip(rounded + grid.over(grid.zero_point), *_BOUNDS[dtype]).astype(np.int32)
    return found


def _in_integers(call: Call, axis: int) -> bool:
    """Whether MIL's `quantize` says this, and whoever reads it makes reals of it again."""
    value = call.node.outputs[0]
    readers = [node for node, _ in value.uses()]
    return (
        call.result_dtype() in _EIGHT_BITS
        and call.dtype() == call.dtype(1)
        and bool(readers)
        and not value.is_graph_output()
        and all(node.op_type == "DequantizeLinear" and node.domain == "" for node in readers)
        and _is_grid(call, axis)
        and call.rank() > 0
    )


def _is_grid(call: Call, axis: int) -> bool:
    """Whether scale and zero point are constants, one for the tensor or one for each place along an axis."""
    if call.integer("block_size", 0) or not call.is_constant(1) or (call.has(2) and not call.is_constant(2)):
        return False
    scale = call.constant(1, "scale")
    return bool((scale > 0).all()) and (scale.size == 1 or scale.size == call.sizes()[axis])


def _grid(call: Call, axis: int, kind: str) -> dict[str, Operand | None]:
    """Give scale, zero point and axis as `quantize` and `dequantize` take them; `kind` is the integers' dtype."""
    scale = call.constant(1, "scale")
    zero_point = call.constant(2, "zero point") if call.has(2) else np.zeros((), np.int32)
    single = scale.size == 1
    point = np.broadcast_to(zero_point.astype(np.int32).reshape(() if single else -1), () if single else scale.shape)
    return {
        "scale": scale.reshape(()) if single else scale,
        "zero_point": mil_builder().const(val=typed(point, kind)[()] if single else typed(point, kind))
        if point.any()
        else None,
        "axis": None if single else np.int32(axis),
    }


def _kept(x: Var) -> Var | None:
    """Give the eight bits that an int32 was made of by a `quantize`; None when it was not."""
    maker = x.op
    source = maker.x if maker is not None and maker.op_type == "cast" else None
    made = source.op if source is not None else None
    return source if made is not None and made.op_type == "quantize" else None


def _axis(call: Call) -> int:
    return call.integer("axis", 1) % max(call.rank(), 1) if -call.rank() <= call.integer("axis", 1) < call.rank() else 0


def _spread(call: Call, b: Builder, index: int, axis: int) -> Var:
    """Give scale or zero point in a shape that broadcasts over the tensor; blocks are written out."""
    part, block, rank = call[index], call.integer("block_size", 0), call.rank()
    sizes = call.shape(index)
    if block:
        if len(sizes) != rank or rank + 1 > 5 or sizes[axis] * block != call.shape()[axis]:
            raise Refused(f"its blocks of {block} do not part {call.sizes()[axis]} evenly, or need too many axes")
        apart = b.op("expand_dims", x=part, axes=[axis + 1])
        repeated = b.op("tile", x=apart, reps=[block if at == axis + 1 else 1 for at in range(rank + 1)])
        return b.op("reshape", x=repeated, shape=list(call.shape()))
    if int(np.prod(sizes)) == 1:
        return b.op("reshape", x=part, shape=[1] * rank) if rank else b.op("squeeze", x=part) if sizes else part
    return b.op("reshape", x=part, shape=[-1 if at == axis else 1 for at in range(rank)])


LOWERINGS: dict[str, Lowering] = {
    "QuantizeLinear": quantize_linear,
    "DequantizeLinear": dequantize_linear,
}
