"""Runs `.pte` files by ExecuTorch, and `.ptl` files by PyTorch's lite interpreter.

Standard library, NumPy, and the runtimes alone: ExecuTorch's bindings for Python stand on PyTorch's libraries.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime import Array, RunOptions
from .seal import check

NAMES_METHOD = "edgewright"
"""The method of a program that gives, as JSON, what its inputs and outputs are called."""

NAMES_FILE = "extra/edgewright.json"
"""Where a `.ptl` file, which is a zip archive, says the same of itself, below the folder of its name."""

_DTYPES = dict(enumerate(("uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"))) | {
    11: "bool",
    27: "uint16",
    28: "uint32",
    29: "uint64",
}
"""ExecuTorch's `ScalarType` → NumPy's dtype. Source: its `runtime/core/portable_type/scalar_type.h`."""


class ExecuTorch:
    """ExecuTorch with the kernels and delegates of its Python package."""

    name = "executorch"

    def version(self) -> str:
        """Give the installed version.

        Raises:
            PackageNotFoundError: when ExecuTorch is not installed.
        """
        return version(self.name)

    def prepare(self) -> None:
        """Import PyTorch's libraries and the runtime.

        Raises:
            ImportError: when one is not installed.
        """
        bindings()

    def load(self, artifact: Path, options: RunOptions) -> ExecuTorchSession:
        """Open a program.

        Raises:
            ValueError: when it is none, is not whole, has no names, or needs what this runtime does not have.
            ImportError: when ExecuTorch is not installed.
        """
        return ExecuTorchSession(artifact, max(options.threads, 1))


class ExecuTorchSession:
    """A loaded program, with the names that it says of itself."""

    def __init__(self, artifact: Path, threads: int) -> None:
        """Open it; `threads` compute it.

        Raises:
            ValueError: when it cannot be opened.
        """
        check(artifact)
        self._pool, self._threads, self._made_for = _pool(), threads, -1
        try:
            self._program = bindings()._load_program(str(artifact))  # from the file: a buffer it would not keep alive
            methods = [self._program.get_method_name(index) for index in range(self._program.num_methods())]
            if NAMES_METHOD not in methods:
                raise ValueError(f"{artifact.name}: the program does not say what its inputs are called")
            self._use_threads()
            (names,) = self._program.load_method(NAMES_METHOD).call([])
            meta = self._program.method_meta("forward")
        except RuntimeError as error:
            raise ValueError(f"{artifact.name}: ExecuTorch cannot run this file: {error}") from error
        calling = json.loads(names)
        tensors = [meta.input_tensor_meta(index) for index in range(meta.num_inputs())]
        self._inputs = {
            name: (_DTYPES.get(tensor.dtype(), "?"), tuple(tensor.sizes()))
            for name, tensor in zip(calling["inputs"], tensors, strict=True)
        }
        self._outputs: list[str] = calling["outputs"]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
            RuntimeError: when a kernel fails.
        """
        given = _tensors(inputs, self._inputs)
        self._use_threads()
        results = self._method.call(given, clone_outputs=True)
        return {name: result.numpy() for name, result in zip(self._outputs, results, strict=True)}

    def _use_threads(self) -> None:
        """Give the process's one pool the size of this session. A program holds the pool that it was loaded with."""
        generation = self._pool.of(self._threads)
        if generation != self._made_for:
            self._method = self._program.load_method("forward")
            self._made_for = generation


class Pool:
    """ExecuTorch's threads, one pool for the whole process."""

    def __init__(self) -> None:
        """Take it as it is."""
        self._bindings, self._generation, self._lock = bindings(), 0, threading.Lock()

    def of(self, threads: int) -> int:
        """Give the pool so many threads; the number given back is another one whenever the pool is another one."""
        with self._lock:
            if self._bindings._threadpool_get_thread_count() != threads:
                self._bindings._unsafe_reset_threadpool(threads)
                self._generation += 1
            return self._generation


@cache
def _pool() -> Pool:
    return Pool()


@cache
def bindings() -> Any:
    """Give ExecuTorch's bindings, without the module around them, which warns and looks for other packages."""
    import torch  # noqa: F401 - its libraries must be loaded before those that need them
    from executorch.extension.pybindings import _C

    _silence(Path(_C.__file__).parents[2] / "lib")
    return _C


class _Platform(ctypes.Structure):
    """`PalImpl` of ExecuTorch's `runtime/platform/platform.h`: the functions by which it speaks to its platform."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("init", "abort", "current_ticks", "ticks_to_ns", "emit_log_message", "allocate", "free", "source")
    ]


def _silence(libraries: Path) -> None:
    """Let ExecuTorch's log messages go nowhere: it prints to the process's own stderr, also what is no error.

    In place of what prints them it is given a function that does nothing and takes nothing.
    """
    suffix = {"darwin": "dylib", "win32": "dll"}.get(sys.platform, "so")
    try:
        library = ctypes.CDLL(str(libraries / f"libexecutorch.{suffix}"))
        table = library._ZN10executorch7runtime12get_pal_implEv
    except (OSError, AttributeError):  # a build that is put together otherwise: it prints, and computes the same
        return
    table.restype = ctypes.POINTER(_Platform)
    table().contents.emit_log_message = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value


class LiteInterpreter:
    """PyTorch's lite interpreter, as PyTorch Mobile had it."""

    name = "torch"

    def version(self) -> str:
        """Give the installed version.

        Raises:
            PackageNotFoundError: when PyTorch is not installed.
        """
        return version(self.name)

    def prepare(self) -> None:
        """Import PyTorch.

        Raises:
            ImportError: when it is not installed.
        """
        import torch.jit.mobile  # noqa: F401 - only so that `load` finds it imported

    def load(self, artifact: Path, options: RunOptions) -> LiteSession:
        """Open a `.ptl` file.

        Raises:
            ValueError: when it is none, is not whole or has no names.
            ImportError: when PyTorch is not installed.
        """
        import torch
        from torch.jit.mobile import _load_for_lite_interpreter

        try:
            with zipfile.ZipFile(artifact) as archive:
                damaged = archive.testzip()  # PyTorch itself does not look at the sums
                if damaged is not None:
                    raise ValueError(f"{damaged} in it was damaged")
                names = next(name for name in archive.namelist() if name.endswith(f"/{NAMES_FILE}"))
                calling = json.loads(archive.read(names))
            module = _load_for_lite_interpreter(str(artifact))  # type: ignore[no-untyped-call]  # PyTorch's
        except (RuntimeError, zipfile.BadZipFile, zlib.error, OSError, StopIteration, ValueError) as error:
            raise ValueError(f"{artifact.name}: PyTorch's lite interpreter cannot run this file: {error}") from error
        return LiteSession(module, calling, lambda: torch.set_num_threads(max(options.threads, 1)))


class LiteSession:
    """A loaded `.ptl` file."""

    def __init__(self, module: Any, calling: Mapping[str, Any], use_threads: Callable[[], None]) -> None:
        """`calling` is what the file says of itself."""
        self._module, self._use_threads = module, use_threads
        self._inputs = {name: (dtype, tuple(shape)) for name, dtype, shape in calling["inputs"]}
        self._outputs: list[str] = calling["outputs"]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
            RuntimeError: when an operator fails.
        """
        given = _tensors(inputs, self._inputs)
        self._use_threads()
        results = self._module(*given)
        return {name: result.detach().numpy().copy() for name, result in zip(self._outputs, results, strict=True)}


def _tensors(inputs: Mapping[str, Array], wanted: Mapping[str, tuple[str, Sequence[int]]]) -> list[Any]:
    """Give the tensors of a call in the order of `wanted`: name → dtype and shape."""
    import torch

    if inputs.keys() != wanted.keys():
        raise ValueError(f"the model takes {sorted(wanted)}, got {sorted(inputs)}")
    given = []
    for name, (dtype, shape) in wanted.items():
        array = inputs[name]
        if array.dtype.name != dtype or array.shape != tuple(shape):
            raise ValueError(
                f"input {name!r}: expected {dtype}{list(shape)}, got {array.dtype.name}{list(array.shape)}"
            )
        whole = np.array(array, order="C", copy=None if array.flags.writeable else True)
        # NumPy lets the step along an axis of one element be any number; ExecuTorch ends the process over such a one
        given.append(torch.from_numpy(np.ndarray(whole.shape, whole.dtype, whole)))
    return given
