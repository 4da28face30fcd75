"""`edgewright doctor`: what is missing on this machine, and the command that fixes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from .health import Check, State, checks
from .output import Output, escaped, pass_output
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Show what is missing on this machine, and the command that fixes it. Leaves with 3 when edgewright itself "
    "cannot work; what only some targets or verbs need is listed and no failure.",
    examples={
        "edgewright doctor": "look at Python, packages, extras, Chromium, Node, cache, key and processor",
        "edgewright doctor --json": "the same for programs",
    },
)
@pass_output
def doctor(output: Output) -> int:
    """Run all checks and show them."""
    found = checks()
    healthy = all(check.state is not State.MISSING for check in found)
    output.show({"checks": found, "healthy": healthy}, _text(found, healthy))
    return 0 if healthy else 3


def _text(found: list[Check], healthy: bool) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for check in found:
            colour, mark = _MARKS[check.state]
            table.add_row(f"[{colour}]{mark}[/]", check.name, escaped(check.detail))
            if check.fix is not None:
                table.add_row("", "", f"[bold]{escaped(check.fix)}[/]")
        console.print(table)
        console.print("\nready" if healthy else "\nnot ready: fix what is marked ✗")

    return show


_MARKS = {State.OK: ("green", "✓"), State.OPTIONAL: ("yellow", "–"), State.MISSING: ("red", "✗")}
