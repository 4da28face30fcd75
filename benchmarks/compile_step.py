"""What `edgewright build` starts to compile one variant for one target, in a process of its own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from child import Usage, run


def compile_step(hub: Path, target: str, folder: Path, log: Path, variant: str, recipe: Sequence[Any] = ()) -> Usage:
    """Compile a saved hub model; the artifact's files lie in `files` of the folder afterwards, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    request = folder.with_suffix(".json")
    asked = {
        "type": "compile",
        "model": {"hub": {"path": str(hub), "digest": ""}},
        "target": target,
        "packages": [],
        "recipe": list(recipe),
        "options": {"variant": variant},
    }
    request.write_text(json.dumps(asked), "utf-8")
    return run([sys.executable, "-m", "edgewright.pipeline.child", str(request), str(folder)], log)
