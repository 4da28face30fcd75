"""From a Relax module to a shared library for one CPU."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...vocabulary.precision import Precision
from .cpus import Cpu
from .cross import link
from .halves import with_stored_halves
from .llvm import target_of
from .remainders import with_remainders_apart
from .schedule.pipeline import fused, scheduled
from .schedule.tile import Tile
from .toolkit import relax, tvm

_TO_BYTECODE: Final = (
    "RewriteDataflowReshape",  # while dataflow can still be told apart: a reshape is the same memory seen otherwise
    "ToNonDataflow",
    "RemovePurityChecking",
    "CallTIRRewrite",
    "StaticPlanBlockMemory",  # all sizes are known: one plan of memory, made here and not at every call
    "LowerAllocTensor",
    "KillAfterLastUse",
    "LowerRuntimeBuiltin",
    "ComputePrimValue",
    "VMShapeLower",
    "AttachGlobalSymbol",
)

_NUMBER: Final = re.compile(r"(?<=[a-z])[0-9]+(?=_|$)")
"""What TVM puts behind a name that was taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Compiled:
    """What stands in a library: how often each kernel is called, by name, and how many weights `main` is given."""

    calls: dict[str, int]
    weights: int


def compile_module(module: Any, precision: Precision, cpu: Cpu, path: Path, tiles: Mapping[str, Tile]) -> Compiled:
    """Write the library to `path`.

    A model of halves stores them as halves; it computes in the dtypes that the module says. `tiles` are what tuning
    found (`tuning.found.tiles_in`), none of them for a library with the defaults.

    Raises:
        ToolError: when the linker for this CPU is not there, or fails.
    """
    target = target_of(cpu)
    kernels, weights = scheduled(fused(module, target), target, tiles), 0
    calls = _calls(kernels["main"])
    if precision is Precision.FP16:
        kernels, weights = with_stored_halves(kernels)
    code = with_remainders_apart(_passed(kernels, target, _TO_BYTECODE), target)
    built = relax().build(code, target, relax_pipeline=tvm().transform.Sequential([]))
    with tempfile.TemporaryDirectory(prefix="edgewright-tvm-") as folder:

        def fcompile(output: str, objects: Sequence[str], **_: Any) -> None:
            link(cpu, [Path(each) for each in objects], Path(output), Path(folder))

        built.export_library(str(path), fcompile=fcompile, workspace_dir=folder)
    return Compiled(calls=calls, weights=weights)


def _calls(main: Any) -> dict[str, int]:
    """Count the calls of kernels by what they compute: `fused_conv2d_add` for `fused_conv2d1_add2`."""
    found: Counter[str] = Counter()

    def count(expression: Any) -> None:
        if isinstance(expression, tvm().ir.Call) and expression.op == tvm().ir.Op.get("relax.call_tir"):
            found[_NUMBER.sub("", str(expression.args[0].name_hint))] += 1

    relax().analysis.post_order_visit(main, count)
    return dict(sorted(found.items()))


def _passed(module: Any, target: Any, names: Sequence[str]) -> Any:
    with target:
        return tvm().transform.Sequential([getattr(relax().transform, name)() for name in names])(module)
