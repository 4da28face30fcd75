"""The CPU of the machine that compiles, as LLVM finds it."""

from __future__ import annotations

import os
import platform
from typing import Final

from ...vocabulary.errors import RequestError
from .cpus import HOST, Cpu
from .llvm import NAMED, has_features
from .toolkit import tvm

_TRIPLES: Final = {
    "x86_64": "x86_64-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
}

_LEVEL: Final = "x86-64-v4"
"""The highest level of x86's ABI. What a level has comes with what devices name of it: AVX-512, AVX2, SSE4.2."""

_VECTOR_BITS: Final = (("avx512f", 512), ("avx2", 256), ("avx", 256))


def host() -> Cpu:
    """Give this machine's CPU with what it can do, as far as another machine can be asked for it.

    The name that LLVM gives it may belong to a CPU with less, or with more: a virtual machine hides some of it. So
    every feature is said, present or not. One that devices do not name is left out: with it a library would end
    processes on CPUs that have all that the artifact requires.

    Raises:
        RequestError: when this is no Linux, or an architecture that libraries are not made for.
    """
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _TRIPLES:
        raise RequestError(
            f"tvm makes no libraries for {platform.system()} on {machine}",
            hint="name a CPU in formats, as in the table of docs/how-to/tvm.md",
        )
    ask = tvm().get_global_func
    found = {str(name): bool(has) for name, has in ask("tvm.codegen.llvm.GetHostCPUFeatures")().items()}
    asked = _asked_for(machine)
    features = {name: has and (not asked or name in asked) for name, has in found.items()}
    return Cpu(
        name=HOST,
        what="the machine that compiles",
        triple=_TRIPLES[machine],
        mcpu=str(ask("tvm.codegen.llvm.GetHostCPUName")()),
        arch=machine,
        mattr=tuple(f"{'+' if has else '-'}{name}" for name, has in sorted(features.items())),
        abi={"mabi": "lp64d"} if machine == "riscv64" else {},
        cores=len(os.sched_getaffinity(0)),
        vector_bits=next((bits for name, bits in _VECTOR_BITS if features.get(name)), 128),
    )


def _asked_for(machine: str) -> frozenset[str]:
    """Give the features that a library may need of an architecture, by LLVM's names; none when it may need all.

    What ARM has and devices do not name came with the version of the architecture of something that they do.
    """
    if machine != "x86_64":
        return frozenset()
    return frozenset({*NAMED, *has_features({"kind": "llvm", "mtriple": _TRIPLES[machine], "mcpu": _LEVEL})})
