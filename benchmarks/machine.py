"""Where and with what something was measured."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """The date, the processor, the system and the load."""
    processors = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": next((line.partition(":")[2].strip() for line in processors if line.startswith("model name")), ""),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
    }


def versions_in(python: str, packages: tuple[str, ...]) -> dict[str, str]:
    """The versions of packages as an interpreter sees them."""
    code = (
        "import json, sys, importlib.metadata as m; "
        "json.dump({'python': sys.version.split()[0], **{p: m.version(p) for p in sys.argv[1:]}}, sys.stdout)"
    )
    done = subprocess.run([python, "-c", code, *packages], capture_output=True, check=True, text=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found
