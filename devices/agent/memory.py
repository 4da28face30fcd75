"""The resident memory of a process, now and at its peak."""

from __future__ import annotations

import gc
import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

THIS = Path("/proc/self")
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
    is_reset = reset_peak(THIS)
    return Baseline(resident_bytes=status_bytes(THIS, "VmRSS") or _peak_bytes(), is_reset=is_reset)


def reset_peak(process: Path) -> bool:
    """Set the peak of a process (its folder under `/proc`) to what it holds now; say whether the system allowed it."""
    with suppress(OSError):
        (process / "clear_refs").write_text(RESET_PEAK)
        return True
    return False


def status_bytes(process: Path, field: str) -> int | None:
    """Give `VmRSS` (resident) or `VmHWM` (its peak) of a process; None when the system does not say it."""
    with suppress(OSError):
        for line in (process / "status").read_text("ascii", "replace").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return None


def _peak_bytes() -> int:
    peak = status_bytes(THIS, "VmHWM")
    if peak is not None:
        return peak
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2) counts kilobytes, on macOS bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
