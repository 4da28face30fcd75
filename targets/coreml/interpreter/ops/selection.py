"""Choices among elements: by mask, by rank, by place."""

from __future__ import annotations

from .operation import Implementation

OPERATIONS: dict[str, Implementation] = {}
