from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.versioned import check_schema_version, decode_versioned


class Inner(msgspec.Struct, frozen=True, kw_only=True):
    size: int


class Record(msgspec.Struct, frozen=True, kw_only=True):
    schema_version: str
    inner: Inner
    critical: tuple[str, ...] = ()


def read(own: str = "1.2", **fields: object) -> Record:
    value = {"schema_version": "1.2", "inner": {"size": 1}, **fields}
    return decode_versioned(json.dumps(value).encode(), Record, own, "record.json")


def test_the_own_version_and_older_minor_ones_are_read() -> None:
    assert read().inner.size == 1
    assert read(schema_version="1.0").inner.size == 1


@pytest.mark.parametrize("version", ["0.9", "2.0", "1", "1.2.0", "1.02", "-1.2", " 1.2", "1.2\n", "", None, 1.2, [1]])
def test_another_major_version_or_form_is_refused(version: object) -> None:
    with pytest.raises(ConfigError, match=r"record\.json: expected schema version 1\.2, got "):
        read(schema_version=version)


@pytest.mark.parametrize("version", ["1.0", "1.2"])
def test_an_unknown_field_of_a_version_that_is_known_is_refused(version: str) -> None:
    with pytest.raises(ConfigError, match="unknown key new"):
        read(schema_version=version, new=1)


def test_an_unknown_field_of_a_newer_minor_version_is_ignored() -> None:
    assert read(schema_version="1.3", new=1, inner={"size": 2, "new": 1}).inner == Inner(size=2)


@pytest.mark.parametrize("critical", ["new", "inner", "inner.new", "gone"])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_what_is_critical_must_be_known(critical: str, version: str) -> None:
    with pytest.raises(ConfigError, match=r"critical|unknown key"):
        read(schema_version=version, critical=[critical], inner={"size": 1, "new": 1})


def test_a_missing_field_is_missing_in_any_version() -> None:
    with pytest.raises(ConfigError, match=r"inner\.size is missing"):
        read(schema_version="1.9", inner={})


@pytest.mark.parametrize("critical", [5, "inner", [5], None, {"a": 1}])
def test_a_list_of_critical_fields_is_a_list_of_names(critical: object) -> None:
    with pytest.raises(ConfigError, match="critical"):
        read(critical=critical)


@settings(deadline=None)
@given(st.integers(0, 999_999), st.integers(0, 999_999))
def test_every_version_of_two_numbers_has_the_form(major: int, minor: int) -> None:
    check_schema_version(f"{major}.{minor}")


@pytest.mark.parametrize("version", ["1", "1.0.0", "a.b", "1.-1", "٣.١"])
def test_other_forms_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"MAJOR\.MINOR"):
        check_schema_version(version)
