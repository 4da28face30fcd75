"""SHA-256 digests of bytes, files and values, in lower-case hexadecimal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Plain = str | int | float | bool | None | Sequence["Plain"] | Mapping[str, "Plain"]
"""What JSON can say."""


def digest_bytes(data: bytes | memoryview) -> str:
    """Digest bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_file(path: Path) -> str:
    """Digest a file's content, read in blocks.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Plain) -> bytes:
    """Encode a value so that equal values have equal bytes: sorted keys, no spaces, UTF-8, no NaN.

    Raises:
        ValueError: when the value holds NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_value(value: Plain) -> str:
    """Digest a value by its canonical JSON."""
    return digest_bytes(canonical_json(value))
