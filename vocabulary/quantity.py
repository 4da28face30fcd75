"""Numbers with units, as people write them in gates: "20 ms", "2 MB", "1.0 pp"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Dimension(StrEnum):
    """What is measured; quantities compare within one dimension only."""

    TIME = "time"
    SIZE = "size"
    SHARE = "share"
    LEVEL = "level"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A finite value in a unit.

    Decimal prefixes are powers of 1000 (MB), binary ones of 1024 (MiB). `pp` is percentage points, `abs` a plain
    difference or ratio in the unit of the tensor itself.
    """

    value: float
    unit: str

    UNITS: ClassVar[dict[str, tuple[Dimension, float]]] = {
        "ns": (Dimension.TIME, 1e-6),
        "us": (Dimension.TIME, 1e-3),
        "µs": (Dimension.TIME, 1e-3),
        "ms": (Dimension.TIME, 1.0),
        "s": (Dimension.TIME, 1e3),
        "min": (Dimension.TIME, 6e4),
        "h": (Dimension.TIME, 3.6e6),
        "B": (Dimension.SIZE, 1.0),
        "kB": (Dimension.SIZE, 1e3),
        "KB": (Dimension.SIZE, 1e3),
        "MB": (Dimension.SIZE, 1e6),
        "GB": (Dimension.SIZE, 1e9),
        "KiB": (Dimension.SIZE, 2.0**10),
        "MiB": (Dimension.SIZE, 2.0**20),
        "GiB": (Dimension.SIZE, 2.0**30),
        "pp": (Dimension.SHARE, 1.0),
        "%": (Dimension.SHARE, 1.0),
        "dB": (Dimension.LEVEL, 1.0),
        "abs": (Dimension.PLAIN, 1.0),
    }
    """Unit → its dimension and its size in the base unit (ms, B, pp, dB, abs)."""

    _FORM: ClassVar[re.Pattern[str]] = re.compile(
        r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*([A-Za-zµ%]+)"
    )

    def __post_init__(self) -> None:
        if self.unit not in self.UNITS:
            raise ValueError(f"unknown unit {self.unit!r}")
        if not math.isfinite(self.value):
            raise ValueError("the value is not finite")

    @classmethod
    def parse(cls, text: str, dimension: Dimension) -> Quantity:
        """Read `"20 ms"`; the space is optional.

        Raises:
            ValueError: when the text is no number with a unit, or the unit does not measure `dimension`. The message
                completes the sentence "expected …".
        """
        units = [unit for unit, (measures, _) in cls.UNITS.items() if measures is dimension]
        form = cls._FORM.fullmatch(text.strip())
        if form is None or form[2] not in units:
            raise ValueError(f"a number with a unit of {dimension} ({', '.join(units)})")
        if not math.isfinite(float(form[1])):
            raise ValueError(f"a finite number with a unit of {dimension}")
        return cls(float(form[1]), form[2])

    @property
    def dimension(self) -> Dimension:
        """What this quantity measures."""
        return self.UNITS[self.unit][0]

    @property
    def base(self) -> float:
        """The value in the dimension's base unit: ms, B, pp, dB, abs."""
        return self.value * self.UNITS[self.unit][1]

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"
