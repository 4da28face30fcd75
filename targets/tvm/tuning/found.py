"""What tuning leaves for the compiler: the fastest tile of each task of one model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ....vocabulary.codec import decode_json, encode_json
from ....vocabulary.errors import RequestError
from ..schedule.tile import Tile

FILE_NAME = "tiles.json"


class Fastest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fastest tile of a task. No time stands here: equal choices are equal files."""

    name: str
    tile: Tile


class Found(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By key of the task; `defaults` names tasks of which no tile could be measured, and which keep the default."""

    tiles: dict[str, Fastest]
    defaults: tuple[str, ...]


def write_found(folder: Path, found: Found) -> None:
    """Write it into a folder."""
    (folder / FILE_NAME).write_bytes(encode_json(found))


def tiles_in(folder: Path) -> Mapping[str, Tile]:
    """Read tiles by key, as `schedule.pipeline.scheduled` takes them.

    Raises:
        RequestError: when the folder holds none.
        ConfigError: when the file says something else.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise RequestError(f"nothing was tuned in {folder}", hint="build again, so that it is")
    return {key: fastest.tile for key, fastest in decode_json(path.read_bytes(), Found, str(path)).tiles.items()}
