"""Fourier transforms of fixed length: products with constant matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...lowering.call import Call
from ...lowering.fourier import Transform, axis_of, frames_of, transform_of
from ...lowering.refused import Refused
from ..builder import Builder
from ..dtypes import TORCH_DTYPES
from ..lowering import Lowering

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node


def dft(call: Call[Node], b: Builder) -> Node:
    """Transform along one axis of x [batch, …, 1 or 2], real or complex, to [batch, …, 2]."""
    return _transformed(call, b, call[0], axis_of(call), transform_of(call))


def _transformed(
    call: Call[Node], b: Builder, x: Node, axis: int, transform: Transform, size: int | None = None
) -> Node:
    """Transform along an axis, of a size that may be another than the input's; the parts are on the last axis."""
    if not call.dtype().is_floating_point():
        raise Refused("a transform of integers")
    sizes = call.known_sizes()
    size, parts = size or sizes[axis], sizes[-1]
    if size is None or parts is None:
        raise Refused("how many elements it transforms is known only at run time")
    matrix = transform.matrix(size, parts).T
    return b.call(by_matrix, x, b.const(matrix, TORCH_DTYPES[call.dtype()]), axis, transform.results)


def by_matrix(x: Tensor, matrix: Tensor, axis: int, results: int) -> Tensor:
    """Multiply the elements along an axis, with their parts on the last one, by [size · parts, bins · results]."""
    rows = x.movedim(axis, -2).flatten(-2)
    y = torch.matmul(rows, matrix)
    return y.reshape(*y.shape[:-1], -1, results).movedim(-2, axis)


def stft(call: Call[Node], b: Builder) -> Node:
    """Transform windows of x [batch, length, 1 or 2] that start every `frame_step` elements."""
    frames = frames_of(call)
    pieces = b.call(framed, call[0], b.const(frames.places, torch.int64), call.get(2))
    transform = Transform(inverse=False, onesided=bool(call.integer("onesided", 1)))
    return _transformed(call, b, pieces, 2, transform, frames.width)


def framed(x: Tensor, places: Tensor, window: Tensor | None) -> Tensor:
    """Give x [batch, length, parts] at places [frames, width], times a window [width]."""
    pieces = x[:, places]
    return pieces if window is None else pieces * window.to(x.dtype).unsqueeze(-1)


LOWERINGS: dict[str, Lowering] = {"DFT": dft, "STFT": stft}
