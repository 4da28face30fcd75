"""A verb of the command line: a command with examples and the global options."""

from __future__ import annotations

from typing import Any

import click

from .settings import global_options

HELP_NAMES = ("-h", "--help")


class Verb(click.Command):
    """A command whose help ends with examples, and which takes the global options too.

    Its function gives the exit code.
    """

    def __init__(self, *args: Any, examples: dict[str, str], **kwargs: Any) -> None:
        """`examples` maps a line to type to what it does."""
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.globals = global_options()
        self.params.extend(self.globals)

    def get_help_option_names(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the same names whichever context asks first: click keeps the option that it makes then."""
        return [*HELP_NAMES]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verb's own options, and the global ones apart."""
        options = [parameter for parameter in self.get_params(ctx) if isinstance(parameter, click.Option)]
        own = [option for option in options if option not in self.globals]
        for title, parameters in (("Options", own), ("Global options", self.globals)):
            records = [record for parameter in parameters if (record := parameter.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the examples, unwrapped, so that they can be copied."""
        with formatter.section("Examples"):
            margin = " " * formatter.current_indent
            for index, (line, what) in enumerate(self.examples.items()):
                formatter.write(("\n" if index else "") + f"{margin}# {what}\n{margin}{line}\n")


CONTEXT = {"help_option_names": [*HELP_NAMES], "max_content_width": 100}
"""Settings of every verb's context."""
