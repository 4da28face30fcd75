"""The kinds of devices. Others come by the entry point `edgewright.devices`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, cast

import msgspec

from ..vocabulary.codec import convert, refuse
from ..vocabulary.tables import Table
from .base import Device

DEVICES = Table(
    "edgewright.devices",
    {
        "local": "edgewright.devices.local:Local",
        "browser": "edgewright.devices.browser:Browser",
        "node": "edgewright.devices.node:Node",
    },
)


class DeviceClass(Protocol):
    """What a kind's entry is: a class of devices, and the struct that its table in the project file is read into."""

    Settings: ClassVar[type[msgspec.Struct]]

    def __call__(self, name: str, settings: Any) -> Device:
        """Make the device of this name."""
        ...


def make_device(name: str, table: Mapping[str, Any], where: str) -> Device:
    """Make the device that `[devices.NAME]` of the file `where` describes: `{"kind": "local", "threads": 1}`.

    Raises:
        ConfigError: when the kind is missing, or a key is unknown or has the wrong type.
        RequestError: when there is no such kind of device.
    """
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise refuse(where, f"devices.{name}.kind", f"one of {', '.join(DEVICES.names)}", kind)
    device = cast(DeviceClass, DEVICES.load(kind))
    settings = {key: value for key, value in table.items() if key != "kind"}
    # wrapped as it stands in the file, so that an error gives the whole path of the key
    tables: dict[str, dict[str, Any]] = convert(
        {"devices": {name: settings}},
        dict[str, dict[str, device.Settings]],  # type: ignore[name-defined]  # a type known only now
        where,
    )
    return device(name, tables["devices"][name])
