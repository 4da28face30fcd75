"""From a Relax module to a shared library for one CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from .cpus import Cpu
from .cross import link
from .llvm import target_of
from .toolkit import relax, tvm

Schedule = Callable[[Any, Any], Any]
"""`(module, target) -> module`: gives the kernels of a module, `tvm.tirx.PrimFunc` each, loops that are fast."""

_TO_KERNELS: Final = (
    "DispatchSampling",
    "DispatchSortScan",  # before all operators become kernels: sorting is one that calls for its own
    "LegalizeOps",
    "AnnotateTIROpPattern",  # what can be fused with what is read off the kernels
    "FoldConstant",
    "FuseOps",
    "FuseTIR",
    "DeadCodeElimination",  # kernels that were fused into others stand there still
)

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


def to_kernels(module: Any, target: Any) -> Any:
    """Give a module whose `main` calls kernels, fused as far as they can be: what is scheduled and tuned."""
    return _passed(module, target, _TO_KERNELS)


def compile_module(module: Any, cpu: Cpu, path: Path, schedule: Schedule | None = None) -> list[str]:
    """Write the library to `path`; give the names of the kernels that it calls, sorted.

    Raises:
        ToolError: when the linker for this CPU is not there, or fails.
    """
    target = target_of(cpu)
    kernels = to_kernels(module, target)
    scheduled = kernels if schedule is None else schedule(kernels, target)
    names = sorted(str(name.name_hint) for name in scheduled.get_global_vars() if name.name_hint != "main")
    built = relax().build(
        _passed(scheduled, target, _TO_BYTECODE), target, relax_pipeline=tvm().transform.Sequential([])
    )
    with tempfile.TemporaryDirectory(prefix="edgewright-tvm-") as folder:

        def fcompile(output: str, objects: Sequence[str], **_: Any) -> None:
            link(cpu, [Path(each) for each in objects], Path(output), Path(folder))

        built.export_library(str(path), fcompile=fcompile, workspace_dir=folder)
    return names


def _passed(module: Any, target: Any, names: Sequence[str]) -> Any:
    with target:
        return tvm().transform.Sequential([_pass(name) for name in names])(module)


def _pass(name: str) -> Any:
    """Give a pass of Relax; those that dispatch to kernels of a target live elsewhere."""
    home = relax().backend if name.startswith("Dispatch") else relax().transform
    return getattr(home, name)()
