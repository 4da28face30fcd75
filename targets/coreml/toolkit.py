"""coremltools, imported without what it would only look at."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_LOOKED_AT = ("executorch", "libsvm", "sklearn", "tensorflow", "torch", "xgboost")
"""Packages whose models coremltools converts when they are installed; it imports them all, for seconds."""


@cache
def coremltools() -> Any:
    """Give the module `coremltools`.

    Raises:
        ImportError: when it is not installed.
    """
    with _hidden(_LOOKED_AT), _quiet("coremltools"):
        import coremltools

        # what coremltools imports on first use, it must not find either
        import coremltools.converters.mil.mil
        import coremltools.models.utils
    return coremltools


def builder() -> Any:
    """Give coremltools' builder of MIL operations, the class with one static method an operation."""
    return coremltools().converters.mil.Builder


@contextmanager
def quiet() -> Iterator[None]:
    """Keep coremltools from warning: what it changes of inputs and outputs is compared afterwards instead."""
    with warnings.catch_warnings(), _quiet("coremltools"):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports of packages fail that are not imported yet."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is how Python marks a module as absent
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a logger to errors: it warns of each package that is absent and of Apple's framework outside macOS."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
