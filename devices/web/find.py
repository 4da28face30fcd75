"""Where Chromium is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from ...vocabulary.errors import DeviceError

CHROMIUM_VARIABLE: Final = "EDGEWRIGHT_CHROMIUM"
"""The environment variable that names the Chromium to use."""
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
"""What Chromium is called on the path, Debian's name first."""
INSTALL: Final = (
    "install one (Debian: `apt-get install chromium`; elsewhere `playwright install chromium`), or name one by the "
    f"device's setting `executable` or by {CHROMIUM_VARIABLE}"
)


def find_chromium(named: str | None = None) -> Path | None:
    """Give the Chromium that is named, or that the environment names, or the first on the path; None without one.

    Raises:
        DeviceError: when the one that is named is none.
    """
    for source, executable in (("`executable`", named), (CHROMIUM_VARIABLE, os.environ.get(CHROMIUM_VARIABLE))):
        if executable:
            found = shutil.which(executable)
            if found is None:
                raise DeviceError(f"{source} names {executable}: no such program", hint=INSTALL)
            return Path(found)
    return next((Path(found) for name in NAMES if (found := shutil.which(name)) is not None), None)


def no_chromium() -> DeviceError:
    """Say that there is none, and what to do."""
    return DeviceError(f"there is no Chromium here (looked for {', '.join(NAMES)} and Playwright's own)", hint=INSTALL)
