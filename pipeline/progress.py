"""How the pipeline tells what it is doing, to whoever wants to show it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of every step. Called from several threads at once."""

    def started(self, step: str) -> None:
        """A step began; `step` is its name, `compile tflite-fp16`."""
        ...

    def announced(self, text: str) -> None:
        """Something that a person should know before it is begun: how many evaluations a search may make."""
        ...

    def advanced(self, step: str, done: int, total: int) -> None:
        """A step has done so many of its rows or runs."""
        ...

    def noted(self, step: str, text: str) -> None:
        """A step has something to say of how it goes: `14 of 30 tasks, 200 trials, best so far 3.1 ms`."""
        ...

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """A step ended; `outcome` is `done`, `cached`, `failed` or `refused`."""
        ...


class Silent:
    """Shows nothing."""

    def started(self, step: str) -> None:
        """Ignore it."""

    def announced(self, text: str) -> None:
        """Ignore it."""

    def advanced(self, step: str, done: int, total: int) -> None:
        """Ignore it."""

    def noted(self, step: str, text: str) -> None:
        """Ignore it."""

    def finished(self, step: str, seconds: float, outcome: str) -> None:
        """Ignore it."""
