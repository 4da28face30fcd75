"""Runs a command in a fresh process and says what it took."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class ChildError(Exception):
    """A command failed; the message ends with the last lines that it wrote."""


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process took: from before it was started to after it was gone, and the most memory it held.

    `cpu_s` is the time of processors, its own children's included: a busy machine does not change it much.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def spent(usages: Sequence[Usage]) -> dict[str, Any]:
    """Median time and largest memory of several runs."""
    return {
        "wall_s": statistics.median(usage.wall_s for usage in usages),
        "cpu_s": statistics.median(usage.cpu_s for usage in usages),
        "wall_s_all": [usage.wall_s for usage in usages],
        "peak_bytes": max(usage.peak_bytes for usage in usages),
    }


def run(
    command: list[str], log: Path, environment: dict[str, str] | None = None, limit_s: float | None = None
) -> Usage:
    """Run a command to its end, its output going to a file.

    The peak is the kernel's (`ru_maxrss`). A process starts with its parent's figure there, so the parent has to be
    small: modules of this folder that start children import the standard library alone.

    Raises:
        ChildError: when it does not exit with 0, as when it was killed at its time limit.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})}
        )
        limit = threading.Timer(limit_s or threading.TIMEOUT_MAX, process.kill)
        limit.daemon = True
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
        raise ChildError(f"{' '.join(command[:2])} exited with {process.returncode}; {log}:\n{tail}")
    return Usage(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime, peak_bytes=usage.ru_maxrss * 1024)
