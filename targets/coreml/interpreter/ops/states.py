"""States that outlive a call (iOS 18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arguments import Arguments, Array
from ..state import State
from .operation import Implementation


def read_state(a: Arguments) -> Array:
    """Give what a state holds."""
    return _state(a.values.get("input")).value


def write_state(a: Arguments) -> Sequence[Array]:
    """Replace what a state holds; there is no result.

    It is how a file has coremltools' `coreml_update_state`; a `read_state` follows it where its result is used.
    """
    _state(a.values.get("input")).value = a["data"]
    return ()


def _state(value: Any) -> State:
    if not isinstance(value, State):
        raise ValueError("its argument is no state")
    return value


OPERATIONS: dict[str, Implementation] = {
    "read_state": read_state,
    "write_state": write_state,
}
