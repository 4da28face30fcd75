"""Node on this machine as a device: the browser's page without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from ..vocabulary.errors import DeviceError
from ..web.assets import NODE_VARIABLE, find_node
from .on_the_web import OnTheWeb, WebSettings


class NodeSettings(WebSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[devices.NAME]` of a project file, for `kind = "node"`."""

    backend: Literal["wasm", "cpu"] = "wasm"


class Node(OnTheWeb):
    """A process of Node for every job."""

    kind = "node"
    Settings: ClassVar[type[NodeSettings]] = NodeSettings

    def __init__(self, name: str, settings: NodeSettings = NodeSettings()) -> None:  # noqa: B008 - it is frozen
        """`name` as the project file has it."""
        super().__init__(name, settings.backend, settings.threads)

    def executable(self) -> Path:
        """Give the Node that the environment names, or the first on the path."""
        found = find_node()
        if found is None:
            raise DeviceError(
                f"the device {self.name} needs Node 20 or newer, and there is none here",
                hint=f"install it (Debian: `apt-get install nodejs`), or name it by {NODE_VARIABLE}",
            )
        return found
