"""The resident memory of this process, now and at its peak."""

from __future__ import annotations

import gc
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR_REFS = Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""Written to `clear_refs` it sets VmHWM back to VmRSS: proc(5)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What the process held before anything was loaded, and whether its peak was reset then."""

    resident_bytes: int
    is_reset: bool

    def peak_above_bytes(self) -> int:
        """Give the peak less the baseline: the peak since then, or of the whole process where it cannot be reset."""
        return max(_peak_bytes() - self.resident_bytes, 0)


def take_baseline() -> Baseline:
    """Collect garbage, reset the peak if the system allows it, and note what is held."""
    gc.collect()
    is_reset = False
    with suppress(OSError):
        CLEAR_REFS.write_text(RESET_PEAK)
        is_reset = True
    return Baseline(resident_bytes=_status_bytes("VmRSS") or _peak_bytes(), is_reset=is_reset)


def _peak_bytes() -> int:
    peak = _status_bytes("VmHWM")
    if peak is not None:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2) counts kilobytes, on macOS bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status_bytes(field: str) -> int | None:
    with suppress(OSError):
        for line in STATUS.read_text("ascii", "replace").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return None
