"""Tables of implementations by name: built-in as strings, others by entry point. None registers by being imported."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

from .errors import RequestError


def load_object(path: str) -> object:
    """Import `package.module:attribute`.

    Raises:
        ImportError: when the module cannot be imported.
        AttributeError: when it has no such attribute.
    """
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


class Table:
    """A group of implementations, each loaded when it is asked for and not before."""

    def __init__(self, group: str, builtin: Mapping[str, str]) -> None:
        """`group` is the entry-point group (`edgewright.targets`); `builtin` maps names to `module:attribute`."""
        self.group = group
        self._builtin = dict(builtin)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, built-in first, then the entry points'; a built-in name cannot be taken by another package."""
        return (*self._builtin, *sorted(set(self._entry_points()) - set(self._builtin)))

    def path(self, name: str) -> str | None:
        """Give where the implementation of this name is, `module:attribute`, importing nothing; None without one."""
        found = self._entry_points().get(name) if name not in self._builtin else None
        return self._builtin.get(name, found.value if found is not None else None)

    def load(self, name: str) -> object:
        """Import the implementation of this name.

        Raises:
            RequestError: when no implementation has this name; the hint lists those there are.
            ImportError: when its module, or a package that it needs, is not installed.
        """
        if name in self._builtin:
            return load_object(self._builtin[name])
        found = self._entry_points().get(name)
        if found is None:
            kind = self.group.rpartition(".")[2].removesuffix("s")
            raise RequestError(f"there is no {kind} named {name!r}", hint=f"known: {', '.join(self.names)}")
        implementation: object = found.load()
        return implementation

    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}
