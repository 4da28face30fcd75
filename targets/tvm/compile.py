"""From a Relax module to a shared library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...vocabulary.signature import Signature
from .interface import calling_of, write_calling
from .toolkit import relax, tvm


def compile_module(module: Any, signature: Signature, path: Path) -> list[str]:
    """Write the library to `path`; give the names of the functions that it is made of."""
    target = tvm().target.Target({"kind": "llvm"})
    built = relax().build(module, target, relax_pipeline=relax().pipeline.get_pipeline("default_build"))
    built.export_library(str(path))
    write_calling(path, calling_of(signature))
    return sorted(str(function.name_hint) for function in module.get_global_vars())
