"""What LLVM is told of a CPU, and what it then takes that CPU to be able to do."""

from __future__ import annotations

from typing import Any, Final

from .cpus import Cpu
from .toolkit import tvm

NAMED: Final = {
    "sse4.2": "sse4.2",
    "avx": "avx",
    "avx2": "avx2",
    "fma": "fma",
    "f16c": "f16c",
    "avx512f": "avx512",
    "avx512vnni": "avx512-vnni",
    "avxvnni": "avx-vnni",
    "avx512bf16": "avx512-bf16",
    "avx512fp16": "avx512-fp16",
    "amx-tile": "amx",
    "amx-int8": "amx-int8",
    "amx-bf16": "amx-bf16",
    "neon": "neon",
    "dotprod": "dotprod",
    "fullfp16": "fp16",
    "i8mm": "i8mm",
    "bf16": "bf16",
    "sve": "sve",
    "sve2": "sve2",
    "sme": "sme",
}
"""A feature by LLVM's name → the name that devices give it (`devices.cpu.FEATURES`)."""


def target_of(cpu: Cpu) -> Any:
    """Give TVM's target, `tvm.target.Target`, for a CPU."""
    said: dict[str, Any] = {"kind": "llvm", "mtriple": cpu.triple, "mcpu": cpu.mcpu, "num-cores": cpu.cores, **cpu.abi}
    if cpu.arch in ("aarch64", "armv7l"):
        said |= {"keys": ["arm_cpu", "cpu"], "device": "arm_cpu"}  # by which TVM finds schedules of its own
    if cpu.mattr:
        said["mattr"] = [*cpu.mattr]
    return tvm().target.Target(said)


def features_of(cpu: Cpu) -> tuple[str, ...]:
    """Name what code for a CPU may need of it, as devices name it, sorted."""
    has = has_features(target_of(cpu))
    return tuple(sorted({name for feature, name in NAMED.items() if feature in has}))


def has_features(target: Any) -> frozenset[str]:
    """Give what LLVM takes the CPU of a target to have, by its own names."""
    return frozenset(map(str, tvm().target.codegen.llvm_get_cpu_features(tvm().target.Target(target))))
