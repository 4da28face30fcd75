"""Puts layers with constant weights into the words of `kernels`, between changes of layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..mutating import op_name, rewritten
from ..toolkit import relax, tvm
from .kernels import Window, block_of, channelwise, convolution, cut, dense, packed, padded_outputs
from .vectors import Vectors

TO_CHANNELS_LAST, TO_CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


def pack_layers(module: Any, vectors: Vectors) -> Any:
    """Give the module with `conv2d` and `matmul` of float32 and constant weights said by `kernels`.

    Others stay: grouped convolutions, other dtypes, weights that are computed.
    """

    @relax().expr_functor.mutator
    class _PackLayers(relax().PyExprMutator):  # type: ignore[misc]  # a class that is imported when it is needed
        def visit_call_(self, call: Any) -> Any:
            call = self.visit_expr_post_order(call)
            pack = {"relax.nn.conv2d": _convolution, "relax.matmul": _product}.get(op_name(call))
            made = pack(self.builder_, call, vectors) if pack is not None else None
            return call if made is None else made

    return rewritten(_PackLayers(module), module)


def _weight(call: Any) -> Any:
    """Give the second operand as an array when both are of float32 and it is constant, else None."""
    x, weight = call.args
    if not isinstance(weight, tvm().ir.GenericConst) or weight.ty.dtype != "float32" or x.ty.dtype != "float32":
        return None
    return weight.value.numpy()


def _convolution(builder: Any, call: Any, vectors: Vectors) -> Any:
    weight, attributes = _weight(call), call.attrs
    layouts = (attributes.data_layout, attributes.kernel_layout, attributes.out_layout or attributes.data_layout)
    if weight is None or layouts != ("NCHW", "OIHW", "NCHW") or call.ty.dtype != "float32":
        return None
    window, groups, outputs = _window(attributes), int(attributes.groups), weight.shape[0]
    image = call.args[0]
    if groups == 1:
        filled = padded_outputs(outputs, vectors.lanes)
        held = packed(weight, filled, block_of(filled, vectors.lanes))
        image = builder.emit(relax().op.permute_dims(image, TO_CHANNELS_LAST))
        made = builder.emit_te(
            lambda x, w: convolution(x, w, window), image, relax().const(held), primfunc_name_hint="convolution"
        )
        made = _cut(builder, made, outputs)
    elif groups == outputs == int(image.ty.shape.values[1]):
        block = block_of(outputs, vectors.lanes)
        held = np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))
        image = builder.emit(relax().op.permute_dims(image, TO_CHANNELS_LAST))
        made = builder.emit_te(
            lambda x, w: channelwise(x, w, window, block), image, relax().const(held), primfunc_name_hint="channelwise"
        )
    else:
        return None
    return relax().op.permute_dims(made, TO_CHANNELS_FIRST)


def _window(attributes: Any) -> Window:
    down, across = (int(size) for size in attributes.strides)
    top, left, bottom, right = (int(size) for size in attributes.padding)
    tall, wide = (int(size) for size in attributes.dilation)
    return Window(strides=(down, across), padding=(top, left, bottom, right), dilation=(tall, wide))


def _product(builder: Any, call: Any, vectors: Vectors) -> Any:
    weight = _weight(call)
    if weight is None or weight.ndim != 2 or call.args[0].ty.ndim < 2:
        return None
    outputs = weight.shape[1]
    filled = padded_outputs(outputs, vectors.lanes)
    held = packed(np.ascontiguousarray(weight.T), filled, block_of(filled, vectors.lanes))
    if filled == outputs:
        return builder.call_te(dense, call.args[0], relax().const(held))
    made = builder.emit_te(dense, call.args[0], relax().const(held))
    return builder.call_te(lambda x: cut(x, outputs), made, primfunc_name_hint="cut")


def _cut(builder: Any, made: Any, outputs: int) -> Any:
    """Leave out the outputs that a layer was filled up with, along the last axis."""
    if int(made.ty.shape.values[made.ty.ndim - 1]) == outputs:
        return made
    return builder.emit_te(lambda x: cut(x, outputs), made, primfunc_name_hint="cut")
