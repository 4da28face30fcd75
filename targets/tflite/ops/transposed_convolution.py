"""ConvTranspose: TRANSPOSE_CONV or CONV_3D_TRANSPOSE, and a cut where TFLite's SAME does not say the padding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.windows import cropping_of
from ..builder import Builder, Operand
from ..call import Call
from ..dialect import Array, constant_of, dtype_of, shape_of
from .lowering import Lowering

_DENSE_LIMIT = 4_000_000
"""Elements; grouped weights are written out with zeros between the groups up to this size."""


def lower_conv_transpose(call: Call, b: Builder) -> ir.Value:
    """ConvTranspose over one to three spatial axes; dilation is written into the weights."""
    x, spatial = b.channels_last(call[0]), call.rank() - 2
    cropping = cropping_of(call, shape_of(call[1])[2:])
    weight = _dilated(b, call[1], call.ints("dilations") or [1] * spatial)
    stride = call.ints("strides") or [1] * spatial
    size, kernel = shape_of(x)[1:-1], shape_of(weight)[2:]
    full = [(length - 1) * step + width for length, step, width in zip(size, stride, kernel, strict=True)]
    before = [cut for cut, _ in cropping]
    output = [length - sum(cuts) for length, cuts in zip(full, cropping, strict=True)]
    if spatial == 1:
        batch, width, channels = shape_of(x)
        x, weight = b.reshape(x, (batch, 1, width, channels)), b.reshape(weight, (*shape_of(weight)[:2], 1, *kernel))
        stride, full, before, output = [1, *stride], [1, *full], [0, *before], [1, *output]
    bias = call.get(2) or b.value(np.zeros(shape_of(weight)[1] * call.integer("group", 1), np.float32))
    place = _Place(stride=stride, full=full, before=before, output=output)
    y = _by_group(b, x, weight, bias, call.integer("group", 1), place)
    if spatial == 1:
        batch, _, width, channels = shape_of(y)
        y = b.reshape(y, (batch, width, channels))
    return b.channels_first(y)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where the result lies in the full one: `before` elements are cut off, `output` are kept, along every axis."""

    stride: list[int]
    full: list[int]
    before: list[int]
    output: list[int]

    @property
    def beyond(self) -> list[int]:
        """How far the result reaches behind the full one."""
        axes = zip(self.before, self.output, self.full, strict=True)
        return [max(start + length - end, 0) for start, length, end in axes]


def _by_group(b: Builder, x: ir.Value, weight: ir.Value, bias: ir.Value, groups: int, place: _Place) -> ir.Value:
    """Write small constant weights out as ungrouped ones; of others, do each group by itself."""
    array = constant_of(weight)
    if groups == 1:
        return _whole(b, x, weight, bias, place)
    if array is not None and array.size * groups <= _DENSE_LIMIT and array.ndim == 4:
        return _whole(b, x, b.value(_dense(array, groups)), bias, place)
    *lead, channels = shape_of(x)
    each, width, *kernel = channels // groups, *shape_of(weight)[1:]
    parts = []
    for group in range(groups):
        own = b.slice(x, [*[0] * len(lead), group * each], [*lead, (group + 1) * each])
        rows = b.slice(weight, [group * each, 0, *[0] * len(kernel)], [(group + 1) * each, width, *kernel])
        parts.append(_whole(b, own, rows, b.slice(bias, [group * width], [(group + 1) * width]), place))
    return b.concat(parts, -1)


def _whole(b: Builder, x: ir.Value, weight: ir.Value, bias: ir.Value, place: _Place) -> ir.Value:
    batch, channels = shape_of(x)[0], shape_of(weight)[1]
    beyond, kernel = place.beyond, shape_of(weight)[2:]
    two = len(kernel) == 2
    same = two and not any(beyond)
    same = same and _is_same(shape_of(x)[1:3], kernel, place.stride, place.before, place.output)
    mode, size = ("SAME", place.output) if same else ("VALID", place.full)
    shape = (batch, *size, channels)
    # Behind the last window lies the bias alone, which the kernels leave out there: it is added after padding.
    first = b.value(np.zeros(channels, np.float32)) if any(beyond) else bias
    filters = b.transpose(weight, (1, 2, 3, 0) if two else (2, 3, 4, 1, 0))
    operands: list[Operand] = [np.array(shape, np.int32), filters, x, first]
    strides = {f"stride_{side}": step for side, step in zip("hw" if two else "dhw", place.stride, strict=True)}
    y = b.op("TRANSPOSE_CONV" if two else "CONV_3D_TRANSPOSE", operands, shape, dtype_of(x), padding=mode, **strides)
    if same:
        return y
    stop = [start + length for start, length in zip(place.before, place.output, strict=True)]
    if any(beyond):
        y = b.binary("ADD", b.pad(y, [(0, 0), *((0, more) for more in beyond), (0, 0)]), bias)
    return b.slice(y, [0, *place.before, 0], [batch, *stop, channels])


def _is_same(
    size: tuple[int, ...], kernel: tuple[int, ...], stride: list[int], before: list[int], output: list[int]
) -> bool:
    """Whether SAME of the convolution that this one undoes cuts exactly so."""
    axes = zip(size, kernel, stride, before, output, strict=True)
    return all(
        length == -(-out // step) and start == max((length - 1) * step + width - out, 0) // 2
        for length, width, step, start, out in axes
    )


def _dilated(b: Builder, weight: ir.Value, dilations: list[int]) -> ir.Value:
    """Write zeros between the elements of the windows: each is padded, and what hangs over at the end is cut off."""
    for axis, step in enumerate(dilations, 2):
        if step == 1:
            continue
        shape = shape_of(weight)
        array = constant_of(weight)
        if array is not None:
            wide = np.zeros((*shape[:axis], (shape[axis] - 1) * step + 1, *shape[axis + 1 :]), array.dtype)
            wide[(*[slice(None)] * axis, slice(None, None, step))] = array
            weight = b.value(wide)
            continue
        lead, rest = math.prod(shape[: axis + 1]), math.prod(shape[axis + 1 :])
        apart = b.pad(b.reshape(weight, (lead, 1, rest)), [(0, 0), (0, step - 1), (0, 0)])
        apart = b.reshape(apart, (*shape[:axis], shape[axis] * step, *shape[axis + 1 :]))
        stops = [*shape[:axis], (shape[axis] - 1) * step + 1, *shape[axis + 1 :]]
        weight = b.slice(apart, [0] * len(shape), stops)
    return weight


def _dense(weight: Array, groups: int) -> Array:
    """Write grouped weights [C, M / groups, …] as ungrouped ones [C, M, …], zero between the groups."""
    channels, width, *kernel = weight.shape
    dense = np.zeros((channels, width * groups, *kernel), weight.dtype)
    each = channels // groups
    for group in range(groups):
        rows = slice(group * each, (group + 1) * each)
        dense[rows, group * width : (group + 1) * width] = weight[rows]
    return dense


LOWERINGS: dict[str, Lowering] = {"ConvTranspose": lower_conv_transpose}
