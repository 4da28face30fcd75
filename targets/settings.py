"""Settings that one target alone has, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

import msgspec

from ..vocabulary.codec import convert
from ..vocabulary.tables import load_object
from .base import Configurable, Target


class NoSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a target that has none of its own."""


T = TypeVar("T", bound=msgspec.Struct)


def check_settings(target: Target, settings: Mapping[str, Any], where: str) -> None:
    """Check what `[targets.NAME.settings]` of the file `where` says.

    Raises:
        ConfigError: when a key is unknown or its value cannot be meant; the message has the whole path of the key.
    """
    type_ = load_object(target.settings) if isinstance(target, Configurable) else NoSettings
    read_settings(target.name, settings, cast("type[msgspec.Struct]", type_), where)


def read_settings(target: str, settings: Mapping[str, Any], type_: type[T], where: str = "settings") -> T:
    """Read a target's settings.

    Raises:
        ConfigError: when a key is unknown or its value cannot be meant; the message has the whole path of the key.
    """
    # wrapped as it stands in the file, so that an error gives the whole path of the key
    tables: dict[str, dict[str, dict[str, T]]] = convert(
        {"targets": {target: {"settings": dict(settings)}}},
        dict[str, dict[str, dict[str, type_]]],  # type: ignore[valid-type]  # a type known only now
        where,
    )
    return tables["targets"][target]["settings"]
