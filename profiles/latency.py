"""From raw samples to a profile."""

from __future__ import annotations

import numpy as np

from ..devices.base import Samples
from .report import Latency, Profile


def profile(samples: Samples) -> Profile:
    """Give the profile of one benchmark.

    Raises:
        ValueError: when there are no samples of the latency.
    """
    return Profile(
        load_ms=samples.load_ms,
        first_ms=samples.first_ms,
        latency_ms=latency(samples.latency_ms),
        peak_memory_bytes=samples.peak_memory_bytes,
        context=samples.context,
    )


def latency(samples_ms: tuple[float, ...]) -> Latency:
    """Give p50, p90 and p99 in milliseconds, interpolated linearly between the two nearest samples.

    Raises:
        ValueError: when there are no samples.
    """
    if not samples_ms:
        raise ValueError("no samples of the latency")
    p50, p90, p99 = np.percentile(np.asarray(samples_ms, np.float64), (50, 90, 99))
    return Latency(p50=float(p50), p90=float(p90), p99=float(p99), n=len(samples_ms))
