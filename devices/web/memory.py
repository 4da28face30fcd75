"""What the processes that compute hold above what they held before the artifact was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..agent.memory import reset_peak, status_bytes

PROC = Path("/proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What each process held, by its folder under `/proc`, and whether the peaks of all were reset then."""

    resident_bytes: dict[Path, int]
    is_reset: bool

    def peak_above_bytes(self) -> int:
        """Give the sum of each process's peak less its baseline; a process that has ended meanwhile adds nothing."""
        peaks = {process: status_bytes(process, "VmHWM") or 0 for process in self.resident_bytes}
        return sum(max(peaks[process] - held, 0) for process, held in self.resident_bytes.items())


def take_baseline(pids: Sequence[int]) -> Baseline:
    """Reset the peaks of processes if the system allows it, and note what they hold.

    Raises:
        ValueError: when the system does not say what a process holds.
    """
    folders = [PROC / str(pid) for pid in pids]
    resets = [reset_peak(folder) for folder in folders]
    held = {folder: resident for folder in folders if (resident := status_bytes(folder, "VmRSS")) is not None}
    if not held:
        raise ValueError("this system does not say what memory another process holds; measure on Linux")
    return Baseline(resident_bytes=held, is_reset=all(resets))
