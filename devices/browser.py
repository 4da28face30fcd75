"""Chromium on this machine as a device: a page of the project's own runs the jobs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from ..vocabulary.errors import MissingExtraError
from .on_the_web import OnTheWeb, WebSettings
from .web.engines import Backend
from .web.find import find_chromium


class BrowserSettings(WebSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[devices.NAME]` of a project file, for `kind = "browser"`."""

    backend: Backend = "wasm"
    executable: str | None = None
    """Chromium, as a path or a name; found when it is not given."""


class Browser(OnTheWeb):
    """A browser that is started anew, with an empty profile and no window, for every job."""

    kind = "browser"
    Settings: ClassVar[type[BrowserSettings]] = BrowserSettings

    def __init__(self, name: str, settings: BrowserSettings = BrowserSettings()) -> None:  # noqa: B008 - it is frozen
        """`name` as the project file has it."""
        super().__init__(name, settings.backend, settings.threads)
        self._named = settings.executable

    def executable(self) -> Path | None:
        """Give the Chromium that the settings or the environment name, or that is on the path."""
        if find_spec("playwright") is None:
            raise MissingExtraError(
                f"the device {self.name} drives a browser by Playwright, which is not installed",
                hint="pip install 'edgewright[browser]'",
            )
        return find_chromium(self._named)
