"""The ranges file: looked at, kept, given again, and refused with the reason when it is not what it says."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edgewright.compiler.quantize.ranges import Ranges, TensorStatistics
from edgewright.vocabulary.errors import ConfigError

STATISTICS = TensorStatistics(
    low=-0.1,
    high=1e-45,
    count=3,
    bin_low=-0.125,
    bin_width=0.0625,
    counts=(2, 0, 1),
    channel_axis=1,
    channel_low=(-0.1, 0.0),
    channel_high=(0.0, 1e-45),
    channel_mean=(1 / 3, 0.0),
)
RANGES = Ranges(model="abc", rows=50, tensors={"b": STATISTICS, "a/ä": msgspec.structs.replace(STATISTICS, low=-0.11)})


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    RANGES.save(tmp_path / "ranges.json")

    assert Ranges.load(tmp_path / "ranges.json") == RANGES


def test_keys_are_sorted_and_a_list_takes_one_line() -> None:
    assert RANGES.encode().decode().splitlines()[:12] == [
        "{",
        '  "critical": [],',
        '  "model": "abc",',
        '  "rows": 50,',
        '  "schema_version": "1.0",',
        '  "tensors": {',
        '    "a/ä": {',
        '      "bin_low": -0.125,',
        '      "bin_width": 0.0625,',
        '      "channel_axis": 1,',
        '      "channel_high": [0.0, 1e-45],',
        '      "channel_low": [-0.1, 0.0],',
    ]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"rows": 50', '"rows": "50"', "ranges.json: expected `int` in rows, got '50'"),
        ('"rows": 50', '"rowz": 50', "ranges.json: unknown key rowz"),
        ('"1.0"', '"2.0"', "ranges.json: expected schema version 1.0, got '2.0'"),
        ("[2, 0, 1]", "[2, 0, 2]", "ranges.json: tensors.b: the bins do not hold 3 values"),
        ("[2, 0, 1]", "[2, 0, 1.5]", "ranges.json: expected `int` in tensors.b.counts[2], got 1.5"),
        ('"low": -0.1', '"low": 0.5', "ranges.json: tensors.b: low 0.5 is above high 1e-45"),
        ('"bin_width": 0.0625', '"bin_width": 0', "ranges.json: tensors.b: expected a bin_width above 0, got 0.0"),
        ('"low": -0.1', '"low": NaN', "ranges.json: NaN is no JSON number"),
    ],
)
def test_an_error_says_where(before: str, after: str, message: str) -> None:
    text = Ranges(model="abc", rows=50, tensors={"b": STATISTICS}).encode().decode()
    assert before in text

    with pytest.raises(ConfigError) as refused:
        Ranges.decode(text.replace(before, after).encode())

    assert refused.value.message == message


def test_a_file_that_is_not_there_is_said_with_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: the ranges cannot be read: No such file") as refused:
        Ranges.load(tmp_path / "none.json")

    assert refused.value.hint == "a build with calibration rows writes them as ranges.json beside its report"
