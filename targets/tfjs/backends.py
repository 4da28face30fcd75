"""Which graph operator has its kernels on which backend of TF.js. `web/kernels.mjs` writes the table from the packages.

That a kernel is there does not say that it takes every dtype and rank: what is known of that stands in `kernels.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from ...compiler.lowering.refused import Refused

CHECKED = "wasm"
"""The backend that conformance runs on: what it lacks is refused."""
NO_KERNEL = frozenset({"Const", "Placeholder"})
"""What a graph holds and nothing computes."""


@cache
def lacking() -> Mapping[str, frozenset[str]]:
    """Give the operators of the table, each with the backends that lack a kernel of it."""
    table = json.loads(files(__package__).joinpath("backends.json").read_text("utf-8"))
    return {op: frozenset(row["lacking"]) for op, row in table["operators"].items()}


def require_kernels(ops: Iterable[str]) -> None:
    """Check that these operators can be computed on wasm.

    Raises:
        Refused: when one cannot.
    """
    for op in ops:
        if op not in NO_KERNEL and CHECKED in lacking().get(op, {CHECKED}):
            raise Refused(f"TF.js has no kernels for {op} on {CHECKED}")


def backends_without(ops: Iterable[str]) -> tuple[str, ...]:
    """Give the backends on which one of these operators cannot be computed, sorted."""
    return tuple(sorted(set().union(*(lacking().get(op, frozenset()) for op in ops))))
