"""`edgewright bisect`: the first tensor where an artifact and the reference part."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Output, escaped, pass_output
from .project_option import project_option
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ..profiles.bisection import Bisection, TensorWalk
    from ..profiles.report import TensorParity

AROUND = 4
"""Compared tensors before and behind the first that parts, which are shown without -v."""


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Walk an artifact of a project beside the reference, tensor by tensor, and name the first where they part: "
    "where the bounds are broken that outputs of its precision are held to. ARTIFACT is its name in the report, "
    "tflite-fp16 say. The runtime shows its inner tensors where it can; else the model is cut, compiled and run again. "
    "Leaves with 1 when a tensor parts, 0 when none does.",
    examples={
        "edgewright bisect tflite-fp16": "of the project in this folder",
        "edgewright bisect tflite-fp16 -C examples/digits -v": "of another project; every tensor",
        "edgewright bisect tflite-fp32 --file model.tflite": "a file that was shipped or changed",
        "edgewright bisect tflite-fp32 --row 63": "on the row that a verdict names",
        "edgewright bisect onnxruntime-fp32 --cut": "by cutting the model, though its tensors could be shown",
    },
)
@click.argument("artifact")
@project_option
@click.option("--file", type=click.Path(path_type=Path), help="A file to look into instead of the one just compiled.")
@click.option("--device", metavar="NAME", help="A device of the project.  [default: the first that opens it]")
@click.option(
    "--calls",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Calls that are compared: on the evaluation row where the artifact is furthest off, and on the first.",
)
@click.option(
    "--row",
    "rows",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="N",
    help="An evaluation row to look at instead, counted from 0 as a verdict does; repeat it.",
)
@click.option("--cut", is_flag=True, help="Cut the model even where the runtime shows inner tensors.")
@pass_output
def bisect(
    output: Output,
    artifact: str,
    folder: Path | None,
    file: Path | None,
    device: str | None,
    calls: int,
    rows: tuple[int, ...],
    cut: bool,
) -> int:
    """Walk, and show the tensors around the first that parts."""
    from ..pipeline.bisect import BisectRequest
    from ..pipeline.bisect import bisect as walk
    from ..pipeline.config import load_project
    from ..profiles.bisection import Way

    way = Way.CUT if cut else None
    request = BisectRequest(artifact=artifact, file=file, device=device, calls=calls, rows=rows, way=way)
    with output.progress() as progress:
        found = walk(load_project(folder or Path()), request, progress=progress)
    output.show(found, lambda console: _text(console, found, output.settings.verbose))
    return 1 if found.first is not None else 0


def _text(console: Console, found: Bisection, verbose: bool) -> None:
    how = "shown by the runtime" if found.way == "shown" else "had by cutting the model"
    calls = "1 call" if found.calls == 1 else f"{found.calls} calls"
    rows = f"row{'' if len(found.rows) == 1 else 's'} {_in_runs(found.rows)}"
    console.print(
        f"[bold]{escaped(found.artifact)}[/] on {escaped(found.device)}  {calls} on {found.inputs} {rows}; "
        f"{found.compared} of {len(found.tensors)} tensors {how}",
        soft_wrap=True,
    )
    for name, parity in found.outputs.items():
        console.print(f"  output {name}: {_in_words(parity)}", markup=False, soft_wrap=True)
    if found.first is None:
        console.print("\nno tensor parts on these rows")
    else:
        here = next(tensor for tensor in found.tensors if tensor.name == found.first)
        console.print(f"\nfirst to part: [bold red]{escaped(here.name)}[/]", soft_wrap=True)
        console.print(
            f"  {here.node or '(unnamed)'} ({here.op}): {'; '.join(here.broken)}", markup=False, soft_wrap=True
        )
    for finding in found.findings:
        console.print(f"  {finding}", markup=False, soft_wrap=True)
    for note in found.notes:
        console.print(f"  {note}", markup=False, soft_wrap=True, style="dim")
    shown = _shown(found, verbose)
    if shown:
        console.print()
        _table(console, shown, found.first)


def _in_runs(rows: Sequence[int]) -> str:
    """`0–6, 63`."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][1] + 1:
            runs[-1][1] = row
        else:
            runs.append([row, row])
    return ", ".join(str(start) if start == stop else f"{start}–{stop}" for start, stop in runs)


def _shown(found: Bisection, verbose: bool) -> list[TensorWalk]:
    compared = [tensor for tensor in found.tensors if tensor.parity is not None]
    if verbose:
        return compared
    at = next((index for index, tensor in enumerate(compared) if tensor.name == found.first), None)
    if at is None:
        return []
    return compared[max(0, at - AROUND) : at + AROUND + 1]


def _table(console: Console, tensors: list[TensorWalk], first: str | None) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("tensor", overflow="fold")
    table.add_column("op")
    for title in ("max |Δ|", "cosine", "SNR", "own SNR"):
        table.add_column(title, justify="right", no_wrap=True)
    for tensor in tensors:
        style = "bold red" if tensor.name == first else "red" if tensor.broken else ""
        assert tensor.parity is not None
        table.add_row(
            escaped(tensor.name),
            tensor.op,
            _figure(tensor.parity.max_abs, ".2e"),
            _figure(tensor.parity.cosine, ".6f"),
            _decibels(tensor.parity),
            _decibels(tensor.own) if tensor.own is not None else "",
            style=style,
        )
    console.print(table)


def _in_words(parity: TensorParity) -> str:
    if parity.max_abs == 0.0:
        return "equal"
    return f"off by {_figure(parity.max_abs, '.3g')}, cosine {_figure(parity.cosine, '.6f')}"


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else "0" if value == 0.0 else format(value, form)


def _decibels(parity: TensorParity) -> str:
    return "equal" if parity.max_abs == 0.0 else "–" if parity.snr_db is None else f"{parity.snr_db:.1f} dB"
