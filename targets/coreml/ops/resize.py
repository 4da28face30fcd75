"""Resize and Upsample. Along each axis a resize is a choice of elements (nearest) or a matrix (linear, cubic).

Where one of MIL's operations is documented to make the same choice or matrix it is used; else `gather` picks, and
`matmul` multiplies by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from ....compiler.lowering.interpolation import Axis
from ....compiler.lowering.refused import Refused
from ..builder import Array, Builder, Var
from ..call import Call, fixed
from .lowering import Lowering
from .pieces import is_float, like, moved

CLOSE = 2.0**-21
"""How far weights of an axis may be apart, for each of its elements, to be the same: four roundings of a place in
float32, in which both MIL and onnxruntime count."""


def resize(call: Call, b: Builder) -> Var:
    """Resize by scales or to sizes, along any axes."""
    axes, x = _axes(call), call[0]
    made = _open(call, b, x, axes)
    if made is not None:
        return made
    lines = {axis: line for axis, line in axes.items() if isinstance(line, Axis)}
    if len(lines) < len(axes):
        raise Refused("it resizes an axis whose size is known only at run time")
    if call.text("mode", "nearest") == "nearest":
        y = _chosen(b, x, {axis: line.picks() for axis, line in lines.items()})
    elif is_float(x):
        y = _multiplied(b, x, {axis: line.matrix() for axis, line in lines.items()})
    else:
        raise Refused(f"mode {call.text('mode', '')} of integers")
    return _extrapolated(call, b, y, lines)


def _chosen(b: Builder, x: Var, picks: Mapping[int, Array]) -> Var:
    rank = len(x.shape)
    if rank >= 3 and set(picks) <= {rank - 2, rank - 1} and is_float(x):
        factors = [_repeats(picks[axis], x.shape[axis]) if axis in picks else 1 for axis in (rank - 2, rank - 1)]
        if all(factors):
            return _upsampled(b, x, factors)
    for axis, pick in picks.items():
        x = b.op("gather", x=x, indices=pick.astype(np.int32), axis=axis)
    return x


def _repeats(pick: Array, size: int) -> int:
    """Give how many times each element of an axis is repeated, 0 when they are chosen otherwise."""
    times = len(pick) // size
    return times if np.array_equal(pick, np.repeat(np.arange(size), times)) else 0


def _upsampled(b: Builder, x: Var, factors: list[int]) -> Var:
    """Repeat the elements of the last two axes."""
    height, width = factors
    return b.op("upsample_nearest_neighbor", x=x, scale_factor_height=height, scale_factor_width=width)


def _multiplied(b: Builder, x: Var, matrices: Mapping[int, Array]) -> Var:
    rank = len(x.shape)
    if rank >= 3 and matrices and set(matrices) <= {rank - 2, rank - 1}:
        mode = next((mode for mode in _SAMPLING if all(_is_sampled(mode, m) for m in matrices.values())), None)
        if mode is not None:
            height, width = (
                len(matrices[axis]) if axis in matrices else fixed(x.shape)[axis] for axis in (rank - 2, rank - 1)
            )
            sizes = {"target_size_height": height, "target_size_width": width}
            return b.op("resize_bilinear", x=x, **sizes, sampling_mode=mode)
    for axis, matrix in matrices.items():
        x = _along(b, x, axis, like(x, matrix))
    return x


def _along(b: Builder, x: Var, axis: int, matrix: Array) -> Var:
    """Multiply the elements along one axis by a matrix [after, before]."""
    rank = len(x.shape)
    if rank == 1:
        column = b.op("matmul", x=b.op("expand_dims", x=x, axes=[0]), y=b.const(np.ascontiguousarray(matrix.T)))
        return b.op("squeeze", x=column, axes=[0])
    if axis == rank - 2:
        return b.op("matmul", x=b.const(matrix), y=x)
    y = b.op("matmul", x=moved(b, x, axis, rank - 1), y=b.const(np.ascontiguousarray(matrix.T)))
    return moved(b, y, rank - 1, axis)


_SAMPLING = ("UNALIGN_CORNERS", "STRICT_ALIGN_CORNERS", "DEFAULT")
"""Sampling modes of `resize_bilinear` that ONNX has too."""


def _is_sampled(mode: str, matrix: Array) -> bool:
    """Whether a mode of `resize_bilinear` makes the matrix. Source: the operation's documentation."""
    after, before = matrix.shape
    if after == 1 and mode != "UNALIGN_CORNERS":
        return False  # the spacing of the others is a division by zero there
    last, x = before - 1, np.arange(after, dtype=np.float64)
    match mode:
        case "UNALIGN_CORNERS":
            places = (x + 0.5) * (before / after) - 0.5
        case "STRICT_ALIGN_CORNERS":
            places = x * last / (after - 1)
        case _:
            places = x * (before - before / after) / (after - 1)
    places = np.clip(places, 0, last)
    low = np.floor(places).astype(np.int64)
    own, rows = np.zeros((after, before)), np.arange(after)
    np.add.at(own, (rows, low), 1 - (places - low))
    np.add.at(own, (rows, np.minimum(low + 1, last)), places - low)
    return bool(np.allclose(own, matrix, rtol=0, atol=CLOSE * before))


def _extrapolated(call: Call, b: Builder, y: Var, lines: Mapping[int, Axis]) -> Var:
    """Put the extrapolation value where `tf_crop_and_resize` reads outside."""
    rank, masks = len(y.shape), []
    for axis, line in lines.items():
        outside = line.outside()
        if outside.any():
            masks.append(outside.reshape([-1 if place == axis else 1 for place in range(rank)]))
    if not masks:
        return y
    mask = reduce(np.logical_or, masks)
    return b.op("select", cond=b.const(mask), a=call.real("extrapolation_value", 0.0), b=y)


def _axes(call: Call) -> dict[int, Axis | float]:
    """Read how each axis that changes is resized; of one whose size is known only at run time, by which scale."""
    shape, first_version = call.sizes(), call.op == "Upsample" or call.opset < 11
    axes = [axis % len(shape) for axis in call.ints("axes") or range(len(shape))]
    scales = _numbers(call, 1 if first_version else 2, "scales")
    sizes = None if first_version else call.constant_ints(3, "sizes")
    if not scales and sizes is None:
        raise Refused("it has neither scales nor sizes as inputs")
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if sizes is not None and policy != "stretch":
        ratios = [size / fixed(shape)[axis] for axis, size in zip(axes, sizes, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        scales, sizes = [ratio] * len(axes), [int(np.floor(shape[axis] * ratio + 0.5)) for axis in axes]
    crops = call.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    regions = _numbers(call, 1, "region") if crops else []
    lines: dict[int, Axis | float] = {}
    for place, axis in enumerate(axes):
        region = (regions[place], regions[place + len(axes)]) if regions else (0.0, 1.0)
        full, scale = shape[axis], scales[place] if scales else None
        if not isinstance(full, int | np.integer):
            if scale is None:
                raise Refused("it gives an axis a size, whose size before is known only at run time")
            if scale != 1.0 or region != (0.0, 1.0):
                lines[axis] = scale
            continue
        size = sizes[place] if sizes is not None else int(np.floor(full * (scale or 1.0)))
        if full < 1 or size < 1:
            raise Refused("it takes or gives an empty tensor")
        scale = size / full if scale is None else scale
        if size != full or scale != 1.0 or region != (0.0, 1.0):
            lines[axis] = _axis(call, int(full), size, scale, region)
    return lines


def _axis(call: Call, before: int, after: int, scale: float, region: tuple[float, float]) -> Axis:
    old = call.op == "Upsample" or call.opset < 11
    return Axis(
        before=before,
        after=after,
        scale=scale,
        mode=call.text("mode", "nearest"),
        coordinates="asymmetric" if old else call.text("coordinate_transformation_mode", "half_pixel"),
        rounding="floor" if old else call.text("nearest_mode", "round_prefer_floor"),
        cubic=call.real("cubic_coeff_a", -0.75),
        exclude_outside=bool(call.integer("exclude_outside", 0)),
        antialias=bool(call.integer("antialias", 0)),
        region=region,
    )


def _open(call: Call, b: Builder, x: Var, axes: Mapping[int, Axis | float]) -> Var | None:
    """Resize images whose size is known only at run time by whole factors; None when that is not what is asked for."""
    rank = call.rank()
    if all(isinstance(line, Axis) for line in axes.values()) or rank < 3 or not set(axes) <= {rank - 2, rank - 1}:
        return None
    lines = (axes.get(axis, 1.0) for axis in (rank - 2, rank - 1))
    scales = [line.scale if isinstance(line, Axis) else line for line in lines]
    factors = [int(scale) for scale in scales]
    if scales != factors or not is_float(x):
        return None
    samples = [_axis(call, 3, 3 * factor, factor, (0.0, 1.0)) for factor in factors]
    mode, coordinates = samples[0].mode, samples[0].coordinates
    aligned = coordinates == "align_corners"
    if mode == "linear" and (aligned or coordinates in _HALF_PIXEL) and not samples[0].exclude_outside:
        height, width = factors
        return b.op(
            "upsample_bilinear", x=x, scale_factor_height=height, scale_factor_width=width, align_corners=aligned
        )
    # every axis of some size is repeated as one of three elements is
    repeated = mode == "nearest" and coordinates in (*_HALF_PIXEL, "asymmetric")
    return _upsampled(b, x, factors) if repeated and all(_repeats(line.picks(), 3) for line in samples) else None


_HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")
"""Coordinates that are the same for every whole factor, which gives one element only from one."""


def _numbers(call: Call, index: int, what: str) -> list[float]:
    return [float(number) for number in call.constant(index, what).ravel()] if call.has(index) else []


LOWERINGS: dict[str, Lowering] = {"Resize": resize, "Upsample": resize}
