"""The devices of who names none: this machine, and one for what this machine does not open itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from ..devices.web.find import find_chromium
from ..targets.base import Target
from ..targets.table import load_target
from ..web.assets import find_node, is_built
from .places import HERE, WITHOUT_SETTINGS, names_without_settings

_IS_HERE: Final[Mapping[str, Callable[[], bool]]] = {
    HERE: lambda: True,
    "node": lambda: is_built() and find_node() is not None,
    "chromium": lambda: is_built() and find_spec("playwright") is not None and find_chromium() is not None,
}
"""A device of `WITHOUT_SETTINGS` → whether it can be had here; in the order in which they are taken."""


def implied_devices(targets: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Give the tables of the devices that artifacts of these targets are run on, this machine first.

    Raises:
        RequestError: when there is no target of some name.
    """
    found = [HERE, *(name for target in targets if (name := device_for(load_target(target))) is not None)]
    return {name: dict(WITHOUT_SETTINGS[name]) for name in dict.fromkeys(found)}


def device_for(target: Target) -> str | None:
    """Give the name of the device that opens what a target makes: one that is here, else the first to install.

    None when no device opens it that needs nothing said.
    """
    names = names_without_settings(next(iter(target.formats.values())))
    by_choice = [name for name in _IS_HERE if name in names]
    return next((name for name in by_choice if is_here(name)), names[0] if names else None)


def is_here(name: str) -> bool:
    """Whether a device of `WITHOUT_SETTINGS` can be had on this machine."""
    return _IS_HERE[name]()
