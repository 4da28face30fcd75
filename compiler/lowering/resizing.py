"""What a Resize or Upsample does along each of its axes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np

from .interpolation import Axis
from .operands import Array, Operands
from .refused import Refused


def resized_axes(call: Operands) -> dict[int, Axis]:
    """Read how each axis that changes is resized, by axes from the front.

    Raises:
        Refused: when it depends on what is not constant or known only at run time, or a tensor would be empty.
    """
    found = {}
    for axis, line in lines_of(call).items():
        if not isinstance(line, Axis):
            raise Refused("it resizes an axis whose size is known only at run time")
        found[axis] = line
    return found


def lines_of(call: Operands) -> dict[int, Axis | float]:
    """Read how each axis that changes is resized; of one whose size is known only at run time, by which scale.

    Raises:
        Refused: when scales, sizes or region are not constant, such an axis is given a size, or a tensor would be
            empty.
    """
    shape, first_version = call.known_sizes(), _is_first(call)
    axes = [axis % len(shape) for axis in call.ints("axes") or range(len(shape))]
    scales = _numbers(call, 1 if first_version else 2, "scales")
    sizes = None if first_version else call.constant_ints(3, "sizes")
    if not scales and not sizes:
        raise Refused("it has neither scales nor sizes as inputs")
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if sizes and policy != "stretch":
        full = [_fixed(shape[axis]) for axis in axes]
        ratios = [size / old for old, size in zip(full, sizes, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        scales, sizes = [ratio] * len(axes), [int(np.floor(old * ratio + 0.5)) for old in full]
    crops = call.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    regions = _numbers(call, 1, "region") if crops else []
    found: dict[int, Axis | float] = {}
    for place, axis in enumerate(axes):
        region = (regions[place], regions[place + len(axes)]) if regions else (0.0, 1.0)
        before = shape[axis]
        if before is None:
            if not scales:
                raise Refused("it gives an axis a size, whose size before is known only at run time")
            if scales[place] != 1.0 or region != (0.0, 1.0):
                found[axis] = scales[place]
            continue
        after = sizes[place] if sizes else int(np.floor(before * scales[place]))
        if before < 1 or after < 1:
            raise Refused("it takes or gives an empty tensor")
        scale = scales[place] if scales else after / before
        if after != before or scale != 1.0 or region != (0.0, 1.0):
            found[axis] = axis_of(call, before, after, scale, region)
    return found


def axis_of(call: Operands, before: int, after: int, scale: float, region: tuple[float, float] = (0.0, 1.0)) -> Axis:
    """Give an axis of `before` elements that gets `after`, resized as the node says."""
    old = _is_first(call)
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


def outside_of(lines: Mapping[int, Axis], rank: int) -> Array | None:
    """Tell which new elements `tf_crop_and_resize` takes from outside of the old ones; None when it takes none.

    The array is bool with `rank` axes, of one element along those that are not resized.
    """
    masks = [
        line.outside().reshape([-1 if place == axis else 1 for place in range(rank)])
        for axis, line in lines.items()
        if line.outside().any()
    ]
    return np.asarray(reduce(np.logical_or, masks)) if masks else None


def _is_first(call: Operands) -> bool:
    """Whether it is Upsample, or the Resize before opset 11, which counted as Upsample did."""
    return call.op == "Upsample" or call.opset < 11


def _fixed(size: int | None) -> int:
    if size is None:
        raise Refused("it resizes an axis whose size is known only at run time")
    return size


def _numbers(call: Operands, index: int, what: str) -> list[float]:
    return [float(number) for number in call.constant(index, what).ravel()] if call.has(index) else []
