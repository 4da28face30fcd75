"""One measurement at a time on a machine: whoever measures holds a lock, across processes and users."""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..vocabulary.errors import DeviceError

POLL_SECONDS = 0.1
DEFAULT_PATH = Path(tempfile.gettempdir()) / "edgewright-measure.lock"


@contextmanager
def turn(path: Path = DEFAULT_PATH, *, timeout_s: float, cancel: threading.Event | None = None) -> Iterator[None]:
    """Wait for the machine's turn to measure and hold it; the kernel takes it back when this process dies.

    Raises:
        DeviceError: when others measured for longer than `timeout_s`, `cancel` was set, or the lock cannot be opened.
    """
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + timeout_s
        while not _lock(descriptor):
            if cancel is not None and cancel.is_set():
                raise DeviceError("cancelled while another measurement ran on this machine")
            if time.monotonic() >= deadline:
                raise DeviceError(
                    f"another measurement has run on this machine for more than {timeout_s:g} s",
                    hint=f"end the other build, or see which process holds {path}",
                )
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            return os.open(path, flags)  # without O_CREAT: the kernel may refuse that for another user's file
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT, 0o666)
            if os.fstat(descriptor).st_uid == os.getuid():
                os.fchmod(descriptor, 0o666)  # past the umask, so that another user can take a turn too
            return descriptor
    except OSError as error:
        raise DeviceError(f"cannot open the lock for measurements: {error}") from error


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
