from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.vocabulary.codec import convert, decode_json, encode_json, has_field, keep_known, parse_json
from edgewright.vocabulary.errors import ConfigError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    count: int
    share: float = 0.0
    colour: Colour | None = None


class Circle(msgspec.Struct, frozen=True, kw_only=True, tag="circle"):
    radius: float


class Square(msgspec.Struct, frozen=True, kw_only=True, tag="square"):
    side: float


class Tree(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = msgspec.field(default_factory=dict)
    shape: tuple[int | str, ...] = ()
    range: tuple[float, float] | None = None
    maybe: Leaf | None = None
    either: str | Leaf = ""
    figure: Circle | Square | None = None
    renamed: int = msgspec.field(name="re-named", default=0)

    def __post_init__(self) -> None:
        if self.name == "forbidden":
            raise ValueError("such a name cannot be meant")


LEAVES = st.builds(
    Leaf,
    count=st.integers(-(2**63), 2**64 - 1),
    share=st.floats(allow_nan=False, allow_infinity=False),
    colour=st.none() | st.sampled_from(Colour),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
TREES = st.builds(
    Tree,
    name=TEXTS.filter(lambda name: name != "forbidden"),
    leaf=LEAVES,
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    by_name=st.dictionaries(TEXTS, LEAVES, max_size=3),
    shape=st.lists(st.integers(0, 9) | TEXTS, max_size=3).map(tuple),
    range=st.none() | st.tuples(st.floats(-1, 0), st.floats(0, 1)),
    maybe=st.none() | LEAVES,
    either=TEXTS | LEAVES,
    figure=st.none() | st.builds(Circle, radius=st.floats(0, 1)) | st.builds(Square, side=st.floats(0, 1)),
    renamed=st.integers(0, 9),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def tree(**fields: Any) -> dict[str, Any]:
    return {"name": "oak", "leaf": {"count": 1}, **fields}


def refused(read: Callable[[], object]) -> str | None:
    """The message with which something is refused, None when it is taken."""
    try:
        read()
    except ConfigError as error:
        return error.message
    return None


@settings(deadline=None)
@given(TREES)
def test_what_was_written_is_read_again(value: Tree) -> None:
    data = encode_json(value)

    assert decode_json(data, Tree, "tree.json") == value
    assert encode_json(decode_json(data, Tree, "tree.json")) == data


@settings(deadline=None)
@given(JSON)
def test_any_json_is_taken_or_refused_with_the_files_name(value: object) -> None:
    refusal = refused(lambda: decode_json(json.dumps(value).encode(), Tree, "tree.json"))

    assert refusal is None or refusal.startswith("tree.json: ")


@settings(deadline=None)
@given(st.binary(max_size=30))
def test_any_bytes_are_taken_or_refused_with_the_files_name(data: bytes) -> None:
    refusal = refused(lambda: parse_json(data, "tree.json"))

    assert refusal is None or refusal.startswith("tree.json: ")


@settings(deadline=None)
@given(JSON)
def test_json_is_parsed_as_python_parses_it(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), "x") == value


@settings(deadline=None)
@given(TREES, st.randoms())
def test_the_order_of_keys_does_not_matter(value: Tree, random: Any) -> None:
    def shuffled(item: Any) -> Any:
        if isinstance(item, dict):
            keys = list(item)
            random.shuffle(keys)
            return {key: shuffled(item[key]) for key in keys}
        return [shuffled(entry) for entry in item] if isinstance(item, list) else item

    again = json.dumps(shuffled(json.loads(encode_json(value)))).encode()
    assert encode_json(decode_json(again, Tree, "x")) == encode_json(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"b": {"a": 1, "c": 0, "a": 1}}', "the key 'a' stands twice"),
        ('{"a": 1, "\\u0061": 2}', "the key 'a' stands twice"),
        ("NaN", "NaN is no JSON number"),
        ("[-Infinity]", "-Infinity is no JSON number"),
        ("1e999", "1e999 is beyond"),
        ('"\\ud800"', "not JSON"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("1 2", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5000, "not JSON"),
    ],
)
def test_what_is_no_plain_json_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_json(text.encode(), "x.json")


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ConfigError, match="not JSON"):
        parse_json(b'"\xff"', "x.json")


def test_a_whole_surrogate_pair_is_text() -> None:
    assert parse_json(b'"\\ud83d\\ude00"', "x.json") == "😀"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (tree(nam="x"), "t.toml: unknown key nam"),
        (tree(leaf={"count": 1, "cuont": 2}), "t.toml: unknown key leaf.cuont"),
        (tree(leaves=[{"count": 1}, {"count": 1, "x": 1}]), "t.toml: unknown key leaves[1].x"),
        (tree(by_name={"a.b": {"count": 1, "x": 1}}), "t.toml: unknown key by_name.a.b.x"),
        (tree(renamed=1), "t.toml: unknown key renamed"),
        ({"name": "oak"}, "t.toml: leaf is missing"),
        (tree(by_name={"k": {}}), "t.toml: by_name.k.count is missing"),
        (tree(name=5), "t.toml: expected `str` in name, got 5"),
        (tree(leaf=5), "t.toml: expected a table in leaf, got 5"),
        (tree(leaf={"count": "8"}), "t.toml: expected `int` in leaf.count, got '8'"),
        (tree(leaf={"count": True}), "t.toml: expected `int` in leaf.count, got True"),
        (tree(leaf={"count": 1.5}), "t.toml: expected `int` in leaf.count, got 1.5"),
        (tree(by_name={"k": {"count": None}}), "t.toml: expected `int` in by_name.k.count, got None"),
        (tree(leaves={}), "t.toml: expected a list in leaves, got {}"),
        (tree(leaves=[1]), "t.toml: expected a table in leaves[0], got 1"),
        (tree(by_name=[]), "t.toml: expected a table in by_name, got []"),
        (tree(shape=[1, 2.5]), "t.toml: expected `int` or `str` in shape[1], got 2.5"),
        (tree(maybe=3), "t.toml: expected a table in maybe, got 3"),
        (tree(figure={"type": "blob"}), "t.toml: expected `Circle` or `Square` in figure, got {'type': 'blob'}"),
        (tree(name="forbidden"), "t.toml: the top level: such a name cannot be meant"),
        ([], "t.toml: expected a table in the top level, got []"),
    ],
)
def test_an_error_says_where_what_was_expected_and_what_stood_there(value: object, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        convert(value, Tree, "t.toml")

    assert error.value.message == message


def test_an_unknown_value_of_an_enumeration_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"in leaf\.colour, got 'green'"):
        convert(tree(leaf={"count": 1, "colour": "green"}), Tree, "t.toml")


def test_a_misspelt_key_is_answered_with_the_one_meant() -> None:
    with pytest.raises(ConfigError) as error:
        convert(tree(leafs=[]), Tree, "t.toml")

    assert error.value.hint == "did you mean 'leaf'?"


def test_a_key_like_no_other_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as error:
        convert({"leaf": {"count": 1, "zzz": 1}, "name": ""}, Tree, "t.toml")

    assert error.value.hint == "known keys here: colour, count, share"


def test_a_union_of_tagged_structs_is_told_by_its_tag() -> None:
    assert convert(tree(figure={"type": "square", "side": 2}), Tree, "x").figure == Square(side=2.0)


def test_a_wrong_tag_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected `circle` in type, got 'square'"):
        convert({"type": "square", "radius": 1.0}, Circle, "x")


def test_an_integer_is_taken_for_a_float_but_none_too_large() -> None:
    assert convert({"count": 1, "share": 2}, Leaf, "x").share == 2.0
    with pytest.raises(ConfigError, match="in share"):
        convert({"count": 1, "share": 10**400}, Leaf, "x")


def test_mappings_of_any_kind_are_read() -> None:
    assert convert({"a": 1}, Mapping[str, int], "x") == {"a": 1}  # type: ignore[type-abstract]  # any mapping will do


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_not_written(value: float) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        encode_json({"a": [value]})


def test_json_is_written_with_sorted_keys_and_a_last_newline() -> None:
    assert encode_json(Leaf(count=1)) == b'{\n  "colour": null,\n  "count": 1,\n  "share": 0.0\n}\n'


def test_paths_are_written_as_text() -> None:
    assert encode_json({"at": PurePosixPath("a/b")}) == b'{\n  "at": "a/b"\n}\n'


@settings(deadline=None)
@given(TREES)
def test_what_is_known_is_kept_as_it_is(value: Tree) -> None:
    plain = json.loads(encode_json(value))

    assert keep_known(plain, Tree) == (plain, ())


def test_what_is_not_known_is_left_out_wherever_it_stands() -> None:
    value = tree(
        new=1,
        leaf={"count": 1, "new": 2},
        leaves=[{"count": 1}, {"count": 2, "new": {"deep": 1}}],
        by_name={"k": {"count": 1, "new": 1}},
        maybe={"count": 1, "new": 1},
    )

    kept, ignored = keep_known(value, Tree)

    assert ignored == ("new", "leaf.new", "leaves.new", "by_name.*.new", "maybe.new")
    assert convert(kept, Tree, "x").by_name == {"k": Leaf(count=1)}


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("name", True),
        ("leaf.count", True),
        ("leaves.share", True),
        ("by_name.*.count", True),
        ("maybe.colour", True),
        ("re-named", True),
        ("figure.side", True),
        ("renamed", False),
        ("new", False),
        ("leaf.new", False),
        ("by_name.k.count", False),
        ("name.x", False),
        ("", False),
    ],
)
def test_a_path_names_a_field_or_not(path: str, known: bool) -> None:
    assert has_field(Tree, path) is known
