"""Runs shared libraries of TVM by its runtime library alone; the compiler is never loaded."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime import Array, RunOptions
from .interface import read_calling

CPU, POOLED = 1, 2
"""The device type of DLPack, and the allocator that keeps what it had for the next call."""


class TVM:
    """Relax's virtual machine, of `libtvm_runtime.so`."""

    name = "apache-tvm"

    def version(self) -> str:
        """Give the installed version.

        Raises:
            ImportError: when the package is not installed.
        """
        return version(self.name)

    def prepare(self) -> None:
        """Load the runtime library.

        Raises:
            ImportError: when it is not installed.
        """
        import tvm_ffi  # noqa: F401 - only so that `load` finds it imported

        ctypes.CDLL(str(_library()), ctypes.RTLD_GLOBAL)

    def load(self, artifact: Path, options: RunOptions) -> TVMSession:  # noqa: ARG002
        """Open a shared library.

        Raises:
            ValueError: when it is none that this machine can run.
            ImportError: when the runtime is not installed.
        """
        self.prepare()
        import tvm_ffi

        calling = read_calling(artifact)
        machine = tvm_ffi.load_module(str(artifact.resolve()))["vm_load_executable"]()
        machine["vm_initialization"](CPU, 0, POOLED)
        return TVMSession(machine, calling)


def _library() -> Path:
    found = importlib.util.find_spec("tvm")
    if found is None or found.origin is None:
        raise ImportError("apache-tvm is not installed")
    return Path(found.origin).parent / "lib" / "libtvm_runtime.so"


class TVMSession:
    """A loaded library."""

    def __init__(self, machine: Any, calling: Mapping[str, Any]) -> None:
        """Take an initialised virtual machine."""
        self._machine, self._main = machine, machine["main"]
        self._inputs = {spec["name"]: (spec["dtype"], tuple(spec["shape"])) for spec in calling["inputs"]}
        self._outputs = [spec["name"] for spec in calling["outputs"]]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
        """
        import tvm_ffi

        if inputs.keys() != self._inputs.keys():
            raise ValueError(f"the model takes {sorted(self._inputs)}, got {sorted(inputs)}")
        given = []
        for name, (dtype, shape) in self._inputs.items():
            array = inputs[name]
            if array.dtype != dtype or array.shape != shape:
                raise ValueError(f"input {name!r} is {dtype}{list(shape)}, got {array.dtype}{list(array.shape)}")
            given.append(tvm_ffi.from_dlpack(_aligned(array)))
        return {
            name: np.array(np.from_dlpack(result))
            for name, result in zip(self._outputs, self._main(*given), strict=True)
        }


def _aligned(array: Array) -> Array:
    buffer = np.empty(array.nbytes + 64, np.uint8)
    start = -buffer.ctypes.data % 64
    copy = buffer[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
