"""What passes did to a model and why, kept in the model itself until the report shows it."""

from __future__ import annotations

from typing import Final

import msgspec
import onnx_ir as ir

from ...vocabulary.note import Note

PREFIX: Final = "edgewright.notes."
"""What the keys of notes in a model's metadata begin with; behind it stands the step."""


def note(model: ir.Model, step: str, where: str, text: str) -> None:
    """Add a note; those of a step stay in the order in which they were added."""
    key = PREFIX + step
    lines = msgspec.json.decode(model.metadata_props.get(key, "[]"), type=list[tuple[str, str]])
    lines.append((where, text))
    model.metadata_props[key] = msgspec.json.encode(lines).decode()


def notes(model: ir.Model) -> tuple[Note, ...]:
    """Give all notes, by step."""
    return tuple(
        Note(step=key.removeprefix(PREFIX), where=where, text=text)
        for key, lines in sorted(model.metadata_props.items())
        if key.startswith(PREFIX)
        for where, text in msgspec.json.decode(lines, type=list[tuple[str, str]])
    )
