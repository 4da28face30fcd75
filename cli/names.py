"""Kinds of arguments whose values a shell can complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem


class KnownName(click.ParamType[str]):
    """A name out of a table that is read only when a shell asks for it; any other is for the verb to judge."""

    def __init__(self, name: str, known: Callable[[], Iterable[str]]) -> None:
        """`name` is what the help calls the value; `known` gives the names that are completed."""
        self.name = name
        self._known = known

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Give the names that begin so."""
        return [CompletionItem(name) for name in self._known() if name.startswith(incomplete)]


def _targets() -> Iterable[str]:
    from ..targets.table import TARGETS

    return TARGETS.names


def _recipes() -> Iterable[str]:
    from ..pipeline.implied_recipes import IMPLIED

    return IMPLIED


TARGET_NAME = KnownName("target", _targets)
"""The name of a target; none is loaded."""
RECIPE_NAME = KnownName("recipe", _recipes)
"""The name of a recipe that needs no project file."""
