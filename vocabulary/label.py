"""What a person and a ladder must know of an artifact before anything else."""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """A word that an artifact carries wherever it is shown."""

    UNTUNED = "untuned"
    """Its code was not tried on the machine that it is for; it stands behind everything that was, or needs not be."""
    TO_BE_BUILT = "to-be-built"
    """The device itself makes of it what will run. That was not run, so no ladder relies on it."""
