"""Calls of a graph in PyTorch said in forms that ExecuTorch computes faster, or gives to a delegate at all.

Each form computes what the call computes. It is written for tensors of fixed shapes, as the tracer hands them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import fx
from torch.nn import functional

from ...compiler.torch_graph.ops.indexing import from_the_front, slices_at

Tensor = torch.Tensor

_CUBED: Final = 0.044715
"""What the cube of x has in GELU by the hyperbolic tangent. Source: Hendrycks and Gimpel, arXiv:1606.08415."""


def say(graph: fx.Graph, forms: Mapping[Callable[..., Any], Callable[..., Any]]) -> None:
    """Put the form in place of each call that has one."""
    for node in graph.nodes:
        if node.op == "call_function" and node.target in forms:
            node.target = forms[node.target]


def part(x: Any, places: Any) -> Any:
    """`getitem`; the whole of a tensor is no copy of it."""
    if isinstance(x, Tensor) and isinstance(places, tuple) and len(places) <= x.dim():
        taken = zip(places, x.shape, strict=False)
        if all(isinstance(one, slice) and one.indices(size) == (0, size, 1) for one, size in taken):
            return x
    return x[places]


def expanded(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """`Tensor.expand`; to the shape that x has is no copy of it."""
    wanted = x.expand(sizes)
    return x if wanted.shape == x.shape else wanted


def squeezed(x: Tensor, axes: Sequence[int]) -> Tensor:
    """`squeeze`, as a reshape: XNNPACK has that one, and ExecuTorch makes it into no call outside of a delegate."""
    return x.reshape(torch.squeeze(x, tuple(axes)).shape)


def unsqueezed(x: Tensor, axis: int) -> Tensor:
    """`unsqueeze`, as a reshape."""
    return x.reshape(x.unsqueeze(axis).shape)


def taken(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Take slices of x along an axis, the indices in one row: the kernel for that copies slices whole."""
    if indices.dtype not in (torch.int32, torch.int64):
        return slices_at(x, indices, axis)
    rows = from_the_front(indices.reshape(-1), x.size(axis))
    return x.index_select(axis, rows).reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def product(x: Tensor, y: Tensor) -> Tensor:
    """`matmul` of as many matrices on both sides, one axis of them: PyTorch's own form copies both before."""
    batch = x.shape[:-2]
    if x.dim() < 4 or batch != y.shape[:-2]:
        return torch.matmul(x, y)
    count = math.prod(batch)
    z = torch.bmm(x.reshape(count, *x.shape[-2:]), y.reshape(count, *y.shape[-2:]))
    return z.reshape((*batch, *z.shape[-2:]))


def softmax(x: Tensor, axis: int) -> Tensor:
    """`softmax` along the last of two axes.

    XNNPACK takes it along the last axis alone. Of four axes it may not be left to the delegate: behind a layer whose
    result lies with its channels last, the delegate of ExecuTorch 1.5.1 takes it over the channels. Before a reshape,
    the delegate brings them back to their place.
    """
    if x.dim() < 2 or x.numel() == 0:
        return torch.softmax(x, axis)
    is_last = axis in (-1, x.dim() - 1)
    last = x if is_last else x.movedim(axis, -1)
    rows = torch.softmax(last.reshape(-1, last.shape[-1]), -1).reshape(last.shape)
    return rows if is_last else rows.movedim(-1, axis)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """`gelu`; that by the hyperbolic tangent as its formula, for XNNPACK has the other one alone.

    The kernel for float16 computes in float32, the formula would not.
    """
    if approximate != "tanh" or x.dtype is not torch.float32:
        return functional.gelu(x, approximate=approximate)
    inner = math.sqrt(2 / math.pi) * (x + _CUBED * (x * x * x))
    return 0.5 * x * (1.0 + torch.tanh(inner))


FORMS: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {
    operator.getitem: part,
    slices_at: taken,
    torch.matmul: product,
    torch.squeeze: squeezed,
    torch.Tensor.expand: expanded,
    torch.unsqueeze: unsqueezed,
}
"""What any program is better for."""

XNNPACK_FORMS: Final[Mapping[Callable[..., Any], Callable[..., Any]]] = {
    **FORMS,
    functional.gelu: gelu,
    torch.softmax: softmax,
}
"""What a program is better for whose delegate is XNNPACK."""
