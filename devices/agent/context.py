"""The circumstances of a benchmark: what may change between two runs and moves the figures."""

from __future__ import annotations

import os
import platform
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

CPUFREQ = Path("/sys/devices/system/cpu")

Context = dict[str, str | int | float | None]


def before(runtime: str, runtime_version: str, threads: int) -> Context:
    """Say what the run starts with; a value that the system does not tell is None."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpu": cpu_model(),
        "cpus_allowed": ",".join(map(str, cpus)) if cpus is not None else None,
        "governor": _cpufreq("scaling_governor", cpus),
        "frequency_before_mhz": _frequency_mhz(cpus),
        "load_before": _load(),
        "threads": threads,
        "runtime": runtime,
        "runtime_version": runtime_version,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "kernel": f"{platform.system()} {platform.release()}",
    }


def after() -> Context:
    """Say what the run ended with."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {"frequency_after_mhz": _frequency_mhz(cpus), "load_after": _load()}


def cpu_model() -> str:
    """Name the CPU as the system does."""
    if sys.platform.startswith("linux"):
        with suppress(OSError):
            lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()]
            for wanted in ("model name", "Model", "Hardware", "uarch", "cpu model"):  # x86, ARM boards, RISC-V, MIPS
                for key, _, value in lines:
                    if key.strip() == wanted and value.strip():
                        return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def _load() -> float | None:
    with suppress(OSError):
        return round(os.getloadavg()[0], 2)
    return None


def _cpufreq(name: str, cpus: list[int] | None) -> str | None:
    with suppress(OSError):
        return (CPUFREQ / f"cpu{cpus[0] if cpus else 0}" / "cpufreq" / name).read_text("ascii").strip()
    return None


def _frequency_mhz(cpus: list[int] | None) -> float | None:
    khz = _cpufreq("scaling_cur_freq", cpus)
    return float(khz) / 1000 if khz is not None else None
