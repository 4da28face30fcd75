from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.vocabulary.digest import Plain, canonical_json, digest_bytes, digest_file, digest_value

TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


def test_digests_are_sha256_in_lower_case() -> None:
    assert digest_bytes(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@settings(deadline=None)
@given(st.binary(max_size=3000))
def test_a_file_has_the_digest_of_its_bytes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("file") / "data"
    path.write_bytes(data)

    assert digest_file(path) == digest_bytes(data) == hashlib.sha256(data).hexdigest()


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "none")


@settings(deadline=None)
@given(PLAIN)
def test_canonical_json_says_the_value_and_only_it(value: Plain) -> None:
    data = canonical_json(value)

    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data


@settings(deadline=None)
@given(st.dictionaries(TEXTS, st.integers(), min_size=2, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    backwards = dict(reversed(value.items()))

    assert digest_value(value) == digest_value(backwards)


@pytest.mark.parametrize(("first", "second"), [(1, 1.0), (1, True), ("1", 1), ([], {}), (None, 0), ([1, 2], [2, 1])])
def test_different_values_have_different_digests(first: Plain, second: Plain) -> None:
    assert digest_value(first) != digest_value(second)


def test_tuples_are_lists() -> None:
    assert digest_value((1, "a")) == digest_value([1, "a"])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"a": -float("inf")}]])
def test_what_json_cannot_say_has_no_digest(value: Plain) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        digest_value(value)
