"""What the operator cases run through: every target, and what models are said in on their way to one."""

from __future__ import annotations

from typing import cast

from ..targets.base import Target
from ..targets.table import TARGETS, load_target
from ..vocabulary.tables import load_object

_BETWEEN = {"torch-graph": "edgewright.conformance.torch_graph:TorchGraph"}
"""No targets: nothing of them ships, and no project file names one. They are judged as if they were."""


def subjects() -> tuple[str, ...]:
    """Give the names of all, targets first."""
    return (*TARGETS.names, *_BETWEEN)


def load_subject(name: str) -> Target:
    """Give the subject of this name; its packages may still be missing.

    Raises:
        RequestError: when there is no such subject.
    """
    if name in _BETWEEN:
        return cast("type[Target]", load_object(_BETWEEN[name]))()
    return load_target(name)
