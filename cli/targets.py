"""`edgewright targets`: which targets there are, what they need, and what they know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from .names import TARGET_NAME
from .operators import Conformance, conformance_of, in_a_line, show_operators
from .output import Output, columns, pass_output
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ..targets.base import Target


MOST_NAMED = 4
"""Formats that fit into a line; a target may have one for each of dozens of CPUs."""


class TargetState(msgspec.Struct, frozen=True, kw_only=True):
    """A target as this machine has it; `fix` is the command that installs what is missing."""

    name: str
    installed: bool
    packages: dict[str, str | None]
    """Distribution → installed version."""
    fix: str | None
    precisions: tuple[str, ...]
    formats: dict[str, str]
    """Format → the runtime that opens it; the first, `""`, is the one that is built when nothing is said."""
    devices: tuple[str, ...]
    """Kinds of devices that open its artifacts, of those that need nothing said."""
    ops: tuple[str, ...]
    conformance: Conformance | None = None
    """What is kept of ONNX's operator cases; None for a target without a record."""


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Show the targets: what is installed, versions, precisions and operators. With a NAME, all of one.",
    examples={
        "edgewright targets": "all targets, one line each",
        "edgewright targets tflite": "one target with every operator that it knows, and what it refuses of each",
        "edgewright targets --json": "the same for programs",
    },
)
@click.argument("name", required=False, type=TARGET_NAME)
@pass_output
def targets(output: Output, name: str | None) -> int:
    """Show one target or all."""
    from ..targets.table import TARGETS

    if name is not None:
        state = msgspec.structs.replace(target_state(name), conformance=conformance_of(name))
        output.show(state, lambda console: _show_one(console, state))
    else:
        states = [target_state(each) for each in TARGETS.names]
        output.show({"targets": states}, lambda console: _show_all(console, states))
    return 0


def target_state(name: str) -> TargetState:
    """Look at one target.

    Raises:
        RequestError: when there is no such target.
    """
    from importlib.metadata import version

    from ..targets.table import load_target, missing_packages, require_installed
    from ..vocabulary.errors import MissingExtraError

    target = load_target(name)
    missing = missing_packages(target)
    fix = None
    try:
        require_installed(target)
    except MissingExtraError as error:
        fix = error.hint
    return TargetState(
        name=name,
        installed=not missing,
        packages={package: None if package in missing else version(package) for package in target.packages},
        fix=fix,
        precisions=tuple(str(precision) for precision in target.precisions),
        formats=dict(target.formats),
        devices=_kinds(target),
        ops=target.ops(),
    )


def _show_all(console: Console, states: list[TargetState]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("target", "installed", "formats", "precisions", "operators"):
        table.add_column(title, justify="right" if title in ("precisions", "operators") else "left")
    for state in states:
        table.add_row(
            state.name,
            _packages(state),
            _in_short(_formats(state)),
            str(len(state.precisions)),
            str(len(state.ops)),
        )
    console.print(table)
    console.print("\n`edgewright targets NAME` names the formats, precisions and operators of one")
    for state in states:
        if state.fix is not None:
            console.print(f"\n{state.name} is not installed: {state.fix}", markup=False, soft_wrap=True)


def _show_one(console: Console, state: TargetState) -> None:
    from rich.table import Table
    from rich.text import Text

    formats = _formats(state)
    rows = {
        "installed": _packages(state),
        "precisions": ", ".join(state.precisions),
        "formats": ", ".join(formats) + ("" if formats[0] == "default" else f"; {formats[0]} when nothing is said"),
        "runtimes": ", ".join(dict.fromkeys(map(_runtime, state.formats.values()))),
        "devices": ", ".join(state.devices) or "none that need nothing said",
        "operators": str(len(state.ops)),
    }
    if state.conformance is not None:
        rows["conformance"] = in_a_line(state.conformance.total)
    if state.fix is not None:
        rows["to install"] = state.fix
    console.print(f"[bold]{state.name}[/]")
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for title, value in rows.items():
        grid.add_row(f"  {title}", Text(value))
    console.print(grid)
    if state.conformance is not None:
        show_operators(console, state.ops, state.conformance.operators)
    else:
        console.print(columns(state.ops, console.width, indent=4), markup=False, soft_wrap=True)


def _in_short(names: list[str]) -> str:
    """Name the first of many."""
    return " ".join(names) if len(names) <= MOST_NAMED else f"{' '.join(names[: MOST_NAMED - 1])} … ({len(names)})"


def _formats(state: TargetState) -> list[str]:
    """Name the formats, the one that is built when nothing is said first.

    It has no name of its own where it is the only one, or where no other is opened by its runtime; else it is the first
    of the named.
    """
    unnamed, *named = state.formats
    others = [name for name in named if state.formats[name] == state.formats[unnamed]]
    return named if others else ["default", *named]


def _kinds(target: Target) -> tuple[str, ...]:
    from ..pipeline.places import WITHOUT_SETTINGS, names_without_settings

    names = names_without_settings(next(iter(target.formats.values())))
    return tuple(str(WITHOUT_SETTINGS[name]["kind"]) for name in names)


def _packages(state: TargetState) -> str:
    return ", ".join(f"{name} {number or '(missing)'}" for name, number in state.packages.items()) or "with edgewright"


def _runtime(path: str) -> str:
    return path.rpartition(":")[2]
