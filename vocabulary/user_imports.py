"""Importing the user's Python code without leaving traces."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def user_imports(folder: Path) -> Iterator[None]:
    """Let imports find modules in the folder; no bytecode is written beside the user's files."""
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = writes
