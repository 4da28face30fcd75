"""Where the built files of this room lie, and the Node that runs them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..vocabulary.errors import ToolError

DIST = Path(__file__).parent / "dist"
"""What `make web` builds; a wheel brings it along."""

NODE_VARIABLE = "EDGEWRIGHT_NODE"
"""The environment variable that names the Node executable to use."""


def built(name: str) -> Path:
    """Give a built file or folder by its path under `dist`.

    Raises:
        ToolError: when it has not been built.
    """
    path = DIST / name
    if not path.exists():
        raise ToolError(f"{path}: not built", hint="run `make web` in the checkout (it needs Node 20 and npm)")
    return path


def is_built() -> bool:
    """Whether what runs in browsers and in Node is here; in a wheel it is."""
    return (DIST / "manifest.json").exists()


def find_node() -> Path | None:
    """Give the Node executable: the one that the environment names, or the first on the path; None without one."""
    named = os.environ.get(NODE_VARIABLE)
    found = shutil.which(named or "node")
    return Path(found) if found is not None else None
