"""Elements taken by their place, and others put there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import onnx_ir as ir
import torch

from ...lowering.call import Call
from ...lowering.indices import counted_from_the_front
from ...lowering.refused import Refused
from ..builder import Builder
from ..lowering import Lowering
from .numbers import number, remember, size_of
from .unsigned import SIGNED, cooked, ordered, raw, unordered

if TYPE_CHECKING:
    from torch.fx import Node

_REDUCTIONS: Final[Mapping[str, str]] = {"add": "sum", "max": "amax", "min": "amin", "mul": "prod"}
"""What ONNX does with several updates of one element → PyTorch's word for it."""


def gather(call: Call[Node], b: Builder) -> Node:
    """Gather: whole slices along an axis."""
    x, axis, dtype = call[0], call.axis(0), call.dtype()
    if call.is_constant(1):
        indices = call.constant(1, "indices")
        size = size_of(call, b, 0, axis)
        if isinstance(size, int):
            _ = counted_from_the_front(indices, [size])  # refuses what lies outside
        if not indices.ndim:
            return remember(call, b, b.call(torch.select, x, axis, int(indices)))
    taken = b.call(slices_at, raw(b, x, dtype), call[1], axis)
    return remember(call, b, cooked(b, taken, dtype))


def slices_at(x: torch.Tensor, indices: torch.Tensor, axis: int) -> torch.Tensor:
    """Give the slices of x along an axis at the indices, whose axes take the place of that one."""
    return x[(slice(None),) * axis + (indices,)]


def gather_elements(call: Call[Node], b: Builder) -> Node:
    """GatherElements."""
    dtype = call.dtype()
    return cooked(b, b.call(elements_at, raw(b, call[0], dtype), call[1], call.axis(0)), dtype)


def elements_at(x: torch.Tensor, indices: torch.Tensor, axis: int) -> torch.Tensor:
    """Give the elements of x that lie at the indices along an axis, and where these lie along the others."""
    return torch.gather(x, axis, from_the_front(indices, x.size(axis)))


def from_the_front(indices: torch.Tensor, size: int) -> torch.Tensor:
    """Give indices into an axis as int64 without negative ones; those outside stay outside."""
    indices = indices.to(torch.int64)
    return torch.where(indices < 0, indices + size, indices)


def gather_nd(call: Call[Node], b: Builder) -> Node:
    """GatherND: the last axis of the indices counts along several axes of x, behind those of the batch."""
    dtype = call.dtype()
    return cooked(b, b.call(slices_at_places, raw(b, call[0], dtype), call[1], call.integer("batch_dims", 0)), dtype)


def slices_at_places(x: torch.Tensor, indices: torch.Tensor, batch: int) -> torch.Tensor:
    """Give the slices of x at indices [batch axes…, …, depth]."""
    axes = indices.dim() - 1
    own = [
        torch.arange(x.size(axis), device=x.device).reshape([-1 if at == axis else 1 for at in range(axes)])
        for axis in range(batch)
    ]
    return x[(*own, *indices.unbind(-1))]


def scatter_elements(call: Call[Node], b: Builder) -> Node:
    """ScatterElements. Without a reduction no element may have two updates."""
    reduction, axis, dtype = call.text("reduction", "none"), call.axis(0), call.dtype()
    x, updates = _movable(call, b, reduction)
    if reduction == "none":
        return cooked(b, b.call(with_elements, x, call[1], updates, axis), dtype)
    return _back(b, b.call(with_reduced, x, call[1], updates, axis, _REDUCTIONS[reduction]), dtype, reduction)


def _movable(call: Call[Node], b: Builder, reduction: str) -> tuple[Node, Node]:
    """Give x and its updates as what PyTorch can reduce so."""
    dtype = call.dtype()
    if reduction in ("max", "min") and dtype in SIGNED:
        return ordered(b, call[0], dtype), ordered(b, call[2], dtype)
    if reduction != "none" and dtype == ir.DataType.BOOL:
        raise Refused(f"a reduction by {reduction} of booleans")
    return raw(b, call[0], dtype), raw(b, call[2], dtype)


def _back(b: Builder, x: Node, dtype: ir.DataType, reduction: str) -> Node:
    return (unordered if reduction in ("max", "min") else cooked)(b, x, dtype)


def with_elements(x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, axis: int) -> torch.Tensor:
    """Give x with updates at the indices along an axis."""
    return torch.scatter(x, axis, from_the_front(indices, x.size(axis)), updates)


def with_reduced(
    x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, axis: int, reduction: str
) -> torch.Tensor:
    """Give x with updates reduced into the elements at the indices along an axis."""
    return torch.scatter_reduce(x, axis, from_the_front(indices, x.size(axis)), updates, reduction)


def scatter_nd(call: Call[Node], b: Builder) -> Node:
    """ScatterND. Without a reduction no element may have two updates."""
    reduction, dtype = call.text("reduction", "none"), call.dtype()
    x, updates = _movable(call, b, reduction)
    if reduction in ("none", "add"):
        return cooked(b, b.call(with_slices, x, call[1], updates, reduction == "add"), dtype)
    return _back(b, b.call(with_reduced_slices, x, call[1], updates, _REDUCTIONS[reduction]), dtype, reduction)


def with_slices(x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, adds: bool) -> torch.Tensor:
    """Give x with slices put, or added, at indices [..., depth]."""
    return torch.index_put(x, [each.to(torch.int64) for each in indices.unbind(-1)], updates, accumulate=adds)


def with_reduced_slices(x: torch.Tensor, indices: torch.Tensor, updates: torch.Tensor, reduction: str) -> torch.Tensor:
    """Give x with slices reduced into it at indices [..., depth], by way of places in its flattened first axes."""
    depth = indices.size(-1)
    places = torch.zeros_like(indices[..., 0], dtype=torch.int64)
    for axis in range(depth):
        places = places * x.size(axis) + from_the_front(indices[..., axis], x.size(axis))
    rows = x.reshape(*_whole(x, depth), *x.shape[depth:])
    added = updates.reshape(-1, *x.shape[depth:])
    along = places.reshape([-1] + [1] * (x.dim() - depth)).expand(added.shape)
    return torch.scatter_reduce(rows, 0, along, added, reduction).reshape(x.shape)


def _whole(x: torch.Tensor, depth: int) -> list[int]:
    count = 1
    for axis in range(depth):
        count *= x.size(axis)
    return [count]


def tensor_scatter(call: Call[Node], b: Builder) -> Node:
    """TensorScatter: a run of updates along one axis, from a place of its own for each of the batch."""
    dtype, axis = call.dtype(), call.axis(-2)
    x, updates = raw(b, call[0], dtype), raw(b, call[1], dtype)
    circular = call.text("mode", "linear") == "circular"
    return cooked(b, b.call(with_runs, x, updates, call.get(2), axis, circular), dtype)


def with_runs(
    x: torch.Tensor, updates: torch.Tensor, starts: torch.Tensor | None, axis: int, circular: bool
) -> torch.Tensor:
    """Give x [N, …] with updates along an axis from starts [N] on, round about where `circular`."""
    steps = torch.arange(updates.size(axis), device=x.device)
    places = steps.reshape([-1 if at == axis else 1 for at in range(x.dim())])
    if starts is not None:
        places = places + starts.to(torch.int64).reshape([-1] + [1] * (x.dim() - 1))
    if circular:
        places = torch.remainder(places, x.size(axis))
    return torch.scatter(x, axis, places.expand(updates.shape), updates)


def one_hot(call: Call[Node], b: Builder) -> Node:
    """OneHot: a comparison with every place, so that an index out of range gives nothing but the value for off."""
    depth, rank = number(call, b, 1, "depth"), call.rank()
    axis = call.integer("axis", -1)
    axis = axis + rank + 1 if axis < 0 else axis
    dtype = call.dtype(2)
    return cooked(b, b.call(hot_at, call[0], depth, raw(b, call[2], dtype), axis), dtype)


def hot_at(indices: torch.Tensor, depth: int, values: torch.Tensor, axis: int) -> torch.Tensor:
    """Give values [off, on] along a new axis of `depth`, on at the indices; floats are cut to integers."""
    wanted = from_the_front(indices, depth).unsqueeze(axis)
    places = torch.arange(depth, device=indices.device)
    places = places.reshape([-1 if at == axis else 1 for at in range(indices.dim() + 1)])
    return torch.where(wanted == places, values[1], values[0])


LOWERINGS: dict[str, Lowering] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "OneHot": one_hot,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TensorScatter": tensor_scatter,
}
