"""Tables of lowerings, put together from the modules of their themes."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any, cast

from .walk import Lowering


def lowerings_of(package: str, themes: Iterable[str]) -> dict[tuple[str, str], Lowering[Any]]:
    """Give (domain, operator) → lowering of all themes; each module `package.THEME` has `LOWERINGS` by operator.

    An operator of another domain than ONNX's own is written `domain.Operator`.

    Raises:
        ValueError: when two themes know one operator.
    """
    table: dict[tuple[str, str], Lowering[Any]] = {}
    for theme in themes:
        known = cast("dict[str, Lowering[Any]]", import_module(f"{package}.{theme}").LOWERINGS)
        for name, lowering in known.items():
            domain, _, operator = name.rpartition(".")
            if (domain, operator) in table:
                raise ValueError(f"two themes of {package} know {name}")
            table[domain, operator] = lowering
    return table
