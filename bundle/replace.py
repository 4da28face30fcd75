"""Putting a finished file or folder in the place of an older one, in one step that cannot be seen half done."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2  # macOS, <sys/stdio.h>; the same number by accident


def replace_folder(new: Path, old: Path) -> None:
    """Move `new` to `old`; a folder that stood there is removed afterwards. Both are on one file system.

    The two change places in one system call where there is one (Linux, macOS), so `old` is at every moment either the
    old folder or the new one, whole. Elsewhere the old one is moved aside first, under `old` + `.old`.

    Raises:
        OSError: when it cannot be done; `old` is as it was.
    """
    if _takes_free_place(new, old):
        return
    if _exchange(new, old):
        shutil.rmtree(new)
    else:
        aside = old.with_name(old.name + ".old")
        old.rename(aside)
        try:
            new.rename(old)
        except OSError:
            aside.rename(old)
            raise
        shutil.rmtree(aside)


def _takes_free_place(new: Path, old: Path) -> bool:
    """Move `new` to `old` when nothing stands there, nor comes to stand there meanwhile. Give whether it was moved."""
    if os.path.lexists(old):
        return False
    try:
        new.rename(old)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):  # another build was faster
            return False
        raise
    return True


def _exchange(first: Path, second: Path) -> bool:
    """Let two paths change places. Give False when this system has no such call."""
    libc = ctypes.CDLL(None, use_errno=True)
    a, b = os.fsencode(first), os.fsencode(second)
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE)
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(a, b, _RENAME_SWAP)
    else:
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # an old kernel, or a file system that cannot
        return False
    raise OSError(code, os.strerror(code), str(second))
