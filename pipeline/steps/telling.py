"""How a step that takes long says, out of its child, how it goes: a line beside the folder that it fills."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

TOLD: Final = ".told"
"""Suffix of the file beside the result's folder that holds what was said last."""


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a step is: `done` of `total` where both can be counted (else both 0), and the rest in words."""

    text: str
    done: int = 0
    total: int = 0


def tell(out: Path, line: Line) -> None:
    """Say it in place of what was said before, as a whole."""
    place = place_of(out)
    fresh = place.with_name(f"{place.name}.part")
    fresh.write_bytes(msgspec.json.encode(line))
    fresh.replace(place)


def heard(out: Path) -> Line | None:
    """Give what was said last; None when nothing was yet."""
    try:
        return _LINE.decode(place_of(out).read_bytes())
    except FileNotFoundError:
        return None


def place_of(out: Path) -> Path:
    """Give the file that holds the line."""
    return out.with_name(out.name + TOLD)


_LINE: Final = msgspec.json.Decoder(Line)
"""Made on import: what msgspec finds out of a type when it first meets it is no work for two threads at once."""
