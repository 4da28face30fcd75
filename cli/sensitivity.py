"""The ranking of nodes that `edgewright inspect --sensitivity` adds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.config import ModelSection
    from ..pipeline.sensitivity import Sensitivity

SHOWN = 12
"""Nodes that are shown without --verbose."""


def rank_nodes(
    output: Output,
    model: ModelSection,
    *,
    targets: Sequence[str],
    precision: str,
    calibration: str | None,
    rows: str | None,
) -> tuple[Sensitivity, ...]:
    """Rank the nodes of a model for each target.

    Raises:
        click.UsageError: when there is no calibration data.
        RequestError: when there is no such precision, or a target has no scheme for it.
    """
    from ..pipeline.adhoc import project_for, selection_of
    from ..pipeline.sensitivity import sensitivities
    from ..vocabulary.errors import RequestError
    from ..vocabulary.precision import Precision

    if calibration is None:
        raise click.UsageError("--sensitivity goes with --calibration: the nodes are judged by rows of data")
    known = [name for name in Precision if name.integer and not name.sparse]
    if precision not in known:
        raise RequestError(f"there is no precision of integers named {precision!r}", hint=f"known: {', '.join(known)}")
    project = project_for(
        model,
        targets=targets,
        evaluation=None,
        calibration=selection_of(calibration, rows=rows, option="--calibration-rows"),
        metric=None,
        recipes=("fp32",),
        signing_key=None,
        folder=Path.cwd(),
    )
    with output.progress() as progress:
        return sensitivities(project, precision=Precision(precision), progress=progress)


def show_ranking(console: Console, found: Sequence[Sensitivity], verbose: bool) -> None:
    """Show a table for each target, the most sensitive nodes first."""
    from rich.table import Table
    from rich.text import Text

    for sensitivity in found:
        console.print()
        console.print(
            f"{sensitivity.target}, {sensitivity.precision}: what is left of the outputs when one node is integers",
            markup=False,
            soft_wrap=True,
        )
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        table.add_column("SNR", justify="right", no_wrap=True)
        table.add_column("node", overflow="fold", max_width=max(20, console.width // 3))
        table.add_column("why", overflow="fold")
        shown = sensitivity.ranking if verbose else sensitivity.ranking[:SHOWN]
        for node in shown:
            table.add_row(f"{node.snr_db:.1f} dB", Text(f"{node.node} ({node.op})"), Text(node.why))
        console.print(table)
        left = len(sensitivity.ranking) - len(shown)
        if left:
            console.print(f"and {left} more; -v shows them", markup=False)
        kept = [note for note in sensitivity.notes if note.text.startswith("kept float")]
        if (verbose and sensitivity.notes) or kept:
            console.print("\nwhat quantizing says of nodes" if verbose else "\nwhat stays float, and why", markup=False)
            for told in sensitivity.notes if verbose else kept[:SHOWN]:
                console.print(f"  {told.where}: {told.text}", markup=False, soft_wrap=True)
            if not verbose and len(kept) > SHOWN:
                console.print(f"  and {len(kept) - SHOWN} more; -v shows them", markup=False)
