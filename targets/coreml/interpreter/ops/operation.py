"""What the implementation of an operation is."""

from __future__ import annotations

from collections.abc import Callable

from ..arguments import Arguments, Result

Implementation = Callable[[Arguments], Result]
"""Computes the results of an operation: an array, or one for each output.

Raises `ValueError` for what the documentation does not allow, with the operation's name.
"""
