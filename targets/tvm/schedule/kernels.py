"""Convolutions and products with constant weights, as tensor expressions that vectorise along the last axis.

Images are float32[N, H, W, C]. A weight is packed at compile time into blocks of outputs that lie beside each other,
float32[O / block, …, block], so that a kernel reads it in one run from front to back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..toolkit import tvm

Array = NDArray[Any]

KERNEL = "edgewright.kernel"
"""The annotation by which a block says what it computes: CONTRACTION or CHANNELWISE."""

CONTRACTION = "contraction"
"""Each output is a sum over all channels of its group: convolutions, products of matrices."""
CHANNELWISE = "channelwise"
"""Each output is a sum over a window of its own channel."""

BLOCK = "edgewright.block"
"""The annotation that says how many channels a vector of the kernel holds."""


CUT = "edgewright.cut"
"""The annotation of a block that leaves out what a layer was filled up with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Two-dimensional windows: `padding` is top, left, bottom, right."""

    strides: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]


def block_of(outputs: int, lanes: int) -> int:
    """Give how many outputs lie beside each other: the largest power of two that divides them and fills no more lanes.

    Vectors of other lengths are taken apart by LLVM, number by number: 24 at once took 47 times as long as 3 times 8.
    """
    return min(lanes, outputs & -outputs)


def padded_outputs(outputs: int, lanes: int) -> int:
    """Give to how many outputs a layer is filled up with zeros, so that its blocks are half a vector at least."""
    if block_of(outputs, lanes) * 2 >= lanes:
        return outputs
    block = lanes if outputs >= lanes else 1 << (outputs - 1).bit_length()
    return -(-outputs // block) * block


def packed(weight: Array, outputs: int, block: int) -> Array:
    """Pack a weight [O, C, kernel…] as [outputs / block, kernel…, C, block], filled up with zeros."""
    filled = np.zeros((outputs, *weight.shape[1:]), weight.dtype)
    filled[: len(weight)] = weight
    blocks = filled.reshape(-1, block, *weight.shape[1:])
    kernel = range(3, blocks.ndim)
    return np.ascontiguousarray(blocks.transpose(0, *kernel, 2, 1))


def dense(x: Any, weight: Any) -> Any:
    """Multiply x [rows…, C] with a weight [O / block, C, block] to [rows…, O]."""
    te, tirx = tvm().te, tvm().tirx
    blocks, channels, block = (int(size) for size in weight.shape)
    k = te.reduce_axis((0, channels), "k")

    def element(*at: Any) -> Any:
        *row, o = at
        return te.sum(x(*row, k) * weight(tirx.indexdiv(o, block), k, tirx.indexmod(o, block)), axis=[k])

    shape = (*x.shape[:-1], blocks * block)
    return te.compute(shape, element, name="dense", attrs={KERNEL: CONTRACTION, BLOCK: block})


def cut(x: Any, outputs: int) -> Any:
    """Leave out what a layer was filled up with: the first `outputs` of the last axis stay."""
    te = tvm().te
    return te.compute((*x.shape[:-1], outputs), lambda *at: x(*at), name="cut", attrs={CUT: outputs})


def convolution(x: Any, weight: Any, window: Window) -> Any:
    """Convolve x [N, H, W, C] with a weight [O / block, KH, KW, C, block] to [N, OH, OW, O]."""
    te, tirx = tvm().te, tvm().tirx
    blocks, height, width, channels, block = (int(size) for size in weight.shape)
    framed = _framed(x, window.padding)
    down, across = window.strides
    i, j, k = (te.reduce_axis((0, size), name) for size, name in ((height, "i"), (width, "j"), (channels, "k")))

    def element(n: Any, h: Any, w: Any, o: Any) -> Any:
        value = framed(n, h * down + i * window.dilation[0], w * across + j * window.dilation[1], k)
        return te.sum(value * weight(tirx.indexdiv(o, block), i, j, k, tirx.indexmod(o, block)), axis=[i, j, k])

    shape = (*_placed(framed.shape, (height, width), window), blocks * block)
    return te.compute(shape, element, name="convolution", attrs={KERNEL: CONTRACTION, BLOCK: block})


def channelwise(x: Any, weight: Any, window: Window, block: int) -> Any:
    """Convolve each channel of x [N, H, W, C] with a window of its own, a weight [KH, KW, C], to [N, OH, OW, C].

    `block` channels are computed at once.
    """
    te = tvm().te
    height, width, channels = (int(size) for size in weight.shape)
    framed = _framed(x, window.padding)
    down, across = window.strides
    i, j = te.reduce_axis((0, height), "i"), te.reduce_axis((0, width), "j")

    def element(n: Any, h: Any, w: Any, c: Any) -> Any:
        value = framed(n, h * down + i * window.dilation[0], w * across + j * window.dilation[1], c)
        return te.sum(value * weight(i, j, c), axis=[i, j])

    shape = (*_placed(framed.shape, (height, width), window), channels)
    return te.compute(shape, element, name="channelwise", attrs={KERNEL: CHANNELWISE, BLOCK: block})


def _placed(framed: Sequence[Any], kernel: Sequence[int], window: Window) -> tuple[int, int, int]:
    down, across = (
        (int(size) - (reach - 1) * dilation - 1) // stride + 1
        for size, reach, dilation, stride in zip(framed[1:3], kernel, window.dilation, window.strides, strict=True)
    )
    return int(framed[0]), down, across


def _framed(x: Any, padding: tuple[int, int, int, int]) -> Any:
    """Put zeros around the images."""
    if not any(padding):
        return x
    te, tirx = tvm().te, tvm().tirx
    batch, height, width, channels = (int(size) for size in x.shape)
    top, left, bottom, right = padding

    def element(n: Any, h: Any, w: Any, c: Any) -> Any:
        inside = tirx.all(h >= top, h < top + height, w >= left, w < left + width)
        return tirx.if_then_else(inside, x(n, h - top, w - left, c), tirx.const(0, x.dtype))

    shape = (batch, height + top + bottom, width + left + right, channels)
    return te.compute(shape, element, name="framed")
