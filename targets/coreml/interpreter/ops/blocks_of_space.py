"""Rearrangements between the axes of space and those of channels or batches. `x` is [N, C, H, W]."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation


def depth_to_space(a: Arguments) -> Array:
    """Move blocks of channels into space; the place in a block is the slower part of a channel's number."""
    x, block = a["x"], a.integer("block_size")
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, block, block, channels // block**2, height, width).transpose(0, 3, 4, 1, 5, 2)
    return parts.reshape(batch, channels // block**2, height * block, width * block)


def space_to_depth(a: Arguments) -> Array:
    """Do the reverse of `depth_to_space`."""
    x, block = a["x"], a.integer("block_size")
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, channels, height // block, block, width // block, block).transpose(0, 3, 5, 1, 2, 4)
    return parts.reshape(batch, channels * block**2, height // block, width // block)


def pixel_shuffle(a: Arguments) -> Array:
    """Move channels into space; the place in a block is the faster part of a channel's number."""
    x, block = a["x"], a.integer("upscale_factor")
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, channels // block**2, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
    return parts.reshape(batch, channels // block**2, height * block, width * block)


def pixel_unshuffle(a: Arguments) -> Array:
    """Do the reverse of `pixel_shuffle`."""
    x, block = a["x"], a.integer("downscale_factor")
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, channels, height // block, block, width // block, block).transpose(0, 1, 3, 5, 2, 4)
    return parts.reshape(batch, channels * block**2, height // block, width // block)


def space_to_batch(a: Arguments) -> Array:
    """Pad, then move places in blocks of space into the batch, as its slower part."""
    x, (rows, columns) = a["x"], a.ints("block_shape")
    top, bottom, left, right = a.ints("paddings")
    x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    batch, channels, height, width = x.shape
    parts = x.reshape(batch, channels, height // rows, rows, width // columns, columns).transpose(3, 5, 0, 1, 2, 4)
    return parts.reshape(rows * columns * batch, channels, height // rows, width // columns)


def batch_to_space(a: Arguments) -> Array:
    """Do the reverse of `space_to_batch`, then crop."""
    x, (rows, columns) = a["x"], a.ints("block_shape")
    top, bottom, left, right = a.ints("crops")
    batch, channels, height, width = x.shape
    number = batch // (rows * columns)
    parts = x.reshape(rows, columns, number, channels, height, width).transpose(2, 3, 4, 0, 5, 1)
    whole = parts.reshape(number, channels, height * rows, width * columns)
    return whole[:, :, top : height * rows - bottom, left : width * columns - right]


OPERATIONS: dict[str, Implementation] = {
    "batch_to_space": batch_to_space,
    "depth_to_space": depth_to_space,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "space_to_batch": space_to_batch,
    "space_to_depth": space_to_depth,
}
