"""What the vector unit of a CPU holds: it decides how large the tiles of a kernel are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..toolkit import tvm


@dataclass(frozen=True, kw_only=True, slots=True)
class Vectors:
    """`lanes` float32 numbers fit into each of `registers` vector registers."""

    lanes: int
    registers: int

    @property
    def accumulators(self) -> int:
        """How many registers may hold sums: two to four are left for what is added."""
        return self.registers - 4


def vectors_of(target: Any) -> Vectors:
    """Give what the CPU of a `tvm.target.Target` of kind llvm has, as LLVM knows it."""

    def has(feature: str) -> bool:
        return bool(tvm().target.codegen.llvm_cpu_has_features(feature, target))

    triple = str(target.attrs.get("mtriple", ""))
    if triple.startswith(("x86_64", "i686", "")) and has("sse2"):
        if has("avx512f"):
            return Vectors(lanes=16, registers=32)
        return Vectors(lanes=8 if has("avx") else 4, registers=16)
    if triple.startswith(("aarch64", "arm64", "riscv")):
        return Vectors(lanes=4, registers=32)
    return Vectors(lanes=4, registers=16)
