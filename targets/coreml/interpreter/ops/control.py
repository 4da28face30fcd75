"""Branches and loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Arguments
from .operation import Implementation

MAX_ITERATIONS = 1_000_000
"""A loop that runs longer has a condition that never fails; no device waits for it."""


def cond(a: Arguments) -> tuple[Any, ...]:
    """Run the first block where the predicate holds, else the second."""
    _two_blocks(a)
    return a.blocks[0 if a.flag("pred") else 1](())


def while_loop(a: Arguments) -> tuple[Any, ...]:
    """Run the second block on its own results as long as the first says so.

    Raises:
        ValueError: when it goes on for a million times.
    """
    _two_blocks(a)
    goes_on, body = a.blocks
    values = tuple(a.list("loop_vars"))
    for _ in range(MAX_ITERATIONS):
        if not bool(np.asarray(goes_on(values)[0]).item()):
            return values
        values = body(values)
    raise ValueError(f"it did not end within {MAX_ITERATIONS:,} iterations")


def _two_blocks(a: Arguments) -> None:
    if len(a.blocks) != 2:
        raise ValueError(f"it has {len(a.blocks)} blocks, expected 2")


OPERATIONS: dict[str, Implementation] = {
    "cond": cond,
    "while_loop": while_loop,
}
