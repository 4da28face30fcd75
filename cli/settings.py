"""What every verb can be told: how to print, how much, and what to do about errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The global options of one call, wherever they stood on the line."""

    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    no_progress: bool = False

    @classmethod
    def of(cls, context: click.Context) -> Settings:
        """Collect the options given before and after the verb.

        Raises:
            click.UsageError: when both `-q` and `-v` are given.
        """
        settings = cls(**{name: f"edgewright.{name}" in context.meta for name in cls.__slots__})
        if settings.quiet and settings.verbose:
            raise click.UsageError("-q and -v exclude each other", context)
        return settings


def asked_for(flag: str, arguments: Sequence[str]) -> bool:
    """Whether a global flag stands on the line; needed where the line could not be parsed at all."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return flag in options


def global_options() -> list[click.Option]:
    """Make the options of a command; all contexts of one call share what they are given."""
    return [
        _flag("--json", help="Print one JSON document on stdout and nothing else, for errors too."),
        _flag("-q", "--quiet", help="Print results only: no progress, no notes."),
        _flag("-v", "--verbose", help="Say more."),
        _flag("--debug", help="Show where an error came from."),
        _flag("--no-progress", help="Show no progress."),
    ]


def _flag(*names: str, help: str) -> click.Option:  # noqa: A002 - click's own word
    return click.Option(names, is_flag=True, is_eager=True, expose_value=False, callback=_remember, help=help)


def _remember(context: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        context.meta[f"edgewright.{option.name}"] = True
