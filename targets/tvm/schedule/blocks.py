"""What the blocks of a function of TVM say about their loops."""

from __future__ import annotations

from typing import Any

_BY_ADDRESS = (
    "address_of",
    "access_ptr",
    "call_packed",
    "call_cpacked",
    "call_extern",
    "call_pure_extern",
    "call_llvm",
)


def sizes_of(block: Any) -> list[int]:
    """Give how far the axes of a block's output go."""
    return [int(axis.dom.extent) for axis in block.iter_vars if axis.iter_type == axis.DataPar]


def order_of(block: Any) -> list[int] | None:
    """Give the place among a block's axes of the one that runs over each axis of its output; None for anything else."""
    axes = [axis.var for axis in block.iter_vars]
    order = []
    for index in block.writes[0].region:
        places = [place for place, axis in enumerate(axes) if axis.same_as(index.min)]
        if len(places) != 1:
            return None
        order += places
    return order


def takes_addresses(function: Any) -> bool:
    """Whether a function hands memory to something that TVM does not see into, so that its layout is fixed."""
    text = function.script()  # TVM 0.27 has no visitor of such functions for Python
    return any(word in text for word in _BY_ADDRESS)


def may_be_inlined(block: Any) -> bool:
    """Whether what a block computes may be written out where it is used.

    TVM simplifies what then stands together, and not for all numbers: 0 · x becomes 0 also for NaN, and the opposite of
    x < y becomes y <= x. So constants and truths stay in memory.
    """
    return block.init is None and len(block.reads) > 0 and block.writes[0].source.dtype != "bool"
