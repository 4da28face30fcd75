"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ...lowering.call import Call
from ...lowering.fourier import from_half, whole
from ...lowering.refused import Refused
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node


def dft(call: Call[Node], b: Builder) -> Node:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    axis = _axis(call)
    inverse, onesided = bool(call.integer("inverse", 0)), bool(call.integer("onesided", 0))
    length = int(call.constant(1, "length").item()) if call.has(1) else None
    size, parts = _size(call, axis), _size(call, call.rank() - 1)
    return _transformed(call, b, call[0], (axis, size, parts), length, inverse, onesided)


def _axis(call: Call[Node]) -> int:
    """Read which axis is transformed: the one before the last, unless it says so by an attribute, or an input."""
    if call.opset < 20:
        return call.axis(1)
    return int(call.constant(2, "axis").item()) % call.rank() if call.has(2) else call.rank() - 2


def _size(call: Call[Node], axis: int) -> int:
    value = call.node.inputs[0]
    assert value is not None, call.node
    size = [*(value.shape or ())][axis]
    if not isinstance(size, int):
        raise Refused("how many elements it transforms is known only at run time")
    return size


def _transformed(
    call: Call[Node],
    b: Builder,
    x: Node,
    line: tuple[int, int, int],
    length: int | None,
    inverse: bool,
    onesided: bool,
) -> Node:
    """Transform along an axis, of a size, with 1 or 2 parts on the last axis; cut or filled with zeros to `length`."""
    if not call.dtype().is_floating_point():
        raise Refused("a transform of integers")
    axis, size, parts = line
    if inverse and onesided:
        matrix, results = from_half(size, length or 2 * (size - 1), parts), 1
    else:
        matrix, results = whole(size, length or size, parts, inverse, onesided), 2
    return b.call(by_matrix, x, b.const(matrix.T, TORCH_DTYPES[call.dtype()]), axis, results)


def by_matrix(x: Tensor, matrix: Tensor, axis: int, results: int) -> Tensor:
    """Multiply the elements along an axis, with their parts on the last one, by [size · parts, bins · results]."""
    rows = x.movedim(axis, -2).flatten(-2)
    y = torch.matmul(rows, matrix)
    return y.reshape(*y.shape[:-1], -1, results).movedim(-2, axis)


def stft(call: Call[Node], b: Builder) -> Node:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    step, size, parts = int(call.constant(1, "frame step").item()), _size(call, 1), _size(call, 2)
    width = call.shape(2)[0] if call.has(2) else size
    if call.has(3):
        width = int(call.constant(3, "frame length").item())
    places = np.arange(0, size - width + 1, step)[:, np.newaxis] + np.arange(width)
    pieces = b.call(framed, call[0], b.const(places, torch.int64), call.get(2))
    return _transformed(call, b, pieces, (2, width, parts), None, False, bool(call.integer("onesided", 1)))


def framed(x: Tensor, places: Tensor, window: Tensor | None) -> Tensor:
    """Give x [batch, length, parts] at places [frames, width], times a window [width]."""
    pieces = x[:, places]
    return pieces if window is None else pieces * window.to(x.dtype).unsqueeze(-1)


LOWERINGS: dict[str, Lowering] = {"DFT": dft, "STFT": stft}
