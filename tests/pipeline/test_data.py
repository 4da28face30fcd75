import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.pipeline.config import Selection
from edgewright.pipeline.data import load_rows
from edgewright.pipeline.npz import open_npz
from edgewright.vocabulary.errors import DataError
from edgewright.vocabulary.signature import Signature, TensorSpec
from edgewright.vocabulary.tensor_folder import TensorFolder

IMAGE = TensorSpec(name="image", dtype="float32", shape=("batch", 2, 3))
IDS = TensorSpec(name="ids", dtype="int64", shape=("batch",))


def signature(*inputs: TensorSpec) -> Signature:
    return Signature(inputs=inputs, outputs=())


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_selected_rows_are_copied_with_their_labels(tmp_path: Path, save) -> None:
    images, ids = np.arange(60, dtype=np.float32).reshape(10, 2, 3), np.arange(10)
    save(tmp_path / "a.npz", image=images, ids=ids, label=np.array(list("abcdefghij")))
    selection = Selection(file="a.npz", rows="3:7", labels="label")
    rows = load_rows(selection, tmp_path, signature(IMAGE, IDS), tmp_path / "out")
    assert np.array_equal(rows["image"], images[3:7])
    assert rows["ids"].tolist() == [3, 4, 5, 6]
    assert TensorFolder(tmp_path / "out" / "labels")["labels"].tolist() == ["d", "e", "f", "g"]


@settings(deadline=None, max_examples=50)
@given(start=st.integers(0, 9), count=st.integers(1, 10), size=st.integers(1, 12), order=st.sampled_from("CF"))
def test_blocks_are_the_rows_in_order(
    tmp_path_factory: pytest.TempPathFactory, start: int, count: int, size: int, order: str
) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    array = np.asarray(np.random.default_rng(0).integers(0, 99, (20, 3, 2)), order=order)
    np.savez(path, x=array)
    blocks = list(open_npz(path)["x"].blocks(start, start + count, size))
    assert all(len(block) <= size for block in blocks)
    assert np.array_equal(np.concatenate(blocks), array[start : start + count])


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    for count in (1_000, 20_000):
        np.savez(tmp_path / "a.npz", image=np.ones((count, 2, 1000), np.float32))
        spec = TensorSpec(name="image", dtype="float32", shape=("batch", 2, 1000))
        tracemalloc.start()
        load_rows(Selection(file="a.npz"), tmp_path, signature(spec), tmp_path / f"out{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 8 MB of data in the one case, 160 MB in the other; a block is 32 MiB, and a few copies of it live at a time
    assert peaks[1] < 160e6 * 0.8


def test_damage_behind_the_selected_rows_is_seen(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.ones((100, 2, 3), np.float32))
    data = bytearray((tmp_path / "a.npz").read_bytes())
    at = data.rindex(np.float32(1).tobytes() * 4)
    data[at] ^= 1
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(DataError, match=r"a\.npz: cannot be read as \.npz: Bad CRC-32"):
        load_rows(Selection(file="a.npz", rows="0:3"), tmp_path, signature(IMAGE), tmp_path / "out")


def test_python_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.array([{}, []], object))
    with pytest.raises(DataError, match="Python objects, which could run code"):
        open_npz(tmp_path / "a.npz")


def test_an_array_of_another_name_must_be_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 2, 3), np.float32), y=np.zeros(4))
    with pytest.raises(DataError, match="no array for input 'image'; it holds x, y") as caught:
        load_rows(Selection(file="a.npz"), tmp_path, signature(IMAGE), tmp_path / "out")
    assert caught.value.hint == 'name the array: inputs = { image = "ARRAY" }'
    selection = Selection(file="a.npz", inputs={"image": "x"})
    assert load_rows(selection, tmp_path, signature(IMAGE), tmp_path / "out").row_count == 4


def test_a_loader_function_gives_the_rows(tmp_path: Path) -> None:
    (tmp_path / "helper_of_loader.py").write_text("COUNT = 5\n")
    (tmp_path / "loader_here.py").write_text(
        "import numpy as np\nfrom helper_of_loader import COUNT\n"
        "def rows():\n    return {'image': np.ones((COUNT, 2, 3), np.float32)}\n"
    )
    selection = Selection(function="loader_here.py:rows", rows="1:4")
    assert load_rows(selection, tmp_path, signature(IMAGE), tmp_path / "out").row_count == 3
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def rows():\n    return 1 / 0\n", "loader_bad.py:rows: ZeroDivisionError: division by zero"),
        ("import nowhere_at_all\n", "loader_bad.py:rows: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("ROWS = 1\n", "loader_bad.py:rows: the module has no function 'rows'"),
    ],
)
def test_a_loader_that_fails_is_a_fault_of_the_data(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "loader_bad.py").write_text(code)
    with pytest.raises(DataError) as caught:
        load_rows(Selection(function="loader_bad.py:rows"), tmp_path, signature(IMAGE), tmp_path / "out")
    assert caught.value.message == message


def test_inputs_of_different_lengths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.zeros((4, 2, 3), np.float32), ids=np.arange(5))
    with pytest.raises(DataError, match="different numbers of rows"):
        load_rows(Selection(file="a.npz"), tmp_path, signature(IMAGE, IDS), tmp_path / "out")
