"""What a file seems to be, by its first bytes: for saying why it is not a model of the kind asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MAGIC: Final = (
    (0, b"PK\x03\x04", "a zip archive (PyTorch weights, an exported program, a Keras model or NumPy arrays)"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras weights or model)"),
    (4, b"TFL3", "a TFLite model"),
    (4, b"ORTM", "an onnxruntime .ort model"),
    (0, b"GGUF", "a GGUF model"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"version https://git-lfs", "a Git LFS pointer; the content was not fetched (`git lfs pull`)"),
    (0, b"<!DOCTYPE", "an HTML page, as a failed download leaves it"),
    (0, b"<html", "an HTML page, as a failed download leaves it"),
    (0, b"\x80\x02", "a pickle (PyTorch weights of the old form)"),
    (0, b"\x80\x03", "a pickle"),
    (0, b"\x80\x04", "a pickle"),
    (0, b"\x80\x05", "a pickle"),
    (8, b'{"', "a safetensors file (weights alone)"),
)


def seems_to_be(path: Path) -> str | None:
    """Say what a file is when its first bytes tell; None when they do not.

    Raises:
        OSError: when the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(32)
    if not head:
        return "an empty file"
    return next((kind for offset, magic, kind in _MAGIC if head[offset:].startswith(magic)), None)
