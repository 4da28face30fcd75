"""What this machine is, asked with the standard library alone, so that a device can choose without more."""

from __future__ import annotations

import os
import platform

from ..devices.agent.context import cpu_model
from ..devices.base import Facts
from ..devices.cpu import architecture, features
from ..targets.runtimes import installed_runtimes


def own_facts() -> Facts:
    """Give this machine's facts; its kind is `local`."""
    return Facts(
        kind="local",
        arch=architecture(),
        os=platform.system().lower(),
        cpu=cpu_model(),
        features=features(),
        cores=os.cpu_count() or 1,
        ram_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        runtimes=installed_runtimes(),
    )
