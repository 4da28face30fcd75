"""The devices of a project, and which of them open which artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..bundle.runtimes import REFERENCE_RUNTIME
from ..devices.base import Device
from ..devices.table import make_device
from ..vocabulary.errors import ConfigError
from .config import Project
from .on_device import Place
from .plan import PlannedArtifact

HERE: Final = "here"
WITHOUT_SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    HERE: {"kind": "local"},
    "chromium": {"kind": "browser"},
    "node": {"kind": "node"},
}
"""Devices that need nothing said beside their kind, by the name that is proposed for each."""


def devices_of(project: Project) -> tuple[Device, ...]:
    """Make the devices of a project, in the order of its file.

    Raises:
        RequestError: when one is described wrongly.
    """
    return tuple(make_device(name, table, project.where) for name, table in project.devices.items())


def check_opened(planned: Sequence[PlannedArtifact], devices: Sequence[Device], where: str) -> None:
    """Check that some device opens each artifact, and the reference, which all are judged by.

    Raises:
        ConfigError: when none does; the hint says which device to add.
    """
    asked = {item.runtime: f"what target {item.target.name} makes" for item in reversed(planned)}
    for runtime, what in {**asked, REFERENCE_RUNTIME: "the original, by which all are judged"}.items():
        if not openers(devices, runtime):
            reasons = "; ".join(f"{device.name}: {device.cannot_open(runtime)}" for device in devices)
            raise ConfigError(f"{where}: no device opens {what}: {reasons}", hint=_hint(runtime))


def openers(devices: Iterable[Device], runtime: str) -> tuple[Device, ...]:
    """Give the devices that open artifacts of a runtime class."""
    return tuple(device for device in devices if device.cannot_open(runtime) is None)


def first_opening(places: Iterable[Place], runtime: str) -> Place:
    """Give the first place that opens artifacts of a runtime class; `check_opened` has found that there is one."""
    return next(place for place in places if place.device.cannot_open(runtime) is None)


def names_without_settings(runtime: str) -> tuple[str, ...]:
    """Give the names of `WITHOUT_SETTINGS` whose devices open artifacts of a runtime class."""
    made = {name: make_device(name, table, "devices") for name, table in WITHOUT_SETTINGS.items()}
    return tuple(name for name, device in made.items() if device.cannot_open(runtime) is None)


def _hint(runtime: str) -> str:
    names = names_without_settings(runtime)
    if not names:
        return "add a device that has the runtime"
    added = [f'[devices.{name}] with kind = "{WITHOUT_SETTINGS[name]["kind"]}"' for name in names]
    return f"add {' or '.join(added)}"
