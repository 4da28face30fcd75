from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.bundle.paths import check_path, check_paths
from edgewright.vocabulary.errors import TrustError

PARTS = st.text(st.characters(codec="utf-8"), min_size=0, max_size=12)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    "path", ["content/manifest.json", "model.sig", "content/artifacts/tflite-fp16/modèle.tflite", "a/b/c", "a b/c-d_e"]
)
def test_plain_names_are_taken(path: str) -> None:
    check_path(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../x", "climbs"),
        ("content/../../x", "climbs"),
        ("/etc/passwd", "absolute"),
        ("content//x", "empty part"),
        ("content/", "empty part"),
        ("", "empty part"),
        (".", "dot"),
        ("content/./x", "dot"),
        ("content/.gitignore", "dot"),
        (".git/config", "dot"),
        ("content\\x", "specially"),
        ("C:x", "specially"),
        ("content/x\0y", "specially"),
        ("content/x\ny", "specially"),
        ("content/x\u202ey", "specially"),
        ("content/e\u0301", "composed"),
        ("content/x.", "ends with"),
        ("content/x ", "ends with"),
        ("content/NUL", "device"),
        ("content/com1.txt", "device"),
        ("content/\ud800", "Unicode"),
        ("content/" + "x" * 256, "255 bytes"),
        ("x/" * 600 + "x", "1024 bytes"),
    ],
)
def test_other_names_are_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(TrustError, match=reason):
        check_path(path)


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (["content/a", "content/A"], "one file"),
        (["content/straße", "content/STRASSE"], "one file"),
        (["content/a", "content/a"], "one file"),
        (["content/a", "content/a/b"], "the folder of"),
        (["content/a/b", "content/A"], "the folder of"),
        (["content/a/b", "content/A/c"], "one folder"),
    ],
)
def test_names_that_are_one_on_some_systems_are_refused(paths: list[str], reason: str) -> None:
    with pytest.raises(TrustError, match=reason):
        check_paths(paths)


@settings(deadline=None)
@given(PATHS)
def test_a_name_that_is_taken_stays_inside_on_every_system(path: str) -> None:
    try:
        check_path(path)
    except TrustError:
        return
    for pure in (PurePosixPath(path), PureWindowsPath(path)):
        assert not pure.is_absolute()
        assert not pure.drive
        assert ".." not in pure.parts
        assert list(pure.parts) == path.split("/")
    assert unicodedata.normalize("NFC", path) == path


@settings(deadline=None)
@given(st.lists(PATHS, max_size=6))
def test_names_that_are_taken_together_differ_in_any_case(paths: list[str]) -> None:
    try:
        check_paths(paths)
    except TrustError:
        return
    assert len({path.upper() for path in paths}) == len(paths)
    assert len({path.lower() for path in paths}) == len(paths)
