"""Shapes: what they are, and tensors given others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .numbers import is_data, known, numbers, remember, size_of, sizes_of, vector

if TYPE_CHECKING:
    from torch.fx import Node


def identity(call: Call[Node], b: Builder) -> Node:
    """Identity: nothing is written."""
    return remember(call, b, call[0])


def shape(call: Call[Node], b: Builder) -> Node:
    """Shape, or a part of it."""
    sizes = sizes_of(call, b)
    sizes = sizes[slice(call.integer("start", 0), call.integer("end", len(sizes)))]
    if known(sizes) is not None:
        return b.const(sizes, torch.int64)
    result = b.call(vector, sizes)
    b.numbers[result] = sizes
    return result


def size(call: Call[Node], b: Builder) -> Node:
    """Size: the number of elements, a scalar."""
    count = b.call(torch.Tensor.numel, call[0])
    result = b.call(torch.scalar_tensor, count, dtype=torch.int64)
    b.numbers[result] = [count]
    return result


def reshape(call: Call[Node], b: Builder) -> Node:
    """Reshape: a size of 0 is kept, unless it is meant so."""
    wanted = numbers(call, b, 1, "shape")
    if not call.integer("allowzero", 0):
        if any(is_data(one) for one in wanted):
            return b.call(reshaped, call[0], wanted)
        wanted = [size_of(call, b, 0, axis) if one == 0 else one for axis, one in enumerate(wanted)]
    return remember(call, b, b.call(torch.reshape, call[0], wanted))


def reshaped(x: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """Give the elements another shape, in which 0 stands for the size that x has there."""
    return x.reshape([x.size(axis) if one == 0 else one for axis, one in enumerate(sizes)])


def flatten(call: Call[Node], b: Builder) -> Node:
    """Flatten to a matrix: the axes before one, and the others."""
    axis, rank = call.integer("axis", 1), call.rank()
    axis = axis + rank if axis < 0 else axis
    if axis == 0:
        return b.call(torch.reshape, call[0], (1, -1))
    if axis == rank:
        return b.call(torch.reshape, call[0], (-1, 1))
    x = b.call(torch.flatten, call[0], axis) if axis < rank - 1 else call[0]
    return b.call(torch.flatten, x, 0, axis - 1) if axis > 1 else x


def squeeze(call: Call[Node], b: Builder) -> Node:
    """Squeeze axes of size 1, those that are named or all."""
    axes = numbers(call, b, 1, "list of axes") if call.has(1) else None
    if axes is None:
        axes = [axis for axis, one in enumerate(sizes_of(call, b)) if one == 1]
    return remember(call, b, b.call(torch.squeeze, call[0], axes))


def unsqueeze(call: Call[Node], b: Builder) -> Node:
    """Unsqueeze: axes of size 1, counted in the result."""
    given, x = numbers(call, b, 1, "list of axes"), call[0]
    axes = known(given)
    if axes is None:
        return b.call(unsqueezed, x, given)
    for axis in sorted(axis % (call.rank() + len(axes)) for axis in axes):
        x = b.call(torch.unsqueeze, x, axis)
    return remember(call, b, x)


def unsqueezed(x: torch.Tensor, axes: Sequence[int]) -> torch.Tensor:
    """Put in axes of size 1, counted in the result."""
    for axis in sorted(axis % (x.dim() + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def expand(call: Call[Node], b: Builder) -> Node:
    """Expand: broadcast with a shape. A size of 1 keeps what is there."""
    given, rank = numbers(call, b, 1, "shape"), call.rank()
    wanted = known(given)
    if wanted is None:
        return b.call(expanded, call[0], given)
    wanted = [1] * (rank - len(wanted)) + wanted
    new = len(wanted) - rank
    sizes = [-1 if one == 1 and place >= new else one for place, one in enumerate(wanted)]
    return b.call(torch.Tensor.expand, call[0], sizes)


def expanded(x: torch.Tensor, sizes: Sequence[int]) -> torch.Tensor:
    """Broadcast x with a shape."""
    shape = torch.broadcast_shapes(x.shape, tuple(sizes))  # type: ignore[no-untyped-call]  # PyTorch's own lack
    return x.expand(shape)


LOWERINGS: dict[str, Lowering] = {
    "Expand": expand,
    "Flatten": flatten,
    "Identity": identity,
    "Reshape": reshape,
    "Shape": shape,
    "Size": size,
    "Squeeze": squeeze,
    "Unsqueeze": unsqueeze,
}
