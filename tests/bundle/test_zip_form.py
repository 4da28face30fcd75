from __future__ import annotations

import io
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.bundle import zip_form
from edgewright.bundle.paths import check_paths
from edgewright.bundle.zip_form import ZipTree, open_zip, write_zip
from edgewright.vocabulary.errors import TrustError

PART = st.text("abAB-é模", min_size=1, max_size=5)
FILES = st.dictionaries(st.lists(PART, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), max_size=5)


def pack(files: dict[str, bytes], folder: Path) -> bytes:
    places = {}
    for number, (path, content) in enumerate(files.items()):
        places[path] = folder / str(number)
        places[path].write_bytes(content)
    out = io.BytesIO()
    write_zip(places, out)
    return out.getvalue()


def tree_of(data: bytes) -> ZipTree:
    return ZipTree(lambda: io.BytesIO(data))


@settings(deadline=None)
@given(FILES)
def test_what_was_packed_is_read_again_by_us_and_by_python(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    try:
        check_paths(files)
    except TrustError:
        return
    data = pack(files, tmp_path_factory.mktemp("files"))

    tree = tree_of(data)
    assert {path: tree.read(path) for path in tree.paths} == files
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_equal_files_give_equal_bytes_whenever_and_however_they_were_written(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = pack({"x": b"1", "y/z": b"2"}, tmp_path / "a")
    second = pack({"y/z": b"2", "x": b"1"}, tmp_path / "b")

    assert first == second


def test_entries_are_plain_stored_files_of_1980(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(pack({"x": b"1"}, tmp_path))) as archive:
        (entry,) = archive.infolist()

    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert entry.compress_type == zipfile.ZIP_STORED
    assert entry.external_attr >> 16 == stat.S_IFREG | 0o644
    assert entry.create_system == 3


def test_the_zip_of_a_bundle_unpacks_with_the_usual_tool_to_the_same_folder(signed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(signed.with_name("bundle.zip")) as archive:
        archive.extractall(tmp_path / "unpacked")
    finished = subprocess.run(
        ["diff", "-r", str(signed), str(tmp_path / "unpacked")], capture_output=True, text=True, check=False
    )

    assert (finished.returncode, finished.stdout) == (0, "")


def test_a_zip_of_the_same_files_by_another_writer_is_refused(signed: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        for path in sorted(item for item in signed.rglob("*") if item.is_file()):
            archive.write(path, path.relative_to(signed).as_posix())

    with pytest.raises(TrustError, match="do not belong together"):
        open_zip(tmp_path / "other.zip")


def foreign(entries: list[tuple[str, bytes]], change: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    """A zip by Python's writer, dressed as ours where it can be."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries:
            info = zipfile.ZipInfo("placeholder")
            info.filename, info.external_attr, info.create_system = name, 0o100644 << 16, 3
            if change is not None:
                change(info)
            archive.writestr(info, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["../x", "content/../../x", "/x", "content\\x", ".git/config", "content/x\0y", "content/"]
)
def test_a_zip_with_a_name_that_leaves_the_bundle_is_refused(name: str) -> None:
    with pytest.raises(TrustError, match="no bundle holds such a file"):
        tree_of(foreign([(name, b"x")]))


def test_a_zip_with_a_name_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = foreign([("x", b"1"), ("x", b"2")])

    with pytest.raises(TrustError):
        tree_of(data)


def test_a_name_twice_is_refused_in_our_own_form(tmp_path: Path) -> None:
    data = pack({"x": b"1", "y": b"1"}, tmp_path)

    with pytest.raises(TrustError, match="stands in it twice"):
        tree_of(data.replace(b"y", b"x"))


def test_files_out_of_order_are_refused(tmp_path: Path) -> None:
    data = pack({"x": b"1", "y": b"1"}, tmp_path).replace(b"x", b"z")

    with pytest.raises(TrustError, match="not in order"):
        tree_of(data)


def test_a_symbolic_link_in_a_zip_is_refused() -> None:
    def link(info: zipfile.ZipInfo) -> None:
        info.external_attr = (stat.S_IFLNK | 0o777) << 16

    with pytest.raises(TrustError):
        tree_of(foreign([("x", b"/etc/passwd")], link))


def test_a_zip_bomb_is_refused_without_unpacking_it() -> None:
    def deflate(info: zipfile.ZipInfo) -> None:
        info.compress_type = zipfile.ZIP_DEFLATED

    bomb = foreign([("x", bytes(50_000_000))], deflate)
    assert len(bomb) < 100_000

    with pytest.raises(TrustError):
        tree_of(bomb)


def test_a_stated_size_beyond_the_file_is_refused(tmp_path: Path) -> None:
    data = bytearray(pack({"x": b"1"}, tmp_path))
    data[18:26] = b"\xff\xff\xff\x7f" * 2

    with pytest.raises(TrustError, match="cut short"):
        tree_of(bytes(data))


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_form, "MAX_FILES", 2)

    with pytest.raises(TrustError, match="more than 2 files"):
        tree_of(pack({"a": b"", "b": b"", "c": b""}, tmp_path))


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", bytes(1000)])
def test_what_is_no_zip_is_refused(data: bytes) -> None:
    with pytest.raises(TrustError, match="no bundle"):
        tree_of(data)


def test_sizes_that_need_zip64_are_read_by_python_and_by_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the bounds at 100 bytes and 2 files, a small zip has every field that one over 4 GiB has."""
    monkeypatch.setattr(zip_form, "ZIP64_SIZE", 100)
    monkeypatch.setattr(zip_form, "ZIP64_COUNT", 2)
    files = {"large": bytes(range(150)), "small": b"x", "tiny": b""}

    data = pack(files, tmp_path)

    tree = tree_of(data)
    assert {path: tree.read(path) for path in tree.paths} == files
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert archive.getinfo("large").extract_version == 45
