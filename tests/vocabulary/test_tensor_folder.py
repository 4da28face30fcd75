from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from edgewright.vocabulary.tensor_folder import TensorFolder, TensorFolderWriter

NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
DTYPES = st.sampled_from(["float16", "float32", "float64", "int8", "int64", "uint8", "bool", "<U3"])
ARRAYS = DTYPES.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)


@settings(deadline=None)
@given(arrays=st.dictionaries(NAMES, ARRAYS, max_size=3))
def test_arrays_of_any_name_come_back(
    tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, NDArray[np.generic]]
) -> None:
    folder = TensorFolder.write(tmp_path_factory.mktemp("any") / "folder", arrays)

    assert list(folder) == list(arrays)
    assert len(folder) == len(arrays)
    for name, array in arrays.items():
        assert folder[name].dtype == array.dtype
        assert folder[name].shape == array.shape
        assert folder[name].tobytes() == array.tobytes()


@settings(deadline=None)
@given(data=st.data(), rows=st.integers(1, 7))
def test_written_in_pieces_it_is_the_same_folder(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, rows: int
) -> None:
    here = tmp_path_factory.mktemp("pieces")
    arrays = {"x": data.draw(hnp.arrays("float32", (rows, 2))), "ids": data.draw(hnp.arrays("int64", (rows,)))}
    whole = TensorFolder.write(here / "whole", arrays)

    writer, start = TensorFolderWriter(here / "pieces", rows), 0
    while start < rows:
        stop = data.draw(st.integers(start + 1, rows))
        writer.put(start, {name: array[start:stop] for name, array in arrays.items()})
        start = stop
    pieces = writer.close()

    assert {path.name: path.read_bytes() for path in whole.path.iterdir()} == {
        path.name: path.read_bytes() for path in pieces.path.iterdir()
    }


def test_equal_arrays_give_equal_bytes_however_they_lie_in_memory(tmp_path: Path) -> None:
    array = np.arange(6, dtype="float32").reshape(2, 3)

    TensorFolder.write(tmp_path / "c", {"x": array})
    TensorFolder.write(tmp_path / "f", {"x": np.asfortranarray(array)})

    assert (tmp_path / "c" / "0.npy").read_bytes() == (tmp_path / "f" / "0.npy").read_bytes()


def test_names_stand_in_the_index_alone(tmp_path: Path) -> None:
    folder = TensorFolder.write(tmp_path / "folder", {"../a/b": np.zeros(1), "": np.ones(1)})

    assert sorted(path.name for path in folder.path.iterdir()) == ["0.npy", "1.npy", "index.json"]
    assert json.loads((folder.path / "index.json").read_text()) == {"names": ["../a/b", ""]}


def test_rows_are_copied_out(tmp_path: Path) -> None:
    folder = TensorFolder.write(tmp_path / "folder", {"x": np.arange(5), "y": np.arange(10).reshape(5, 2)})

    rows = folder.rows(1, 3)

    assert folder.row_count == 5
    assert rows["x"].tolist() == [1, 2]
    assert rows["y"].tolist() == [[2, 3], [4, 5]]
    rows["x"][0] = 99
    assert folder["x"][1] == 1


def test_an_unknown_name_is_a_key_error(tmp_path: Path) -> None:
    folder = TensorFolder.write(tmp_path / "folder", {"x": np.zeros(1)})

    with pytest.raises(KeyError, match="y"):
        folder["y"]
    assert "y" not in folder


def test_an_empty_folder_has_no_rows(tmp_path: Path) -> None:
    assert TensorFolder.write(tmp_path / "folder", {}).row_count == 0


def test_a_folder_is_never_overwritten(tmp_path: Path) -> None:
    TensorFolder.write(tmp_path / "folder", {"x": np.zeros(1)})

    with pytest.raises(FileExistsError):
        TensorFolder.write(tmp_path / "folder", {"x": np.ones(1)})
    with pytest.raises(FileExistsError):
        TensorFolderWriter(tmp_path / "folder", 1)


def test_a_folder_that_was_not_finished_is_not_opened(tmp_path: Path) -> None:
    TensorFolderWriter(tmp_path / "folder", 2).put(0, {"x": np.zeros((1, 2))})

    with pytest.raises(FileNotFoundError):
        TensorFolder(tmp_path / "folder")


def test_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle=False"):
        TensorFolder.write(tmp_path / "folder", {"x": np.array([object()])})


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        ({"y": np.zeros((1, 2), "float32")}, "expected the tensors"),
        ({"x": np.zeros((1, 2), "float64")}, "expected rows of float32"),
        ({"x": np.zeros((1, 3), "float32")}, r"expected rows of float32\[2\], got float32\[3\]"),
        ({"x": np.zeros((2, 2), "float32")}, "rows up to 3, but there are 2"),
    ],
)
def test_a_piece_that_does_not_fit_the_first_is_refused(
    tmp_path: Path, piece: dict[str, NDArray[np.generic]], reason: str
) -> None:
    writer = TensorFolderWriter(tmp_path / "folder", 2)
    writer.put(0, {"x": np.zeros((1, 2), "float32")})

    with pytest.raises(ValueError, match=reason):
        writer.put(1, piece)
