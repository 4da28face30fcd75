"""Kinds of arguments whose values a shell can complete."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


class TargetName(click.ParamType[str]):
    """The name of a target."""

    name = "target"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Give the names of the table; no target is loaded."""
        from ..targets.table import TARGETS

        return [CompletionItem(name) for name in TARGETS.names if name.startswith(incomplete)]


class RecipeName(click.ParamType[str]):
    """The name of a recipe that needs no project file."""

    name = "recipe"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        param: click.Parameter,  # noqa: ARG002 - click's signature
        incomplete: str,
    ) -> list[CompletionItem]:
        """Give the names of the built-in recipes."""
        from ..pipeline.adhoc import RECIPES

        return [CompletionItem(name) for name in RECIPES if name.startswith(incomplete)]


TARGET_NAME = TargetName()
RECIPE_NAME = RecipeName()
