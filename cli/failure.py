"""An error as a person sees it: what happened, what to do next, and the exit code."""

from __future__ import annotations

import errno
import textwrap
from dataclasses import dataclass

import click

from ..vocabulary.errors import EdgewrightError

INTERRUPTED = 130
"""The exit code of a process that Ctrl-C ended: 128 + SIGINT."""

_OS_HINTS = {
    errno.ENOSPC: "free some space, or move the cache with EDGEWRIGHT_CACHE_DIR and the output with -o",
    errno.EDQUOT: "free some space, or move the cache with EDGEWRIGHT_CACHE_DIR and the output with -o",
    errno.EACCES: "name a place that you may read and write",
    errno.EPERM: "name a place that you may read and write",
    errno.EROFS: "name a place that can be written",
    errno.ENOENT: "check the path",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What is told of an error."""

    kind: str
    message: str
    hint: str | None
    exit_code: int

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Put any exception into words."""
        kind = type(error).__name__
        match error:
            case EdgewrightError():
                return cls(kind=kind, message=error.message, hint=error.hint, exit_code=error.exit_code)
            case click.exceptions.NoArgsIsHelpError():
                return cls(kind=kind, message="no verb given", hint="see `edgewright --help`", exit_code=2)
            case click.UsageError():
                return cls(kind=kind, message=_sentence(error), hint=_usage_hint(error), exit_code=2)
            case click.ClickException():
                return cls(kind=kind, message=_sentence(error), hint=None, exit_code=2)
            case KeyboardInterrupt() | click.Abort():
                return cls(kind="Interrupted", message="interrupted", hint=None, exit_code=INTERRUPTED)
            case MemoryError():
                return cls(kind=kind, message="this machine has no memory left", hint=_DEBUG_HINT, exit_code=3)
            case OSError(errno=number, strerror=reason, filename=path) if number in _OS_HINTS:
                message = f"{path}: {reason}" if path else str(reason)
                return cls(kind=kind, message=message, hint=_OS_HINTS[number], exit_code=3)
            case _:
                message = f"edgewright did not expect this: {kind}: {error}".rstrip(": ")
                return cls(kind=kind, message=message, hint=_DEBUG_HINT, exit_code=3)

    def text(self, *, width: int | None, colour: bool) -> str:
        """Give the lines for a person; `width` is that of the terminal, None leaves lines as they are."""
        lines = _paragraph("error", self.message, "red", width, colour)
        if self.hint:
            lines += _paragraph("hint", self.hint, "cyan", width, colour)
        return "\n".join(lines)

    def document(self) -> dict[str, object]:
        """Give what `--json` prints."""
        return {
            "error": {"kind": self.kind, "message": self.message, "hint": self.hint},
            "exit_code": self.exit_code,
        }


_DEBUG_HINT = "run the same line with --debug to see where it came from; if it is a bug, please report it with that"


def _paragraph(word: str, text: str, colour_name: str, width: int | None, colour: bool) -> list[str]:
    margin = " " * (len(word) + 2)
    lines: list[str] = []
    for line in text.splitlines() or [""]:
        wrapped = [line]
        if width is not None and len(line) + len(margin) > width:
            wrapped = textwrap.wrap(
                line, max(20, width - len(margin)), break_long_words=False, break_on_hyphens=False
            ) or [""]
        lines += wrapped
    head = click.style(f"{word}:", fg=colour_name, bold=True) if colour else f"{word}:"
    return [f"{head} {lines[0]}", *(f"{margin}{line}".rstrip() for line in lines[1:])]


def _sentence(error: click.ClickException) -> str:
    """Click's message in the manner of ours: no capital, no full stop, its guess left to the hint."""
    message = error.format_message().partition(" Did you mean")[0].partition(" (Did you mean")[0].rstrip(".")
    return message[:1].lower() + message[1:]


def _usage_hint(error: click.UsageError) -> str:
    near = getattr(error, "possibilities", None)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    path = error.ctx.command_path if error.ctx is not None else "edgewright"
    return f"{guess}see `{path} --help`"
