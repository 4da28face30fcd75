"""How a library is called: names, dtypes and shapes by position, behind the library in its own file."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...vocabulary.signature import Signature

_MAGIC = b"edgewright-tvm-1"
_END = struct.Struct(f"<QI{len(_MAGIC)}s")


def calling_of(signature: Signature) -> dict[str, Any]:
    """Give inputs and outputs in the order of the library's function `main`."""
    return {
        "inputs": [{"name": spec.name, "dtype": spec.dtype, "shape": spec.shape} for spec in signature.inputs],
        "outputs": [{"name": spec.name, "dtype": spec.dtype, "shape": spec.shape} for spec in signature.outputs],
    }


def write_calling(path: Path, calling: dict[str, Any]) -> None:
    """Add it behind a library; whoever loads the library takes no notice of it."""
    text = json.dumps(calling, ensure_ascii=False, sort_keys=True).encode()
    library = path.read_bytes()
    path.write_bytes(library + text + _END.pack(len(text), zlib.crc32(library + text), _MAGIC))


def read_calling(path: Path) -> dict[str, Any]:
    """Read what `write_calling` wrote.

    Raises:
        ValueError: when it is not there, or any byte of the file is another than was written.
    """
    data = path.read_bytes()
    if len(data) < _END.size or not data.endswith(_MAGIC):
        raise ValueError(f"{path}: it is no library that the target tvm wrote, or its end is missing")
    size, checksum, _ = _END.unpack(data[-_END.size :])
    if zlib.crc32(data[: -_END.size]) != checksum:
        raise ValueError(f"{path}: it is damaged")
    found: dict[str, Any] = json.loads(data[-_END.size - size : -_END.size])
    return found
