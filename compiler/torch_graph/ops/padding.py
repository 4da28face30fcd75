"""Tensors made longer, or cut, at both ends of their axes."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ...lowering.call import Call
from ...lowering.padding import centred
from ...lowering.refused import Refused
from ..builder import Builder
from ..lowering import Lowering
from .numbers import Number, known, numbers, size_of
from .unsigned import RAW, by_bits, cooked, raw

if TYPE_CHECKING:
    from torch.fx import Node


def pad(call: Call[Node], b: Builder) -> Node:
    """Pad; what is negative cuts."""
    rank, dtype, mode = call.rank(), call.dtype(), call.text("mode", "constant")
    pads = numbers(call, b, 1, "list of pads")
    given = numbers(call, b, 3, "list of axes") if call.has(3) else [*range(rank)]
    axes = known(given)
    if axes is None and mode != "constant":
        raise Refused(f"axes that are not constant, in the mode {mode}")
    if axes is None:
        x, value = raw(b, call[0], dtype), raw(b, call[2], dtype) if call.has(2) else 0
        return cooked(b, b.call(padded_along, x, given, pads, value), dtype)
    around = {
        axis % rank: (pads[place], pads[place + len(axes)])
        for place, axis in enumerate(axes)
        if any(pads[place :: len(axes)])
    }
    x = raw(b, call[0], dtype)
    if mode == "constant":
        return cooked(b, _constant(call, b, x, around), dtype)
    for axis, ends in around.items():
        x = _repeated(call, b, x, axis, ends, mode)
    return cooked(b, x, dtype)


def _constant(call: Call[Node], b: Builder, x: Node, around: dict[int, tuple[Number, Number]]) -> Node:
    if not around:
        return x
    pads = [end for axis in reversed(range(min(around), call.rank())) for end in around.get(axis, (0, 0))]
    if not call.has(2) or call.is_constant(2):
        return b.call(torch.constant_pad_nd, x, pads, _value(call))
    return b.call(padded_with, x, pads, raw(b, call[2], call.dtype()))


def _value(call: Call[Node]) -> float | int | bool:
    """Give the constant value as one of the dtype that the bits are moved in."""
    if not call.has(2):
        return 0
    value = call.constant(2, "value").reshape(())
    moved = RAW.get(call.dtype())
    number: float | int | bool = (value if moved is None else value.view(str(moved).removeprefix("torch."))).item()
    return number


def padded_along(x: torch.Tensor, axes: Sequence[int], pads: Sequence[int], value: torch.Tensor | int) -> torch.Tensor:
    """Put a value around axes, of which `pads` has all starts and then all ends."""
    around = [0] * (2 * x.dim())
    for place, axis in enumerate(axes):
        last = 2 * (x.dim() - 1 - axis % x.dim())
        around[last : last + 2] = pads[place], pads[place + len(axes)]
    return padded_with(x, around, torch.as_tensor(value, dtype=x.dtype, device=x.device))


def padded_with(x: torch.Tensor, pads: Sequence[int], value: torch.Tensor) -> torch.Tensor:
    """Put a value that is a tensor of one element around x; pads count from the last axis."""
    inside = torch.constant_pad_nd(torch.ones_like(x, dtype=torch.bool), list(pads), False)
    return torch.where(inside, torch.constant_pad_nd(x, list(pads), 0), value.reshape(()))


def _repeated(call: Call[Node], b: Builder, x: Node, axis: int, ends: tuple[Number, Number], mode: str) -> Node:
    """Put elements of the axis itself around it."""
    sizes = known(ends)
    if sizes is not None and max(sizes) <= 0:
        before, behind = sizes
        return b.call(operator.getitem, x, (*[slice(None)] * axis, slice(-before, behind if behind else None)))
    if mode != "edge" and (sizes is None or min(sizes) < 0):
        raise Refused(f"pads that may be negative in the mode {mode}")
    if mode == "reflect" and size_of(call, b, 0, axis) == 1:
        raise Refused("an axis of one element, which has nothing to reflect")
    return b.call(_MODES[mode], x, axis, *ends)


def padded_by_edge(x: torch.Tensor, axis: int, before: int, behind: int) -> torch.Tensor:
    """Repeat the first and the last element."""
    places = torch.arange(-before, x.size(axis) + behind, device=x.device)
    return x.index_select(axis, places.clamp(0, x.size(axis) - 1))


def padded_round(x: torch.Tensor, axis: int, before: int, behind: int) -> torch.Tensor:
    """Begin again where the axis ends."""
    places = torch.arange(-before, x.size(axis) + behind, device=x.device)
    return x.index_select(axis, torch.remainder(places, x.size(axis)))


def padded_by_reflection(x: torch.Tensor, axis: int, before: int, behind: int) -> torch.Tensor:
    """Go back where the axis ends, and forth again."""
    there_and_back = 2 * (x.size(axis) - 1)
    places = torch.arange(-before, x.size(axis) + behind, device=x.device)
    places = torch.remainder(places, there_and_back)
    return x.index_select(axis, torch.minimum(places, there_and_back - places))


_MODES = {"edge": padded_by_edge, "reflect": padded_by_reflection, "wrap": padded_round}


def center_crop_pad(call: Call[Node], b: Builder) -> Node:
    """CenterCropPad: cut or padded with zeros at both ends, one more behind where the difference is odd."""
    rank = call.rank()
    axes = [axis % rank for axis in call.ints("axes") or range(rank)]
    sizes = [0] * (2 * rank)
    for axis, wanted in zip(axes, numbers(call, b, 1, "shape"), strict=True):
        size = size_of(call, b, 0, axis)
        if not isinstance(size, int) or not isinstance(wanted, int):
            raise Refused("sizes that are known only at run time")
        sizes[2 * (rank - 1 - axis) : 2 * (rank - axis)] = centred(size, wanted)
    return by_bits(b, torch.constant_pad_nd, call.dtype(), call[0], pad=sizes)


LOWERINGS: dict[str, Lowering] = {"CenterCropPad": center_crop_pad, "Pad": pad}
