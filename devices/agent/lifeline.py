"""A child that ends when the process that started it is gone, even by `kill -9`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From <sys/prctl.h>; the signal comes when the parent's *thread* that started this process ends."""


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends. Does nothing on systems other than Linux."""
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)
