"""Which machines a library is for, by the header of its ELF file."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64", 258: "loongarch64"}
"""`e_machine` of the ELF specification → Linux's word for the architecture."""

_HEADER = struct.Struct("<4sBB12xH")
"""Magic, class, byte order, `e_machine`; all machines here are little-endian."""

_CLASSES = {1: "32 bits", 2: "64 bits"}
_LITTLE_ENDIAN = 1


def machine_of(header: bytes) -> str:
    """Name the architecture of an ELF file, of which this is the beginning.

    Raises:
        ValueError: when it is no ELF file.
    """
    if len(header) < _HEADER.size or not header.startswith(b"\x7fELF"):
        raise ValueError("it is no shared library: the header of an ELF file is missing")
    _, class_, order, machine = _HEADER.unpack(header[: _HEADER.size])
    if order != _LITTLE_ENDIAN or class_ not in _CLASSES:
        raise ValueError("it is a library for big-endian machines, or for none that there is")
    return _MACHINES.get(machine, f"machine {machine} of {_CLASSES[class_]}")


def own_machine() -> str | None:
    """Name the architecture that this process runs as; None when it is no ELF file itself.

    A process of 32 bits on a kernel of 64 needs libraries of 32, and one in an emulator those of the emulated machine:
    so it is asked of the program that runs, not of the kernel.
    """
    program = Path("/proc/self/exe")
    try:
        with (program if program.exists() else Path(sys.executable)).open("rb") as file:
            return machine_of(file.read(_HEADER.size))
    except (OSError, ValueError):
        return None
