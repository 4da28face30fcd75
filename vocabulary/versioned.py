"""Reading files that have a schema version `MAJOR.MINOR`, by one rule for all of them.

Another major version is refused, and so are unknown fields of the reader's own minor version. Of a newer minor version
the fields that the reader does not know are ignored, unless the file's `critical` names them: a writer puts there what
must not be overlooked.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from .codec import convert, has_field, keep_known, parse_json
from .errors import ConfigError

T = TypeVar("T")

SCHEMA_VERSION_FORM = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")


def decode_versioned(data: bytes, type_: type[T], own_version: str, where: str) -> T:
    """Read JSON whose top level has `schema_version` and perhaps `critical`; `where` names the file in errors.

    Raises:
        ConfigError: when it is not what `type_` says, is of another major version than `own_version`, or holds what
            this reader must know and does not.
    """
    value = parse_json(data, where)
    stated = value.get("schema_version") if isinstance(value, dict) else None
    version, own = _split(stated), _split(own_version)
    if version is None or own is None or version[0] != own[0]:
        raise ConfigError(
            f"{where}: expected schema version {own_version}, got {stated!r}",
            hint="read it with an edgewright that knows this version",
        )
    critical = _names(value.get("critical"))
    unknown = [name for name in critical if not has_field(type_, name)]
    if version[1] > own[1]:
        value, ignored = keep_known(value, type_)
        unknown += [path for path in ignored if any(path.startswith(f"{name}.") for name in critical)]
    if unknown:
        raise ConfigError(
            f"{where}: {unknown[0]} is critical, and unknown here",
            hint=f"read it with an edgewright that knows schema version {stated}",
        )
    return convert(value, type_, where)


def check_schema_version(version: str) -> None:
    """Check the form of a schema version.

    Raises:
        ValueError: when it is not `MAJOR.MINOR`.
    """
    if SCHEMA_VERSION_FORM.fullmatch(version) is None:
        raise ValueError(f"schema_version: expected MAJOR.MINOR, got {version!r}")


def _split(version: object) -> tuple[int, int] | None:
    match = SCHEMA_VERSION_FORM.fullmatch(version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2])) if match is not None else None


def _names(critical: Any) -> list[str]:
    return [name for name in critical if isinstance(name, str)] if isinstance(critical, list) else []
