"""Figures as people read them: three digits and a unit."""

from __future__ import annotations

from collections.abc import Sequence


def in_bytes(size_bytes: int) -> str:
    """Give a size: `912 B`, `127 kB`, `2.04 MB`; powers of 1000."""
    return _scaled(size_bytes, ("B", "kB", "MB", "GB", "TB"))


def in_count(count: int) -> str:
    """Give a count: `912`, `1.83 k`, `12.5 M`."""
    return _scaled(count, ("", "k", "M", "G", "T")).rstrip()


def in_ms(milliseconds: float) -> str:
    """Give a duration: `0.412 ms`, `23.1 ms`, `1204 ms`."""
    return f"{milliseconds:.{3 if milliseconds < 10 else 1 if milliseconds < 100 else 0}f} ms"


def _scaled(value: int, units: Sequence[str]) -> str:
    scaled, place = float(value), 0
    while scaled >= 999.5 and place < len(units) - 1:
        scaled, place = scaled / 1000, place + 1
    digits = 0 if place == 0 or scaled >= 99.95 else 1 if scaled >= 9.995 else 2
    return f"{scaled:.{digits}f} {units[place]}"
