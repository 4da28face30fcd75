"""Puts layers with constant weights into the words of `kernels`, between changes of layout."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..toolkit import relax, tvm
from .kernels import Window, block_of, channelwise, convolution, dense, packed
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
            name = getattr(call.op, "name", "")
            pack = {"relax.nn.conv2d": _convolution, "relax.matmul": _product}.get(name)
            made = pack(self.builder_, call, vectors) if pack is not None else None
            return call if made is None else made

    mutator = _PackLayers(module)
    for variable, function in module.functions_items():
        if isinstance(function, relax().Function):
            mutator.builder_.update_func(variable, mutator.visit_expr(function))
    return mutator.builder_.get()


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
    down, across = (int(size) for size in attributes.strides)
    top, left, bottom, right = (int(size) for size in attributes.padding)
    tall, wide = (int(size) for size in attributes.dilation)
    window = Window(strides=(down, across), padding=(top, left, bottom, right), dilation=(tall, wide))
    groups, outputs = int(attributes.groups), weight.shape[0]
    block = block_of(outputs, vectors.lanes)
    if groups == 1:
        name, held = "convolution", packed(weight, block)
    elif groups == outputs == int(call.args[0].ty.shape.values[1]):
        name, held = "channelwise", np.ascontiguousarray(weight[:, 0].transpose(1, 2, 0))
    else:
        return None

    def kernel(x: Any, w: Any) -> Any:
        return convolution(x, w, window) if groups == 1 else channelwise(x, w, window, block)

    image = builder.emit(relax().op.permute_dims(call.args[0], TO_CHANNELS_LAST))
    made = builder.emit_te(kernel, image, relax().const(held), primfunc_name_hint=name)
    return relax().op.permute_dims(made, TO_CHANNELS_FIRST)


def _product(builder: Any, call: Any, vectors: Vectors) -> Any:
    weight = _weight(call)
    if weight is None or weight.ndim != 2 or call.args[0].ty.ndim < 2:
        return None
    held = relax().const(packed(np.ascontiguousarray(weight.T), block_of(weight.shape[1], vectors.lanes)))
    return builder.call_te(dense, call.args[0], held)
