"""What a Resize or Upsample of fixed sizes does along each of its axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .call import Call
from .interpolation import Axis
from .refused import Refused


def resized_axes(call: Call[Any]) -> dict[int, Axis]:
    """Read how each axis that changes is resized, by axes from the front.

    Raises:
        Refused: when scales, sizes or region are not constant, a shape is open, or a tensor would be empty.
    """
    shape, first_version = call.shape(), _is_first(call)
    axes = [axis % len(shape) for axis in call.ints("axes") or range(len(shape))]
    scales = _numbers(call, 1 if first_version else 2, "scales")
    sizes = None if first_version else call.constant_ints(3, "sizes")
    if not scales and not sizes:
        raise Refused("it has neither scales nor sizes as inputs")
    policy = call.text("keep_aspect_ratio_policy", "stretch")
    if sizes and policy != "stretch":
        ratios = [size / shape[axis] for axis, size in zip(axes, sizes, strict=True)]
        ratio = min(ratios) if policy == "not_larger" else max(ratios)
        scales, sizes = [ratio] * len(axes), [int(np.floor(shape[axis] * ratio + 0.5)) for axis in axes]
    crops = call.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    regions = _numbers(call, 1, "region") if crops else []
    found = {}
    for place, axis in enumerate(axes):
        before = shape[axis]
        after = sizes[place] if sizes else int(np.floor(before * scales[place]))
        if before < 1 or after < 1:
            raise Refused("it takes or gives an empty tensor")
        scale = scales[place] if scales else after / before
        region = (regions[place], regions[place + len(axes)]) if regions else (0.0, 1.0)
        if after != before or scale != 1.0 or region != (0.0, 1.0):
            found[axis] = _axis(call, before, after, scale, region)
    return found


def _axis(call: Call[Any], before: int, after: int, scale: float, region: tuple[float, float]) -> Axis:
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


def _is_first(call: Call[Any]) -> bool:
    """Whether it is Upsample, or the Resize before opset 11, which counted as Upsample did."""
    return call.op == "Upsample" or call.opset < 11


def _numbers(call: Call[Any], index: int, what: str) -> list[float]:
    return [float(number) for number in call.constant(index, what).ravel()] if call.has(index) else []
