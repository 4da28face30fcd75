"""The file in which a device keeps the guard's record from one start to the next."""

from __future__ import annotations

import os
from pathlib import Path

from ..fallback.guard import Record
from ..vocabulary.codec import decode_json, encode_json
from ..vocabulary.errors import ConfigError, ToolError


class RecordFile:
    """Reads and writes a record; a write is whole or not at all."""

    def __init__(self, path: Path) -> None:
        """`path` lies outside the bundle, which is never written to."""
        self.path = path

    def read(self, release: str) -> Record:
        """Give the record of a release; an empty one when there is none, it is another release's, or it is damaged.

        Nothing is lost with a damaged record but the memory of crashes.

        Raises:
            ToolError: when the file is there and cannot be read.
        """
        try:
            record = decode_json(self.path.read_bytes(), Record, self.path.name)
        except (FileNotFoundError, ConfigError):
            return Record(release=release)
        except OSError as error:
            raise ToolError(f"{self.path}: cannot be read: {error.strerror}") from error
        return record if record.release == release else Record(release=release)

    def write(self, record: Record) -> None:
        """Keep a record, on the disk itself: it must outlive a crash a moment later.

        Raises:
            ToolError: when it cannot be written.
        """
        unfinished = self.path.with_name(self.path.name + ".part")
        try:
            with unfinished.open("wb") as file:
                file.write(encode_json(record))
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            raise ToolError(f"{self.path}: cannot be written: {error.strerror}") from error
