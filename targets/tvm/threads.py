"""How many threads TVM's kernels take: each thread that calls them has a pool of its own."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

from .library import ffi, load_library

_SHARE_ALL_CORES = -3
"""`ThreadGroup::kSpecifyThreadShareAllCore` of `threading_backend.h`."""

_DO_NOT_BIND = {"TVM_BIND_THREADS": "0"}
"""Unless it is told so, TVM binds threads to cores, also to some that this process was not given."""

_here = threading.local()


def take_threads(count: int) -> None:
    """Have the kernels that this thread calls from now on take so many threads."""
    if getattr(_here, "count", None) == count:
        return
    if count == 1:  # without a pool: its threads would spin before they sleep
        _set_max_concurrency(load_library(), 1)
    else:
        _configure(count)
    _here.count = count


def _configure(count: int) -> None:
    """Make this thread's pool, once of a size that serves later sessions too, and use so many of its threads."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]
    named = [str(cores[place % len(cores)]) for place in range(max(count, len(cores)))]
    for variable, value in _DO_NOT_BIND.items():
        os.environ.setdefault(variable, value)
    configure: Any = ffi().get_global_func("runtime.config_threadpool")
    configure(_SHARE_ALL_CORES, count, named)


def _set_max_concurrency(library: ctypes.CDLL, count: int) -> None:
    """Call `tvm::runtime::threading::SetMaxConcurrency`, which no name of TVM's registry reaches."""
    library._ZN3tvm7runtime9threading17SetMaxConcurrencyEi(ctypes.c_int(count))
