"""Deployment targets: the oldest system that a package is made for, and with it which operations it may use."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from .toolkit import coremltools


class Deployment(IntEnum):
    """An iOS release; the numbers order them. Core ML of macOS and its siblings has the same operations by then."""

    IOS15 = 15
    IOS16 = 16
    IOS17 = 17
    IOS18 = 18
    IOS26 = 26

    @property
    def label(self) -> str:
        """`iOS16`, as coremltools and project files write it."""
        return f"iOS{int(self)}"

    @property
    def core_ml(self) -> str:
        """The version of Core ML's operations, as a package names them: iOS 15 has `CoreML5`."""
        return str({15: 5, 16: 6, 17: 7, 18: 8, 26: 9}[int(self)])

    @property
    def macos(self) -> int:
        """The macOS release of the same year."""
        return {15: 12, 16: 13, 17: 14, 18: 15}.get(int(self), int(self))

    @property
    def opset(self) -> Any:
        """The member of `coremltools.target`."""
        return getattr(coremltools().target, self.label)


class NeedsNewer(Exception):  # noqa: N818 - an answer, not an error: the emitter starts again with a newer target
    """A node can be said from a later deployment target on."""

    def __init__(self, deployment: Deployment, what: str) -> None:
        """`what` needs it: an operation by its MIL name, or a few words."""
        super().__init__(f"{what} needs {deployment.label} or later")
        self.deployment = deployment
