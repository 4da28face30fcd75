"""A picture of points on two axes as SVG, in the colours of the page that it stands in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .markup import Markup, element

WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 16, 46
_TICKS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """A point: its place, what a pointer that rests on it is told, and whether it is one of the good ones."""

    x: float
    y: float
    label: str
    good: bool


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        low, high = min(values), max(values)
        slack = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
        return cls(low - slack, high + slack, start, end)

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, least_step: float = 0.0) -> list[float]:
        rough = max((self.high - self.low) / _TICKS, least_step)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [index * step for index in range(first, last + 1)]


def scatter(
    points: Sequence[Point],
    *,
    x_title: str,
    y_title: str,
    bound: float | None = None,
    joined: bool = False,
    x_step: float = 0.0,
) -> Markup:
    """Draw points.

    `bound` is a dashed line at this y, `joined` draws a line through the points in the order of x; the marks of the
    x axis are at least `x_step` apart.
    """
    ys = [point.y for point in points] + ([bound] if bound is not None else [])
    x_axis = _Axis.over([point.x for point in points], _LEFT, WIDTH - _RIGHT)
    y_axis = _Axis.over(ys, HEIGHT - _BOTTOM, _TOP)
    parts = [
        element(
            "rect", x=f"{_LEFT}", y=f"{_TOP}", width=f"{WIDTH - _LEFT - _RIGHT}", height=f"{HEIGHT - _TOP - _BOTTOM}",
            fill="none", stroke="var(--line)",
        )
    ]  # fmt: skip
    for tick in x_axis.ticks(x_step):
        parts.append(_text(x_axis.place(tick), HEIGHT - _BOTTOM + 18, f"{tick:.6g}", anchor="middle"))
    for tick in y_axis.ticks():
        y = y_axis.place(tick)
        parts.append(_line(_LEFT, y, WIDTH - _RIGHT, y, "var(--line)"))
        parts.append(_text(_LEFT - 8, y + 4, f"{tick:.6g}", anchor="end"))
    parts.append(_text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8, x_title, anchor="middle"))
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    parts.append(_text(14, middle, y_title, anchor="middle", transform=f"rotate(-90 14 {middle:g})"))
    if bound is not None:
        parts.append(
            _line(_LEFT, y_axis.place(bound), WIDTH - _RIGHT, y_axis.place(bound), "var(--quiet)", dashes="5 4")
        )
    if joined:
        path = " ".join(
            f"{x_axis.place(point.x):.1f},{y_axis.place(point.y):.1f}"
            for point in sorted(points, key=lambda point: point.x)
        )
        parts.append(element("polyline", points=path, fill="none", stroke="var(--quiet)"))
    for point in points:
        parts.append(
            element(
                "circle",
                element("title", point.label),
                cx=f"{x_axis.place(point.x):.1f}",
                cy=f"{y_axis.place(point.y):.1f}",
                r="5",
                fill="var(--pass)" if point.good else "var(--panel)",
                stroke="var(--pass)" if point.good else "var(--fail)",
                **{"stroke-width": "2"},
            )
        )
    return element("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", class_="picture")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dashes: str = "none") -> Markup:
    return element(
        "line",
        x1=f"{x1:.1f}",
        y1=f"{y1:.1f}",
        x2=f"{x2:.1f}",
        y2=f"{y2:.1f}",
        stroke=colour,
        stroke_dasharray=dashes,
    )


def _text(x: float, y: float, text: str, *, anchor: str, transform: str = "none") -> Markup:
    return element(
        "text",
        text,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        fill="var(--quiet)",
        font_size="12",
        text_anchor=anchor,
        transform=transform,
    )
