"""Resizing, cropping and sampling of images."""

from __future__ import annotations

from .operation import Implementation

OPERATIONS: dict[str, Implementation] = {}
