"""How a library is called: what TVM knows by position, by name; kept behind the library, in its own file.

What stands behind the last section of an ELF file is seen by no linker and no loader, so the file stays a library that
any program can load. The end says how long the text is and what the bytes before it add up to: a loader that is given
half a file, or one with a wrong byte, may end the process.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...vocabulary.signature import Signature, TensorSpec

_MAGIC = b"edgewright-tvm-1"
_END = struct.Struct(f"<QI{len(_MAGIC)}s")
"""The length of the text in bytes, the CRC-32 of all bytes before this, and the magic word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """An input or output: its name, its dtype in NumPy's words, its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Interface:
    """Inputs and outputs of the function `main`, in its order, and the CPU that it is for, by its name here.

    Behind its inputs `main` takes so many `weights`, which the function `weights` gives.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    cpu: str
    weights: int


def interface_of(signature: Signature, cpu: str, weights: int) -> Interface:
    """Give the interface of a library whose `main` takes and gives what a signature says. All sizes are known."""
    return Interface(
        inputs=tuple(map(_tensor, signature.inputs)),
        outputs=tuple(map(_tensor, signature.outputs)),
        cpu=cpu,
        weights=weights,
    )


def add_interface(path: Path, interface: Interface) -> None:
    """Write an interface behind the library at `path`."""
    said = {
        "cpu": interface.cpu,
        "inputs": [[each.name, each.dtype, each.shape] for each in interface.inputs],
        "outputs": [[each.name, each.dtype, each.shape] for each in interface.outputs],
        "weights": interface.weights,
    }
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    library = path.read_bytes()
    checksum = zlib.crc32(text, zlib.crc32(library))
    with path.open("ab") as file:
        file.write(text + _END.pack(len(text), checksum, _MAGIC))


def read_interface(data: bytes) -> Interface:
    """Read what stands behind a library.

    Raises:
        ValueError: when nothing does, or the file is not as it was written, byte by byte.
    """
    if len(data) < _END.size or not data.endswith(_MAGIC):
        raise ValueError("it is no library that the target tvm wrote, or its end is missing")
    size, checksum, _ = _END.unpack(data[-_END.size :])
    if zlib.crc32(memoryview(data)[: -_END.size]) != checksum:
        raise ValueError("it is damaged: its bytes do not add up to what its end says")
    try:
        said: Mapping[str, Any] = json.loads(data[-_END.size - size : -_END.size])
        return Interface(
            inputs=_tensors(said["inputs"]),
            outputs=_tensors(said["outputs"]),
            cpu=said["cpu"],
            weights=said["weights"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its end does not say how it is called: {error!r}") from error


def _tensor(spec: TensorSpec) -> Tensor:
    return Tensor(name=spec.name, dtype=spec.dtype, shape=tuple(int(size) for size in spec.shape))


def _tensors(said: Sequence[tuple[str, str, Sequence[int]]]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name=name, dtype=dtype, shape=tuple(shape)) for name, dtype, shape in said)
