"""One set of parameters a tensor: shared where kernels carry integers on, prescribed where they fix them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from .kernels import Kernel
from .parameters import Parameters, fixed, from_range
from .scheme import Grid, Role

Bounds = Callable[[ir.Value], tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """The parameters of tensors, and those of places where a tensor is read with others than it is stored with."""

    stored: Mapping[ir.Value, Parameters]
    read: Mapping[tuple[ir.Node, int], Parameters] = field(default_factory=dict)


def assign(kernels: Iterable[Kernel], grid: Grid, bounds: Bounds) -> Assignment:
    """Give every quantized activation its parameters. `bounds` gives the calibrated range of a value.

    A group is what kernels that share scales hold together; its range is the union of its members'. Where a member's
    parameters are prescribed, the group takes them when its values fit; else that member is read with the group's.
    """
    kernels = tuple(kernels)
    groups = _Groups()
    prescribed: dict[ir.Value, Parameters] = {}
    for kernel in kernels:
        inputs = kernel.values(Role.ACTIVATION)
        outputs = [] if kernel.rule.gives_float else list(kernel.outputs)
        for value in (*inputs, *outputs):
            groups.add(value)
        if kernel.rule.shares and inputs:
            for value in (*inputs[1:], *outputs):
                groups.join(inputs[0], value)
        if kernel.rule.fixed is not None:
            prescribed.update(dict.fromkeys(outputs, fixed(*kernel.rule.fixed, grid)))
    stored: dict[ir.Value, Parameters] = {}
    for members in groups.all():
        own = _of_group(members, prescribed, grid, bounds)
        for value in members:
            stored[value] = own
    read = {
        (edge.node, edge.index): stored[edge.value]
        for kernel in kernels
        for edge in kernel.edges
        if kernel.rule.shares
        and edge.role is Role.ACTIVATION
        and edge.value in prescribed
        and not _same(stored[edge.value], prescribed[edge.value])
    }
    stored.update(prescribed)
    return Assignment(stored=stored, read=read)


def _of_group(
    members: list[ir.Value], prescribed: Mapping[ir.Value, Parameters], grid: Grid, bounds: Bounds
) -> Parameters:
    free = [bounds(value) for value in members if value not in prescribed]
    given = [prescribed[value] for value in members if value in prescribed]
    if given and all(_same(one, given[0]) for one in given) and all(_fits(given[0], *range_) for range_ in free):
        return given[0]
    reach = [_reach(one) for one in given]
    lows, highs = zip(*free, *reach, strict=True)
    return from_range(min(lows), max(highs), grid)


def _reach(parameters: Parameters) -> tuple[float, float]:
    grid, scale, zero = parameters.grid, float(parameters.scale), int(parameters.zero_point)
    return (grid.lowest - zero) * scale, (grid.highest - zero) * scale


def _fits(parameters: Parameters, low: float, high: float) -> bool:
    """Whether values lie within what the parameters can say, to half a step, which rounding gives anyway."""
    first, last = _reach(parameters)
    half = parameters.step() / 2
    return first - half <= low and high <= last + half


def _same(one: Parameters, other: Parameters) -> bool:
    return float(one.scale) == float(other.scale) and int(one.zero_point) == int(other.zero_point)


class _Groups:
    """Disjoint sets of values."""

    def __init__(self) -> None:
        self._parents: dict[ir.Value, ir.Value] = {}

    def add(self, value: ir.Value) -> None:
        self._parents.setdefault(value, value)

    def join(self, one: ir.Value, other: ir.Value) -> None:
        self._parents[self._root(one)] = self._root(other)

    def all(self) -> Iterable[list[ir.Value]]:
        groups: dict[ir.Value, list[ir.Value]] = {}
        for value in self._parents:
            groups.setdefault(self._root(value), []).append(value)
        return groups.values()

    def _root(self, value: ir.Value) -> ir.Value:
        while self._parents[value] is not value:
            value = self._parents[value]
        return value
