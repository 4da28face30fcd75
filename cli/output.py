"""Where results go: stdout, as one JSON document or as text."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import IO, TYPE_CHECKING, Concatenate, ParamSpec

import click

from .settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.progress import Progress

UNBOUNDED = 1000
"""Columns of a text that no terminal shows: long lines stay whole, so that they can be searched."""

P = ParamSpec("P")

_TRAILING_SPACE = re.compile(r"[ \t]+$", re.MULTILINE)


class Output:
    """What a verb says: its result on stdout, notes and progress on stderr."""

    def __init__(self, settings: Settings, stdout: IO[str]) -> None:
        """Print as the settings say."""
        self.settings = settings
        self._stdout = stdout

    def show(self, result: object, text: Callable[[Console], None]) -> None:
        """Print a result: the value itself as JSON, or what `text` makes of it for a person."""
        if self.settings.json:
            from ..vocabulary.codec import encode_json

            _write_json(encode_json(result), self._stdout)
        else:
            console = console_on(self._stdout)
            with console.capture() as captured:
                text(console)
            self._stdout.write(_TRAILING_SPACE.sub("", captured.get()))

    def flush(self) -> None:
        """Let a reader have what was shown so far, though the verb goes on."""
        self._stdout.flush()

    def note(self, message: str) -> None:
        """Say something beside the result; not with `--quiet` or `--json`."""
        if not (self.settings.quiet or self.settings.json):
            console_on(sys.stderr).print(message, markup=False, style="dim")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show steps on stderr while they run."""
        settings = self.settings
        if settings.json or settings.quiet or settings.no_progress:
            from ..pipeline.progress import Silent

            yield Silent()
        elif sys.stderr.isatty():
            from .progress import Bars

            with Bars(console_on(sys.stderr), every_step=settings.verbose) as bars:
                yield bars
        else:
            from .progress import Lines

            yield Lines(sys.stderr)


def _write_json(document: bytes, stream: IO[str]) -> None:
    """Write UTF-8, whatever the locale is: JSON is nothing else."""
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(document.decode())
    else:
        stream.flush()
        buffer.write(document)


def pass_output(verb: Callable[Concatenate[Output, P], int]) -> Callable[P, int]:
    """Give a verb its `Output`; with `--json`, whatever else prints to stdout meanwhile goes to stderr."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        output = Output(Settings.of(click.get_current_context()), sys.stdout)
        with redirect_stdout(sys.stderr) if output.settings.json else nullcontext():
            return verb(output, *args, **kwargs)

    return run


def console_on(stream: IO[str]) -> Console:
    """Give a console as wide as the terminal (or `COLUMNS`); colours only on a terminal, and not with `NO_COLOR`."""
    from rich.console import Console

    width = shutil.get_terminal_size((UNBOUNDED, 24)).columns
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def path_from_here(path: Path) -> str:
    """Give a path as one would type it: relative where it lies below the working directory."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute)


def escaped(text: str) -> str:
    """Give text that stays as it is where rich would read markup."""
    from rich.markup import escape

    return escape(text)


def columns(words: Sequence[str], width: int, *, indent: int) -> str:
    """Set words in columns, down and then across, within a width of at most 100."""
    if not words:
        return ""
    cell = max(map(len, words)) + 2
    count = max(1, (min(width, 100) - indent) // cell)
    height = -(-len(words) // count)
    rows = [words[row::height] for row in range(height)]
    return "\n".join(" " * indent + "".join(f"{word:<{cell}}" for word in row).rstrip() for row in rows)
