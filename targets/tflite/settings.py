"""`[targets.tflite.settings]` of a project file."""

from __future__ import annotations

from typing import Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project may ask of `.tflite` files alone.

    `metadata = "mlkit"` writes what ML Kit's custom image models need: how pixels become the input, and the labels.
    `score_threshold` is the score below which ML Kit shows no label. `model_name`, `description`, `version`, `author`
    and `licence` are told to whoever reads the metadata.
    """

    metadata: Literal["", "mlkit"] = ""
    score_threshold: float | None = None
    model_name: str = ""
    description: str = ""
    version: str = ""
    author: str = ""
    licence: str = ""

    def __post_init__(self) -> None:
        told = (self.model_name, self.description, self.version, self.author, self.licence)
        if not self.metadata and (any(told) or self.score_threshold is not None):
            raise ValueError('only metadata = "mlkit" makes something of the other settings')
        if self.score_threshold is not None and not 0 <= self.score_threshold <= 1:
            raise ValueError(f"score_threshold: expected a number from 0 to 1, got {self.score_threshold}")
