"""What stands behind a program: the sum of its bytes. ExecuTorch reads no further than its header says.

A program with a wrong byte may end the process that loads it, or give other numbers.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

_MAGIC = b"edgewright-pte-1"
_END = struct.Struct(f"<I{len(_MAGIC)}s")
"""The CRC-32 of all bytes before this, and the magic word."""


def sealed(program: bytes) -> bytes:
    """Give a program with the sum of its bytes behind it."""
    return program + _END.pack(zlib.crc32(program), _MAGIC)


def check(path: Path) -> None:
    """Read a program through, and see that it is as it was written.

    Raises:
        ValueError: when it is not, or was not written by this target.
        OSError: when it cannot be read.
    """
    data = memoryview(path.read_bytes())
    if bytes(data[-len(_MAGIC) :]) != _MAGIC or len(data) < _END.size:
        raise ValueError(f"{path.name}: it is no program that the target executorch wrote, or its end is missing")
    checksum, _ = _END.unpack(data[-_END.size :])
    if zlib.crc32(data[: -_END.size]) != checksum:
        raise ValueError(f"{path.name}: it is damaged: its bytes do not add up to what its end says")
