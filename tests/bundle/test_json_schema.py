from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from edgewright.bundle.json_schema import SCHEMAS, make_schema

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
GOLDEN = Path(__file__).parent / "data" / "golden"
FILES = {
    "manifest.schema.json": GOLDEN / "content" / "manifest.json",
    "report.schema.json": GOLDEN / "evidence" / "report.json",
    "ladder.schema.json": GOLDEN / "evidence" / "ladder.json",
}


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_published_schema_is_current(name: str) -> None:
    """Where this fails: python -m edgewright.bundle.json_schema docs/reference."""
    assert (REFERENCE / name).read_bytes() == make_schema(SCHEMAS[name])


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_schema_is_one_and_fits_the_files_of_a_bundle(name: str) -> None:
    schema = json.loads(make_schema(SCHEMAS[name]))
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.Draft202012Validator(schema).validate(json.loads(FILES[name].read_bytes()))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_schema_refuses_what_the_reader_refuses(name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(make_schema(SCHEMAS[name])))
    value = json.loads(FILES[name].read_bytes())

    assert not validator.is_valid(value | {"surprise": 1})
    assert not validator.is_valid(
        {key: entry for key, entry in value.items() if key not in ("artifacts", "entries", "ladders")}
    )
