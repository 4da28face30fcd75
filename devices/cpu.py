"""What this machine's CPU can do, in one vocabulary for all architectures."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

FEATURES = {
    "sse4_2": "sse4.2",
    "avx": "avx",
    "avx2": "avx2",
    "fma": "fma",
    "f16c": "f16c",
    "avx512f": "avx512",
    "avx512_vnni": "avx512-vnni",
    "avx_vnni": "avx-vnni",
    "avx512_bf16": "avx512-bf16",
    "avx512_fp16": "avx512-fp16",
    "amx_tile": "amx",
    "amx_int8": "amx-int8",
    "amx_bf16": "amx-bf16",
    "neon": "neon",  # 32-bit ARM
    "asimd": "neon",  # 64-bit ARM
    "asimddp": "dotprod",
    "asimdhp": "fp16",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "sve",
    "sve2": "sve2",
    "sme": "sme",
}
"""A flag of /proc/cpuinfo (x86 `flags`, ARM `Features`) → its name here."""

INT8_PRODUCTS = frozenset({"amx-int8", "avx-vnni", "avx512-vnni", "dotprod", "i8mm"})
"""Features that multiply and add several eight-bit integers at once; without one, floats are often faster."""

ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Other systems' words → Linux's."""


def features(cpuinfo: str | None = None) -> tuple[str, ...]:
    """Give the names of what the CPU has of `FEATURES`, sorted; `cpuinfo` is the text of /proc/cpuinfo."""
    if cpuinfo is None:
        cpuinfo = ""
        with suppress(OSError):
            cpuinfo = CPUINFO.read_text("utf-8", "replace")
    for line in cpuinfo.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            return tuple(sorted({FEATURES[flag] for flag in value.split() if flag in FEATURES}))
    return ()


def architecture() -> str:
    """Name this machine's architecture as Linux does: `x86_64`, `aarch64`, `armv7l`."""
    machine = platform.machine().lower()
    return ARCHITECTURES.get(machine, machine)
