"""The CPUs that artifacts can be made for, by name; the name is the artifact's format.

Names and features are LLVM's. Where a board is named, its CPU may lack what the core's designer offers as an option:
the Raspberry Pi 3 and 4 have no instructions for AES.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ...vocabulary.errors import RequestError

HOST: Final = "host"
"""The CPU of the machine that compiles."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cpu:
    """A CPU as LLVM is told of it, and as devices that have it say what they are."""

    name: str
    what: str
    triple: str
    mcpu: str
    arch: str
    """Linux's word for the architecture, as devices say it."""
    os: str = "linux"
    mattr: tuple[str, ...] = ()
    """Features beyond those of `mcpu`, `+dotprod`, or short of them, `-aes`."""
    abi: Mapping[str, str] = field(default_factory=dict)
    """Settings of TVM's target that say how functions are called: `mfloat-abi`, `mabi`."""
    cores: int = 4
    """How many cores of this kind a machine has, when schedules want to know."""
    vector_bits: int = 128
    """The widest vector that its instructions work on; TVM's own answer is 512 for every x86."""


_HARD_FLOAT: Final = {"mfloat-abi": "hard"}
_SOFT_FLOAT: Final = {"mfloat-abi": "soft"}
_NO_AES: Final = ("-aes", "-sha2")


def _x86(name: str, what: str, bits: int, mcpu: str = "") -> Cpu:
    return Cpu(name=name, what=what, triple="x86_64-linux-gnu", mcpu=mcpu or name, arch="x86_64", vector_bits=bits)


def _arm64(name: str, what: str, mcpu: str = "", mattr: tuple[str, ...] = (), cores: int = 4) -> Cpu:
    return Cpu(
        name=name, what=what, triple="aarch64-linux-gnu", mcpu=mcpu or name, arch="aarch64", mattr=mattr, cores=cores
    )


def _arm32(name: str, what: str, mcpu: str = "", mattr: tuple[str, ...] = ()) -> Cpu:
    return Cpu(
        name=name,
        what=what,
        triple="armv7-linux-gnueabihf",
        mcpu=mcpu or name,
        arch="armv7l",
        mattr=mattr,
        abi=_HARD_FLOAT,
    )


def _riscv64(name: str, what: str, mcpu: str, mattr: tuple[str, ...] = (), cores: int = 4, bits: int = 64) -> Cpu:
    return Cpu(
        name=name,
        what=what,
        triple="riscv64-linux-gnu",
        mcpu=mcpu,
        arch="riscv64",
        mattr=mattr,
        abi={"mabi": "lp64d"},
        cores=cores,
        vector_bits=bits,
    )


_RV64GC: Final = ("+m", "+a", "+f", "+d", "+c")

_TABLE: Final = (
    _x86("x86-64", "any x86 of 64 bits: SSE2", 128),
    _x86("x86-64-v2", "since about 2009: SSE4.2", 128),
    _x86("x86-64-v3", "since about 2013: AVX2 and FMA", 256),
    _x86("x86-64-v4", "AVX-512", 512),
    _x86("skylake", "Intel Core, 6th to 10th generation", 256),
    _x86("icelake-server", "Intel Xeon, 3rd generation: AVX-512 VNNI", 512),
    _x86("sapphirerapids", "Intel Xeon, 4th generation", 512),
    _x86("gracemont", "Intel N100, N200, Core i3-N305: AVX2 and AVX-VNNI", 256),
    _x86("tremont", "Intel Celeron N4500 to N6211, Atom x6000E: SSE4.2", 128),
    _x86("znver2", "AMD Zen 2, Ryzen Embedded V2000: AVX2", 256),
    _x86("znver3", "AMD Zen 3: AVX2", 256),
    _x86("znver4", "AMD Zen 4: AVX-512", 512),
    _arm64("aarch64", "any ARM of 64 bits: Neon", "generic"),
    _arm64("cortex-a35", "i.MX 8X, RK3308"),
    _arm64("cortex-a53", "i.MX 8M, Zynq UltraScale+, Allwinner H5", mattr=_NO_AES),
    _arm64("cortex-a55", "i.MX 9, RK3568, Amlogic S905X3: dot products, half precision"),
    _arm64("cortex-a57", "Jetson Nano and TX1", mattr=_NO_AES),
    _arm64("cortex-a72", "i.MX 8QM, RK3399, LS1046A", mattr=_NO_AES),
    _arm64("cortex-a73", "Amlogic A311D, Snapdragon 835"),
    _arm64("cortex-a75", "Snapdragon 845"),
    _arm64("cortex-a76", "RK3588, Snapdragon 855: dot products, half precision"),
    _arm64("cortex-a77", "Snapdragon 865"),
    _arm64("cortex-a78", "Dimensity 1200, QCS6490"),
    _arm64("cortex-x1", "Snapdragon 888", cores=1),
    _arm64("cortex-a510", "small cores since 2021: SVE2, i8mm, bfloat16"),
    _arm64("cortex-a710", "big cores since 2021: SVE2, i8mm, bfloat16"),
    _arm64("neoverse-n1", "Graviton 2, Ampere Altra"),
    _arm64("neoverse-v1", "Graviton 3: SVE, i8mm, bfloat16"),
    _arm64("rpi3", "Raspberry Pi 3 and Zero 2, with a system of 64 bits", "cortex-a53", _NO_AES),
    _arm64("rpi4", "Raspberry Pi 4, with a system of 64 bits", "cortex-a72", _NO_AES),
    _arm64("rpi5", "Raspberry Pi 5, with a system of 64 bits", "cortex-a76"),
    _arm64("jetson-nano", "NVIDIA Jetson Nano: its CPU", "cortex-a57"),
    _arm64("jetson-xavier", "NVIDIA Jetson Xavier: its CPU", "carmel", cores=6),
    _arm64("jetson-orin", "NVIDIA Jetson Orin: its CPU", "cortex-a78ae", cores=6),
    _arm32("armv7", "any ARMv7 with Neon and hard floats", "generic"),
    _arm32("cortex-a7", "i.MX 6UL, Allwinner H3, STM32MP1"),
    _arm32("cortex-a9", "i.MX 6, Zynq 7000", mattr=("-fp16",)),
    _arm32("cortex-a15", "AM57x, Exynos 5"),
    _arm32("rpi2", "Raspberry Pi 2, and 3 and 4 with a system of 32 bits", "cortex-a7"),
    _riscv64("riscv64", "any RISC-V of 64 bits that Linux distributions take: RV64GC", "generic-rv64", _RV64GC),
    _riscv64("sifive-u74", "VisionFive 2, HiFive Unmatched", "sifive-u74"),
    _riscv64("spacemit-x60", "Banana Pi F3, Milk-V Jupiter: vectors of 256 bits", "spacemit-x60", cores=8, bits=256),
    Cpu(
        name="android-arm64",
        what="Android on ARM of 64 bits, any phone",
        triple="aarch64-linux-android",
        mcpu="generic",
        arch="aarch64",
        os="android",
    ),
    Cpu(
        name="android-armv7",
        what="Android on ARM of 32 bits",
        triple="armv7-linux-androideabi",
        mcpu="generic",
        arch="armv7l",
        os="android",
        abi=_SOFT_FLOAT,
    ),
    Cpu(
        name="android-x86_64",
        what="Android on x86, emulators",
        triple="x86_64-linux-android",
        mcpu="x86-64-v2",
        arch="x86_64",
        os="android",
    ),
)

CPUS: Final[Mapping[str, Cpu]] = {cpu.name: cpu for cpu in _TABLE}
"""Name → CPU, all but the host."""

NAMES: Final = (HOST, *CPUS)


def cpu_named(name: str) -> Cpu:
    """Give the CPU of this name; `""` is the host.

    Raises:
        RequestError: when there is no such name; the hint has the nearest and all names.
    """
    if name in ("", HOST):
        from .host import host

        return host()
    if name not in CPUS:
        nearest = difflib.get_close_matches(name, NAMES, n=3, cutoff=0.5)
        meant = f"{' or '.join(nearest)}? " if nearest else ""
        raise RequestError(f"tvm knows no CPU named {name!r}", hint=f"{meant}Known: {', '.join(NAMES)}")
    return CPUS[name]
