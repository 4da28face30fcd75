from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from edgewright.vocabulary import tables
from edgewright.vocabulary.errors import RequestError
from edgewright.vocabulary.tables import Table, load_object


@pytest.fixture
def entry_points(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let other packages offer implementations under these names."""

    def offer(**points: str) -> None:
        found = EntryPoints(EntryPoint(name, value, "edgewright.colours") for name, value in points.items())
        monkeypatch.setattr(tables, "entry_points", lambda group: found.select(group=group))

    return offer


def test_an_object_is_loaded_by_its_path() -> None:
    from fractions import Fraction

    assert load_object("fractions:Fraction") is Fraction


def test_a_module_or_attribute_that_is_not_there_says_so() -> None:
    with pytest.raises(ImportError, match="no_such_module"):
        load_object("no_such_module:x")
    with pytest.raises(AttributeError, match="no_such_thing"):
        load_object("fractions:no_such_thing")


def test_built_in_names_come_first_then_those_of_other_packages(entry_points: Callable[..., None]) -> None:
    entry_points(zinc="fractions:Fraction", azure="decimal:Decimal")

    assert Table("edgewright.colours", {"red": "a:b", "blue": "c:d"}).names == ("red", "blue", "azure", "zinc")


def test_another_packages_implementation_is_loaded(entry_points: Callable[..., None]) -> None:
    from decimal import Decimal

    entry_points(azure="decimal:Decimal")

    assert Table("edgewright.colours", {}).load("azure") is Decimal


def test_a_built_in_name_cannot_be_taken(entry_points: Callable[..., None]) -> None:
    from fractions import Fraction

    entry_points(red="decimal:Decimal")
    table = Table("edgewright.colours", {"red": "fractions:Fraction"})

    assert table.names == ("red",)
    assert table.load("red") is Fraction


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="there is no colour named 'green'") as error:
        Table("edgewright.colours", {"red": "a:b", "blue": "c:d"}).load("green")

    assert error.value.hint == "known: red, blue"


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    sys.modules.pop("this", None)
    table = Table("edgewright.colours", {"zen": "this:s"})

    assert table.names == ("zen",)
    assert "this" not in sys.modules


def test_the_table_is_not_changed_from_outside() -> None:
    builtin = {"red": "a:b"}
    table = Table("edgewright.colours", builtin)
    builtin["blue"] = "c:d"

    assert table.names == ("red",)


def test_where_an_implementation_is_is_told_without_an_import(entry_points: Callable[..., None]) -> None:
    entry_points(red="no_such_module:Red", blue="no_such_module:Blue")
    table = Table("edgewright.colours", {"blue": "not_there_either:Blue"})
    assert table.path("blue") == "not_there_either:Blue"
    assert table.path("red") == "no_such_module:Red"
    assert table.path("green") is None
