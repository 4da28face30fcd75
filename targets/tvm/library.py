"""TVM's runtime library: found and loaded, without its compiler and without anything else that it would bring."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARY_VARIABLE = "EDGEWRIGHT_TVM_RUNTIME"
"""The runtime library of a device that has no `apache-tvm`, with its version: `/opt/libtvm_runtime.so.0.27.0`."""

DISTRIBUTION = "apache-tvm"

_FILE_NAME = "libtvm_runtime.so"
_VERSION = re.compile(re.escape(_FILE_NAME) + r"\.(\d+(?:\.\w+)+)$")

_loaded: ctypes.CDLL | None = None


def library_version() -> str:
    """Give the version of the runtime library.

    Raises:
        ImportError: when it is not installed, or the variable names a file that does not say its version.
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    if not named:
        return version(DISTRIBUTION)
    found = _VERSION.search(Path(named).name)
    if found is None:
        raise ImportError(f"{LIBRARY_VARIABLE} is {named}: a name like {_FILE_NAME}.0.27.0 is needed, with the version")
    return found[1]


def load_library() -> ctypes.CDLL:
    """Load the runtime library once, and `tvm_ffi`, through which it is called.

    `import tvm` would load the compiler too, 260 MB of it.

    Raises:
        ImportError: when either is not installed.
    """
    global _loaded
    if _loaded is None:
        ffi()
        path = _path()
        try:
            _loaded = ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ImportError(f"TVM's runtime library cannot be loaded: {error}") from error
    return _loaded


def ffi() -> Any:
    """Import `tvm_ffi`, and not torch.

    It imports torch wherever it is installed, only to exchange tensors with it: that takes a second and 180 MB.

    Raises:
        ImportError: when it is not installed.
    """
    if "tvm_ffi" not in sys.modules and "torch" not in sys.modules:
        sys.modules["torch"] = None  # type: ignore[assignment]  # importlib's own way of saying that there is none
        try:
            return importlib.import_module("tvm_ffi")
        finally:
            del sys.modules["torch"]
    return importlib.import_module("tvm_ffi")


def _path() -> Path:
    named = os.environ.get(LIBRARY_VARIABLE)
    if named:
        return Path(named)
    found = importlib.util.find_spec("tvm")  # finds it, and does not import it
    if found is None or found.origin is None:
        raise ImportError(f"{DISTRIBUTION} is not installed, and {LIBRARY_VARIABLE} names no {_FILE_NAME}")
    return Path(found.origin).parent / "lib" / _FILE_NAME
