"""Where the columns of a Col2Im lie in its image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .operands import Array, Operands
from .refused import Refused


def places_in_image(call: Operands, image: Sequence[int], block: Sequence[int]) -> Array:
    """Give the place in the flat image of every tap of every column, int64[taps · columns].

    A tap that lies outside has the place behind the last.

    Raises:
        Refused: when there are not as many columns as the image has places for blocks.
    """
    axes = len(image)
    dilations, strides = (call.ints(name) or [1] * axes for name in ("dilations", "strides"))
    pads = call.ints("pads") or [0] * 2 * axes
    places, inside = np.zeros((1,) * (2 * axes), np.int64), np.ones((), np.bool_)
    for axis, (size, width, dilation, stride) in enumerate(zip(image, block, dilations, strides, strict=True)):
        reach = dilation * (width - 1) + 1
        starts = np.arange((size + pads[axis] + pads[axis + axes] - reach) // stride + 1) * stride - pads[axis]
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = width, len(starts)
        line = (np.arange(width)[:, np.newaxis] * dilation + starts).reshape(shape)
        places, inside = places * size + line, inside & (line >= 0) & (line < size)
    if math.prod(places.shape[axes:]) != call.shape()[2]:
        raise Refused("its columns are not as many as the image has places for blocks")
    return np.where(inside, places, math.prod(image)).ravel()


def columns_over(call: Operands, image: Sequence[int], block: Sequence[int]) -> Array:
    """Give, for each place of the image, the columns of each tap over it, int64[most taps over one, places].

    Columns are counted over taps and blocks; what no more tap covers has the number behind the last.

    Raises:
        Refused: as `places_in_image` does.
    """
    places, count = places_in_image(call, image, block), math.prod(image)
    order = np.argsort(places, kind="stable")
    order = order[: int(np.sum(places < count))]
    times = np.bincount(places[order], minlength=count)
    rank = np.arange(len(order)) - np.repeat(np.cumsum(times) - times, times)
    over = np.full((int(times.max(initial=0)), count), places.size)
    over[rank, places[order]] = order
    return over
