import numpy as np
import pytest

from edgewright.pipeline.peek import ArrayHead, peek
from edgewright.vocabulary.errors import DataError


def test_heads_are_read_without_the_data(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((3, 4), np.float32), y=np.arange(3))
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros((3, 4), np.float32), y=np.arange(3))
    for name in ("a.npz", "b.npz"):
        heads = peek(tmp_path / name)
        assert heads == {
            "x": ArrayHead(dtype="float32", kind="f", shape=(3, 4)),
            "y": ArrayHead(dtype="int64", kind="i", shape=(3,)),
        }
        assert str(heads["x"]) == "float32[3, 4]"


def test_a_number_is_no_rows(tmp_path):
    np.savez(tmp_path / "a.npz", scale=np.float32(2), x=np.zeros((1, 2)))
    assert list(peek(tmp_path / "a.npz")) == ["x"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz"):
        peek(tmp_path / "a.npz")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        peek(tmp_path / "a.npz")


def test_a_truncated_file_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((300, 4)))
    data = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(data[:1000])
    with pytest.raises(DataError, match="cannot be read as"):
        peek(tmp_path / "a.npz")
