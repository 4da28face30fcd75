"""Parity is what the definitions say, whatever the pieces in which it is read."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgewright.profiles import parity
from edgewright.profiles.parity import compare, measure
from edgewright.profiles.report import TensorParity
from edgewright.vocabulary.codec import decode_json, encode_json
from edgewright.vocabulary.errors import ToolError
from edgewright.vocabulary.tensor_folder import TensorFolder

floats = st.floats(-1e6, 1e6, width=32)
pairs = st.integers(1, 40).flatmap(lambda rows: st.tuples(*2 * [hnp.arrays(np.float32, (rows, 3), elements=floats)]))


@given(pairs, st.integers(1, 50))
@settings(deadline=None)
def test_equals_the_definitions_in_any_pieces(pair, piece):
    reference, candidate = pair
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "CHUNK_ELEMENTS", piece)
        found = compare("y", reference, candidate)
    left, right = reference.astype(np.float64).ravel(), candidate.astype(np.float64).ravel()
    error = right - left
    assert found.max_abs == np.abs(error).max()
    assert found.reference_max_abs == np.abs(left).max()
    assert found.equal_fraction == np.mean(left == right)
    if found.cosine is not None:
        lengths = np.linalg.norm(left) * np.linalg.norm(right)
        assert found.cosine == pytest.approx(left @ right / lengths, abs=1e-9)
    if found.psnr_db is not None:
        expected = 20 * math.log10(np.abs(left).max() / np.sqrt(np.mean(error**2)))
        assert found.psnr_db == pytest.approx(expected, abs=1e-6)
        assert found.snr_db == pytest.approx(10 * math.log10(np.sum(left**2) / np.sum(error**2)), abs=1e-6)


@given(hnp.arrays(np.float32, (4, 5), elements=st.floats(width=32)))
@settings(deadline=None)
def test_what_is_equal_is_equal_whatever_it_holds(values):
    found = compare("y", values, values.copy())
    assert found.max_abs == 0.0
    assert found.equal_fraction == 1.0
    assert found.nonfinite == 0
    assert found.psnr_db is None
    assert found.snr_db is None


@given(
    hnp.arrays(np.float32, (2, 3), elements=st.floats(width=32)),
    hnp.arrays(np.float32, (2, 3), elements=st.floats(width=32)),
)
@settings(deadline=None)
def test_every_figure_can_be_written_as_json(reference, candidate):
    found = compare("y", reference, candidate)
    assert decode_json(encode_json(found), TensorParity, "parity.json") == found


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("swapped", [False, True])
def test_what_is_not_finite_in_one_alone_leaves_no_figure(bad, swapped):
    good, broken = np.float32([[1.0, 2.0]]), np.float32([[1.0, bad]])
    found = compare("y", broken, good) if swapped else compare("y", good, broken)
    assert found.nonfinite == 1
    assert (found.max_abs, found.cosine, found.psnr_db, found.snr_db) == (None, None, None, None)
    assert found.equal_fraction == 0.5


def test_infinities_of_other_signs_differ():
    assert compare("y", np.float32([np.inf]), np.float32([-np.inf])).nonfinite == 1


def test_a_cosine_with_zeros_is_undefined():
    assert compare("y", np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)).cosine is None


def test_integers_are_compared_by_value_whatever_their_width():
    found = compare("ids", np.int64([[1, 2, 3, 4]]), np.int32([[1, 2, 3, 5]]))
    assert (found.equal_fraction, found.max_abs, found.dtype) == (0.75, 1.0, "int64")


def test_booleans_are_compared():
    found = compare("mask", np.array([True, False]), np.array([True, True]))
    assert (found.equal_fraction, found.max_abs) == (0.5, 1.0)


def test_large_integers_that_float64_would_confuse_are_not_equal():
    found = compare("ids", np.int64([2**53]), np.int64([2**53 + 1]))
    assert found.equal_fraction == 0.0


def test_every_output_is_measured_over_all_rows(tmp_path):
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    reference = TensorFolder.write(tmp_path / "reference", {"a": rows, "b": rows})
    candidate = TensorFolder.write(tmp_path / "candidate", {"b": rows + 1, "a": rows})
    found = measure(reference, candidate, inputs="drawn")
    assert {name: output.max_abs for name, output in found.outputs.items()} == {"a": 0.0, "b": 1.0}
    assert (found.rows, found.inputs) == (3, "drawn")
    assert {name: output.worst_row for name, output in found.outputs.items()} == {"a": None, "b": 0}


@pytest.mark.parametrize("piece", [1, 4, 100])
@pytest.mark.parametrize(
    ("changed", "worst"),
    [
        ({(3, 1): 2.0}, 3),
        ({(1, 0): -3.0, (3, 1): 2.0}, 1),
        ({(2, 2): np.nan, (4, 0): np.inf, (0, 0): 100.0}, 2),
    ],
)
def test_the_row_of_the_largest_difference_is_told(tmp_path, monkeypatch, piece, changed, worst):
    """What is not finite is further off than any number."""
    monkeypatch.setattr(parity, "CHUNK_ELEMENTS", piece)
    rows = np.zeros((5, 3), np.float32)
    reference = TensorFolder.write(tmp_path / "reference", {"y": rows})
    for place, value in changed.items():
        rows[place] = value
    found = measure(reference, TensorFolder.write(tmp_path / "candidate", {"y": rows}), inputs="drawn")
    assert found.outputs["y"].worst_row == worst


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"z": np.zeros((3, 2))}, r"the artifact gives the outputs \['z'\], the original \['y'\]"),
        ({"y": np.zeros((3, 4))}, r"output 'y': the artifact gives the shape \[3, 4\], the original \[3, 2\]"),
        ({"y": np.zeros((3, 2), "U4")}, "output 'y': values of <U4 cannot be compared as numbers"),
    ],
)
def test_outputs_that_cannot_be_compared_are_refused(tmp_path, outputs, message):
    reference = TensorFolder.write(tmp_path / "reference", {"y": np.zeros((3, 2))})
    with pytest.raises(ToolError, match=message):
        measure(reference, TensorFolder.write(tmp_path / "candidate", outputs), inputs="drawn")


def test_no_rows_are_refused():
    with tempfile.TemporaryDirectory() as folder:
        nothing = TensorFolder.write(Path(folder) / "nothing", {"y": np.zeros((0, 2))})
        with pytest.raises(ToolError, match="there are no outputs to compare"):
            measure(nothing, nothing, inputs="drawn")
