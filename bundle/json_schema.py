"""The JSON Schemas of a bundle's files, made from the types that read them.

`python -m edgewright.bundle.json_schema docs/reference` writes them anew.
"""

from __future__ import annotations

import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from ..fallback.rules import Ladders
from ..profiles.report import Report
from .manifest import Manifest

SCHEMAS: dict[str, type[msgspec.Struct]] = {
    "manifest.schema.json": Manifest,
    "report.schema.json": Report,
    "ladder.schema.json": Ladders,
}
"""File in the documentation → the type that reads such files."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def make_schema(type_: type[msgspec.Struct]) -> bytes:
    """Give the JSON Schema of a type; equal types, equal bytes."""
    schema = {"$schema": DRAFT, **_clean(msgspec.json.schema(type_))}
    return msgspec.json.format(msgspec.json.encode(schema, order="sorted"), indent=2) + b"\n"


def _clean(node: Any) -> Any:
    """Take the indentation out of descriptions: newer versions of Python do so before msgspec sees them."""
    if isinstance(node, dict):
        return {
            key: cleandoc(value) if key == "description" and isinstance(value, str) else _clean(value)
            for key, value in node.items()
        }
    return [_clean(entry) for entry in node] if isinstance(node, list) else node


def main(arguments: list[str]) -> int:
    """Write every schema into the folder of the first argument. Give the exit code."""
    for name, type_ in SCHEMAS.items():
        (Path(arguments[0]) / name).write_bytes(make_schema(type_))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
