"""Where a figure comes from."""

from __future__ import annotations

from enum import StrEnum


class Evidence(StrEnum):
    """The tier stamped on every figure. Tiers are never mixed in one ranking."""

    MEASURED_DEVICE = "measured-device"
    MEASURED_HOST = "measured-host"
    EMULATED = "emulated"
    ESTIMATED = "estimated"
    NOT_RUN = "not-run"
