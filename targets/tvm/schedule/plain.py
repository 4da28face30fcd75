"""Schedules a function that has no kernel of ours: loops over its output in parallel, and LLVM does the rest."""

from __future__ import annotations

from math import prod
from typing import Any

from ..toolkit import tvm, tvm_ffi
from .blocks import may_be_inlined, order_of

LEAST_WORK = 1 << 15
"""Elements computed for which it is worth to wake other threads: a few microseconds of work."""


MOST_READS = 64
"""Reads in an expression of one element. What is used thrice and computed there is written out three times, and what
it is made of nine times."""


def plain(function: Any) -> Any:
    """Give a function with what is computed element by element moved to where it is used, and its loops in parallel."""
    schedule = tvm().s_tir.Schedule(function)
    root = schedule.get_sblock("root")
    for block in schedule.get_child_blocks(root):
        _inline(schedule, block)
    for block in schedule.get_child_blocks(root):
        _run_parallel(schedule, block)
    return schedule.mod["main"]


def _inline(schedule: Any, block: Any) -> None:
    """Compute a block where it is used, when it is used once by another that takes each element once."""
    consumers = schedule.get_consumers(block)
    if not may_be_inlined(schedule.get(block)) or len(consumers) != 1 or schedule.get(consumers[0]).init is not None:
        return
    if _reads_after(schedule.get(block), schedule.get(consumers[0])) > MOST_READS:
        return
    try:
        schedule.compute_inline(block)
    except RuntimeError:  # TVM refuses what would not be the same: the block stays
        return


def _reads_after(block: Any, consumer: Any) -> int:
    """Count the reads of a consumer when a block is computed where its result is read."""
    (result,) = (write.source for write in block.writes)
    own, others = _reads_of(block), _reads_of(consumer)
    times = sum(bool(read.source.same_as(result)) for read in others)
    return len(others) + times * (len(own) - 1)


def _reads_of(block: Any) -> list[Any]:
    found: list[Any] = []
    tvm_ffi().structural_walk(block.body, (tvm().ir.TensorLoad, found.append), order="post")
    return found


def _run_parallel(schedule: Any, block: Any) -> None:
    held, loops = schedule.get(block), schedule.get_loops(block)
    if not held.writes:
        return
    order = order_of(held)
    if not order or len(loops) != len(held.iter_vars):
        return
    sums = [place for place in range(len(loops)) if place not in order]
    inside = order[-1:] if sums and _runs_along(held, order[-1]) else []
    outside = order[: len(order) - len(inside)]
    schedule.reorder(*(loops[place] for place in (*outside, *sums, *inside)))
    many = next((place for place in outside if int(held.iter_vars[place].dom.extent) > 1), None)
    if many is not None and prod(int(axis.dom.extent) for axis in held.iter_vars) >= LEAST_WORK:
        schedule.parallel(loops[many])
    if sums and held.init is not None:
        schedule.decompose_reduction(block, loops[sums[0]])


def _runs_along(block: Any, axis: int) -> bool:
    """Whether what a block reads lies in the order of an axis, so that a loop over it reads from front to back."""
    variable = block.iter_vars[axis].var
    return any(len(read.region) and read.region[-1].min.same_as(variable) for read in block.reads)
