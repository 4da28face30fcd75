"""The command line: it runs a verb, and turns every error into a message and an exit code."""

from __future__ import annotations

import io
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from ..vocabulary.errors import RequestError, ToolError
from .failure import Failure
from .settings import Settings, asked_for, global_options
from .verb import CONTEXT
from .verb_table import VerbTable

PROGRAM = "edgewright"
COMPLETION_VARIABLE = "_EDGEWRIGHT_COMPLETE"
READER_GONE = 141
"""The exit code of a process whose reader closed the pipe: 128 + SIGPIPE."""

VERBS = {
    "init": "Write a commented edgewright.toml for a model and its data.",
    "inspect": "Show a model's signature, operators and cost, and what each target would do with it.",
    "build": "Compile, prove, measure and bundle a model.",
    "verify": "Check a bundle: signature, digests, and parity again.",
    "bisect": "Walk an artifact beside the reference, and name the first tensor where they part.",
    "search": "Try recipes for the targets of a project, by drop, latency and size.",
    "preview": "Try a bundle in a browser: a page on this machine that runs its artifacts.",
    "profile": "Measure one artifact on this machine.",
    "targets": "Show the targets, what they need and what they know.",
    "doctor": "Show what is missing on this machine, and the command that fixes it.",
    "cache": "Show or clear the build cache.",
    "keygen": "Make a key pair to sign bundles with.",
    "completion": "Print the completion script of a shell.",
}


def _print_version(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        from .output import Output

        number = version(PROGRAM)
        Output(Settings.of(context), sys.stdout).show(
            {"version": number}, lambda console: console.print(f"{PROGRAM} {number}")
        )
        context.exit()


group = VerbTable(
    PROGRAM,
    verbs=VERBS,
    subcommand_metavar="VERB …",
    help="One trained model in, one signed bundle of proved and measured edge artifacts out.",
    epilog=f"`{PROGRAM} VERB --help` tells more of a verb, with examples. Exit codes: 0 all gates passed, 1 a gate "
    "failed, 2 the request was wrong, 3 a tool or device failed, 4 a signature was refused.",
    context_settings=CONTEXT,
    params=[
        *global_options(),
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        ),
    ],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one line of the command line and give its exit code."""
    line = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    instruction = os.environ.get(COMPLETION_VARIABLE)
    if instruction:
        from click.shell_completion import shell_complete

        return shell_complete(group, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    try:
        code = _run(line)
        sys.stdout.flush()
    except BrokenPipeError:
        if asked_for("--debug", line):
            traceback.print_exc()
        _give_up_stdout()
        return READER_GONE
    except OSError as error:  # stdout itself cannot be written: a full disk
        sys.stderr.write(Failure.of(error).text(width=None, colour=False) + "\n")
        _give_up_stdout()
        return ToolError.exit_code
    return code


def _prepare_streams() -> None:
    """Let text go out whatever the locale can spell, and do without a stream that was closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the process's life
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _give_up_stdout() -> None:
    """See to it that what is left is not flushed at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(line: Sequence[str]) -> int:
    try:
        _check_text(line)
        with group.make_context(PROGRAM, list(line)) as context:
            code: int = group.invoke(context)
            return code
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: every error ends here, in words
        return _tell(error, line)


def _check_text(line: Sequence[str]) -> None:
    for argument in line:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise RequestError(
                f"{argument!r} is not {sys.getfilesystemencoding()}", hint="rename the file, or use a UTF-8 locale"
            ) from None


def _tell(error: BaseException, line: Sequence[str]) -> int:
    failure = Failure.of(error)
    if asked_for("--debug", line):
        traceback.print_exception(error)
    if asked_for("--json", line):
        from ..vocabulary.codec import encode_json

        click.echo(encode_json(failure.document()), nl=False)
    else:
        terminal = sys.stderr.isatty()
        width = shutil.get_terminal_size().columns if terminal else None
        colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        sys.stderr.write(failure.text(width=width, colour=colour) + "\n")
    return failure.exit_code
