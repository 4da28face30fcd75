"""What calibration found of each tensor, as a file that can be looked at, kept and given again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec

from ...vocabulary.errors import ConfigError
from ...vocabulary.versioned import check_schema_version, decode_versioned

SCHEMA_VERSION: Final = "1.0"


class TensorStatistics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values that one float tensor of the hub model took over all calibration rows.

    `counts[i]` values lie in `[bin_low + i · bin_width, bin_low + (i + 1) · bin_width)`. The channel statistics are of
    the slices along `channel_axis`, the axis that the tensor's consumers reduce over or that its producer gives
    channels in; they are empty where there is none. Memory is bounded: none of this grows with the number of rows.
    A tensor that was empty in every row has a `count` of 0, no bins, and 0 for `low` and `high`. `infinite` values more
    were infinite; a tensor that has some has no channel statistics.
    """

    low: float
    high: float
    count: int
    bin_low: float
    bin_width: float
    counts: tuple[int, ...]
    infinite: int = 0
    channel_axis: int | None = None
    channel_low: tuple[float, ...] = ()
    channel_high: tuple[float, ...] = ()
    channel_mean: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        if self.bin_width <= 0:
            raise ValueError(f"expected a bin_width above 0, got {self.bin_width}")
        if min(self.counts, default=0) < 0 or sum(self.counts) != self.count:
            raise ValueError(f"the bins do not hold {self.count} values")
        if self.infinite < 0:
            raise ValueError(f"expected an infinite of at least 0, got {self.infinite}")
        if not len(self.channel_low) == len(self.channel_high) == len(self.channel_mean):
            raise ValueError("channel_low, channel_high and channel_mean have different lengths")


class Ranges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The statistics of every float tensor that is computed in a hub model, by the tensor's name.

    `model` is the digest of the graph that was run (`compiler.graph_digest`), `rows` how many rows of calibration data
    it saw.
    """

    model: str
    rows: int
    tensors: dict[str, TensorStatistics]
    schema_version: str = SCHEMA_VERSION
    critical: tuple[str, ...] = ()
    """Dotted names of fields that a reader must know."""

    def __post_init__(self) -> None:
        check_schema_version(self.schema_version)

    def encode(self) -> bytes:
        """Give the JSON of `ranges.json`: sorted keys, a list on one line; equal ranges, equal bytes.

        Numbers are written so that reading gives the very same ones.

        Raises:
            ValueError: when they hold NaN or an infinity.
        """
        return (_lines(msgspec.to_builtins(self), "") + "\n").encode()

    @classmethod
    def decode(cls, data: bytes, where: str = "ranges.json") -> Ranges:
        """Read the JSON of `ranges.json`; `where` names the file in errors.

        Raises:
            ConfigError: when it is no such file, of a version that cannot be read here, or contradicts itself.
        """
        return decode_versioned(data, cls, SCHEMA_VERSION, where)

    @classmethod
    def load(cls, path: Path) -> Ranges:
        """Read a ranges file.

        Raises:
            ConfigError: when it cannot be read, or is no ranges file.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"{path}: the ranges cannot be read: {error.strerror}",
                hint="a build with calibration rows writes them as ranges.json beside its report",
            ) from error
        return cls.decode(data, path.name)

    def save(self, path: Path) -> None:
        """Write a ranges file.

        Raises:
            OSError: when it cannot be written.
        """
        path.write_bytes(self.encode())


def _lines(value: Any, indent: str) -> str:
    """Write a table over several lines, and anything else on one."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    inner = indent + "  "
    entries = (f"{inner}{json.dumps(key, ensure_ascii=False)}: {_lines(value[key], inner)}" for key in sorted(value))
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
