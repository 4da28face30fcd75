"""The log of a child, kept within a bound: its head and its tail, which say how it began and why it ended."""

from __future__ import annotations

import os
import threading
from typing import IO

HEAD_BYTES = 16_384
TAIL_BYTES = 49_152
JOIN_SECONDS = 2.0
"""How long to wait for the pipe's end once every process that could write to it has been killed."""


class BoundedLog:
    """Reads a pipe to its end on a thread of its own, so that the writer never blocks, and keeps head and tail."""

    def __init__(self) -> None:
        """Begin empty."""
        self._head, self._tail = bytearray(), bytearray()
        self._left_out = 0
        self._reader: threading.Thread | None = None
        self._pipe: IO[bytes] | None = None

    def follow(self, pipe: IO[bytes]) -> None:
        """Read `pipe` until its end, in the background."""
        self._pipe = pipe
        self._reader = threading.Thread(target=self._read, args=(pipe,), name="edgewright-log", daemon=True)
        self._reader.start()

    def finish(self) -> str:
        """Wait for the end of the pipe, close it, and give the text."""
        if self._reader is not None and self._pipe is not None:
            self._reader.join(JOIN_SECONDS)
            if not self._reader.is_alive():  # closing under a blocked reader would block too
                self._pipe.close()
        head, tail = self._head.decode("utf-8", "replace"), self._tail.decode("utf-8", "replace")
        return f"{head}\n… {self._left_out} bytes left out …\n{tail}" if self._left_out else head + tail

    def add(self, data: bytes) -> None:
        """Take the next piece of the log."""
        room = HEAD_BYTES - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        surplus = len(self._tail) - TAIL_BYTES
        if surplus > 0:
            del self._tail[:surplus]
            self._left_out += surplus

    def _read(self, pipe: IO[bytes]) -> None:
        descriptor = pipe.fileno()
        while data := os.read(descriptor, 65_536):
            self.add(data)
