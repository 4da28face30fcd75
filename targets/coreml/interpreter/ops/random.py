"""Random numbers."""

from __future__ import annotations

from .operation import Implementation

OPERATIONS: dict[str, Implementation] = {}
