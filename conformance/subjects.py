"""What the operator cases run through: every target, and what models are said in on their way to one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final, cast

from ..targets.base import Target
from ..targets.table import TARGETS, load_target
from ..vocabulary.tables import load_object

_BETWEEN = {"torch-graph": "edgewright.conformance.torch_graph:TorchGraph"}
"""No targets: nothing of them ships, and no project file names one. They are judged as if they were."""

_ONE_IN: Final[Mapping[str, int]] = {"executorch": 32, "tensorrt": 4, "torch-graph": 4, "tvm": 16}
"""Subjects that compile machine code for every case, lower a program, or make golden vectors of it: of how many cases
the suite runs one."""


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


def cases_of_the_suite(name: str, cases: Iterable[str]) -> list[str]:
    """Give the cases that the test suite runs through a subject: all, or always the same few of one that takes long.

    The kept record is of all cases in either way.
    """
    share = _ONE_IN.get(name, 1)
    return [case for case in cases if int.from_bytes(hashlib.sha256(case.encode()).digest()[:8]) % share == 0]
