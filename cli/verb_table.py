"""The table of verbs: one module each, imported when its verb is used and not before."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class VerbTable(click.Group):
    """A group of verbs that knows their names and one line about each without importing any."""

    def __init__(self, *args: Any, verbs: Mapping[str, str], **kwargs: Any) -> None:
        """`verbs` maps each verb, in the order of the help, to its line; module and function have the verb's name."""
        super().__init__(*args, **kwargs)
        self.verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the verbs in the order of the table."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a verb; None when there is none of this name."""
        if cmd_name not in self.verbs:
            return None
        verb: click.Command = getattr(import_module(f".{cmd_name}", __package__), cmd_name)
        return verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb of a line.

        Raises:
            click.exceptions.NoSuchCommand: when there is none of this name; it holds the names that come near.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=self.verbs, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the table."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self.verbs.items()))
