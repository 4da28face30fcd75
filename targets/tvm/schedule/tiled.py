"""Schedules a kernel by a tile: sums in registers, what follows done before they leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..toolkit import tvm
from .blocks import may_be_inlined, order_of, sizes_of
from .kernels import BLOCK, CHANNELWISE, KERNEL
from .tile import Tile, channelwise_tiles, contraction_tiles
from .vectors import Vectors

_UNROLLED_PRODUCTS = 512
"""Products that are written out at the most where a whole window is: more would not fit the cache of decoded code."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """What there is to decide about a function around one kernel of ours.

    Its output has `height` · `width` places, of `blocks` vectors of `block` channels. `framed`: zeros are put around
    the image first.
    """

    kind: str
    height: int
    width: int
    blocks: int
    block: int
    framed: bool

    def tiles(self, vectors: Vectors) -> list[Tile]:
        """Give all tiles that are worth a try, the default first."""
        places = (self.height, self.width)
        if self.kind == CHANNELWISE:
            return channelwise_tiles(places, self.blocks, vectors)
        if self.framed:  # with channels outside, the frame would be made again for each of their tiles
            return contraction_tiles(places, self.blocks, vectors, ("places",))
        single = self.height * self.width == 1  # threads share the loop outside, and there is one place to share
        return contraction_tiles(
            places, self.blocks, vectors, ("channels", "places") if single else ("places", "channels")
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """The blocks of a function: the one that puts zeros around, the kernel, what follows it, the last of that."""

    frame: Any | None
    kernel: Any
    between: list[Any]
    last: Any | None
    order: list[int]
    """Which loop of the last block runs over each axis of the output."""


def kernel_of(function: Any) -> Kernel | None:
    """Give what a function computes around one kernel of ours; None when there is none, or more than we know."""
    schedule = tvm().s_tir.Schedule(function)
    parts = _parts(schedule)
    if parts is None:
        return None
    held = schedule.get(parts.kernel)
    *places, channels = sizes_of(held)
    block = int(held.annotations[BLOCK])
    height, width = [1, *places][-2:]
    return Kernel(
        kind=str(held.annotations[KERNEL]),
        height=height,
        width=width,
        blocks=channels // block,
        block=block,
        framed=parts.frame is not None,
    )


def tiled(function: Any, kernel: Kernel, tile: Tile) -> Any:
    """Give a function of `kernel_of` scheduled by a tile whose sizes divide those of its output."""
    schedule = tvm().s_tir.Schedule(function)
    parts = _parts(schedule)
    assert parts is not None, function
    for block in parts.between:
        schedule.compute_inline(block)
    last = schedule.cache_write(parts.kernel, 0, "local") if parts.last is None else parts.last
    outer, inner = _split(schedule, last, parts.order, kernel, tile)
    schedule.compute_at(parts.kernel, outer[-1], preserve_unit_loops=True)
    if parts.last is not None:
        schedule.set_scope(parts.kernel, 0, "local")
    _in_registers(schedule, parts.kernel, len(outer), kernel, tile)
    _write_out(schedule, inner)
    if parts.frame is not None:
        _place_frame(schedule, parts.frame, kernel, tile, outer)
    return schedule.mod["main"]


def _parts(schedule: Any) -> _Parts | None:
    """Find the blocks; None when another output, another sum or another shape is among them."""
    root = schedule.get_sblock("root")
    blocks = schedule.get_child_blocks(root)
    found = {schedule.get(block).name_hint: block for block in blocks}
    kernels = [name for name, block in found.items() if KERNEL in schedule.get(block).annotations]
    outputs = [schedule.get(block).name_hint for block in schedule.get_output_blocks(root)]
    if len(kernels) != 1 or len(outputs) != 1 or len(found) != len(blocks):
        return None
    (name,), (output,) = kernels, outputs
    kernel, last = found.pop(name), found.get(output)
    frames = [schedule.get(block).name_hint for block in schedule.get_producers(kernel)]
    frame = found.pop(frames[0]) if frames else None
    held = schedule.get(kernel if last is None else last)
    order = order_of(held)
    if order is None or any(schedule.get(block).init is not None for block in found.values()):
        return None
    if len(frames) > 1 or (frame is not None and len(schedule.get_producers(frame))):
        return None
    sizes = [int(axis.dom.extent) for axis in held.iter_vars]
    if [sizes[place] for place in order] != sizes_of(schedule.get(kernel)):
        return None
    between = [block for other, block in found.items() if other != output]
    if not all(may_be_inlined(schedule.get(block)) for block in between):
        return None
    return _Parts(frame=frame, kernel=kernel, between=between, last=last, order=order)


def _split(schedule: Any, last: Any, order: list[int], kernel: Kernel, tile: Tile) -> tuple[list[Any], list[Any]]:
    """Split the loops of the last block: around the tile, the first of them in parallel, and in it."""
    loops = schedule.get_loops(last)
    *batch, height, width, channels = [None] * (3 - len(order)) + [loops[place] for place in order]
    whole = kernel.kind == CHANNELWISE
    inner, around = [], [*batch]
    for loop, size in ((height, tile.rows), (width, tile.columns)):
        if loop is not None:
            before, within = schedule.split(loop, [None, size])
            around.append(before)
            inner.append(within)
    before, *vectors = schedule.split(channels, [None, tile.vectors, kernel.block])
    if whole:
        around.insert(-1, before)
    else:
        around.insert(0 if tile.outer == "channels" else len(around), before)
    inner += vectors
    schedule.reorder(*around, *inner)
    first = 1 if tile.outer == "channels" and not whole else max(1, len(around) - (2 if whole else 1))
    together = schedule.fuse(*around[:first]) if first > 1 else around[0]
    schedule.parallel(together)
    return [together, *around[first:]], inner


def _in_registers(schedule: Any, block: Any, depth: int, kernel: Kernel, tile: Tile) -> None:
    """Order the loops of the kernel so that its sums stay in registers while it runs over what they are sums of."""
    loops = schedule.get_loops(block)[depth:]
    count = len(sizes_of(schedule.get(block)))
    *places, channels = loops[:count]
    sums = loops[count:]
    vectors, lane = schedule.split(channels, [None, kernel.block])
    schedule.reorder(*sums, *places, vectors, lane)
    for loop in (*places, vectors):
        schedule.unroll(loop)
    schedule.vectorize(lane)
    if kernel.kind == CHANNELWISE:
        products = tile.registers
        for loop in reversed(sums):
            products *= int(schedule.get(loop).extent)
            if products <= _UNROLLED_PRODUCTS:
                schedule.unroll(loop)
    schedule.decompose_reduction(block, sums[0])


def _write_out(schedule: Any, inner: list[Any]) -> None:
    *across, lane = inner
    for loop in across:
        schedule.unroll(loop)
    schedule.vectorize(lane)


def _place_frame(schedule: Any, frame: Any, kernel: Kernel, tile: Tile, outer: list[Any]) -> None:
    """Copy the image between its zeros: once as a whole, or the part that the tiles of one strip need."""
    if tile.outer == "whole":
        loops = schedule.get_loops(frame)
        schedule.parallel(schedule.fuse(*loops[:2]))
    else:
        place = outer[1] if kernel.kind == CHANNELWISE and len(outer) > 2 else outer[0]
        schedule.compute_at(frame, place)
