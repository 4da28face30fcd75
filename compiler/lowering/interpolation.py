"""The arithmetic of resizing along one axis, after the definition of ONNX's Resize."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .refused import Refused

Array = NDArray[Any]

TIE = 1e-6
"""How near to the middle of two elements counts as the middle, for `round_prefer_…`, as in onnxruntime: found by
comparing all sizes from 2 to 39."""

CLOSE = 2.0**-21
"""How far weights of an axis may be apart, for each of its elements, to be the same: four roundings of a place in
float32, in which onnxruntime and others that interpolate count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """One axis of `before` elements that gets `after`; `scale` is the declared one, which sets the coordinates."""

    before: int
    after: int
    scale: float
    mode: str
    coordinates: str
    rounding: str
    cubic: float
    exclude_outside: bool
    antialias: bool
    region: tuple[float, float] = (0.0, 1.0)
    """Where the region of `tf_crop_and_resize` starts and ends, as shares of the axis."""

    def origins(self) -> Array:
        """Give where each new element lies in the old ones, float64[after].

        Computed in float32, as onnxruntime does: which side a tie falls on is decided by the rounding.
        """
        x, scale = np.arange(self.after, dtype=np.float32), np.float32(self.scale)
        half, length = np.float32(0.5), np.float32(self.before) * scale
        match self.coordinates:
            case "half_pixel":
                origins = (x + half) / scale - half
            case "half_pixel_symmetric":
                offset = np.float32(self.before) / 2 * (1 - np.float32(self.after) / length)
                origins = offset + (x + half) / scale - half
            case "pytorch_half_pixel":
                origins = (x + half) / scale - half if self.after > 1 else np.zeros_like(x)
            case "asymmetric":
                origins = x / scale
            case "align_corners":
                if abs(float(length) - self.after) > 1e-4:
                    raise Refused("align_corners with a scale that gives no whole size, which ONNX leaves open")
                origins = x * np.float32(self.before - 1) / max(self.after - 1, 1)
            case "tf_crop_and_resize":
                start, end = np.float32(self.region[0]), np.float32(self.region[1])
                last = np.float32(self.before - 1)
                step = (end - start) * last / np.float32(max(self.after - 1, 1))
                origins = start * last + x * step if self.after > 1 else (start + end) * last / 2 + 0 * x
            case other:
                raise Refused(f"coordinate mode {other!r}")
        return np.asarray(origins, np.float64)

    def outside(self) -> Array:
        """Tell which new elements `tf_crop_and_resize` takes from outside of the old ones, bool[after]."""
        x = self.origins()
        return np.asarray((self.coordinates == "tf_crop_and_resize") & ((x < 0) | (x > self.before - 1)))

    def picks(self) -> Array:
        """Give which old element each new one is, int64[after]."""
        if self.antialias:
            raise Refused("antialias of mode nearest")
        x = self.origins()
        match self.rounding:
            case "round_prefer_floor":
                chosen = np.ceil(x - 0.5 - TIE)
            case "round_prefer_ceil":
                chosen = np.floor(x + 0.5 + TIE)
            case "floor":
                chosen = np.floor(x)
            case "ceil":
                chosen = np.ceil(x)
            case other:
                raise Refused(f"nearest mode {other!r}")
        return np.asarray(np.clip(chosen, 0, self.before - 1), np.int64)

    def matrix(self) -> Array:
        """Give the weight of each old element in each new one, float64[after, before]."""
        shrink = min(self.scale, 1.0) if self.antialias else 1.0
        reach = (1 if self.mode == "linear" else 2) / shrink
        x = self.origins()
        weights = np.zeros((self.after, self.before))
        for row, origin in enumerate(x):
            first = int(np.floor(origin - reach)) + 1
            places = np.arange(first, int(np.ceil(origin + reach)))
            parts = self._curve((places - origin) * shrink)
            inside = (places >= 0) & (places < self.before)
            if self.exclude_outside:
                places, parts = places[inside], parts[inside]
            if self.exclude_outside or self.antialias:
                parts = parts / parts.sum()
            np.add.at(weights[row], np.clip(places, 0, self.before - 1), parts)
        return weights

    def _curve(self, distance: Array) -> Array:
        d = np.abs(distance)
        if self.mode == "linear":
            return np.asarray(np.maximum(1 - d, 0))
        if self.mode != "cubic":
            raise Refused(f"mode {self.mode!r}")
        a = self.cubic
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def is_between(matrix: Array, places: Array) -> bool:
    """Whether a matrix [after, before] weighs, for each of `places` in the old elements, the two beside it.

    A place outside is the nearest element.
    """
    before = matrix.shape[1]
    return bool(np.allclose(between(places, before), matrix, rtol=0, atol=CLOSE * before))


def between(places: Array, before: int) -> Array:
    """Give the weights of the two old elements beside each of `places`, float64[after, before]."""
    places = np.clip(places, 0, before - 1)
    low, rows = np.floor(places).astype(np.int64), np.arange(len(places))
    weights = np.zeros((len(places), before))
    np.add.at(weights, (rows, low), 1 - (places - low))
    np.add.at(weights, (rows, np.minimum(low + 1, before - 1)), places - low)
    return weights


def repeats(picks: Array, size: int) -> int:
    """Give how many times each of `size` elements is repeated, 0 when they are chosen otherwise."""
    times = len(picks) // size
    return times if np.array_equal(picks, np.repeat(np.arange(size), times)) else 0
