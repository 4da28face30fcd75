"""The name under which a function's best tile is kept: the same in every model that computes the same."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from ..toolkit import tvm

REVISION = 2
"""Of the schedules: what was measured with another one says nothing about this one."""


def key_of(function: Any, target: Any) -> str:
    """Give 32 hexadecimal digits that name what a function computes, for which CPU, and by which TVM.

    The names that a model gives its functions and values do not matter, nor do the values of weights.
    """
    bare = function.without_attr("global_symbol")
    structure = import_module("tvm_ffi").structural_hash(bare, map_free_vars=True)
    parts = (str(REVISION), tvm().__version__, str(target), f"{structure & (2**64 - 1):016x}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
