"""`edgewright inspect`: what a model is, and what each target would do with it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .inspect_package import inspect_package
from .model_options import MODEL_HELP, model_options
from .names import TARGET_NAME
from .output import Output, columns, escaped, pass_output
from .sensitivity import rank_nodes, show_ranking
from .units import in_bytes, in_count
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.steps.inspect_model import Inspection, TargetOutlook
    from ..profiles.forecast import Forecast
    from ..targets.artifact import NodeCoverage
    from ..vocabulary.signature import TensorSpec


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help=f"Show a model's signature, operators, parameters, multiply-accumulates, opset and size, and what each target "
    f"would do with every node. {MODEL_HELP} With --sensitivity, which nodes lose the most when "
    "they are quantized, and why. Leaves with 2 when a target named by -t refuses it. MODEL may also be a Core ML "
    "package, name.mlpackage, by whomever it was made: its functions, operations, weights and metadata are shown.",
    examples={
        "edgewright inspect model.onnx": "the model, and every installed target",
        "edgewright inspect model.onnx -t tflite -v": "one target, and every node that it refuses",
        "edgewright inspect model.onnx -t tflite --sensitivity --calibration data.npz": "what int8 loses, where",
        "edgewright inspect model.onnx --forecast": "and whether int8 would be faster on this machine",
        "edgewright inspect model.mlpackage -v": "a Core ML package, and its largest weights",
        "edgewright inspect net.py:load --arg weights.pt --input 'x=float32[batch,3,32,32]'": "a PyTorch model",
    },
)
@click.argument("model")
@click.option("-t", "--target", "targets", multiple=True, type=TARGET_NAME, help="A target; repeat it.  [default: all]")
@click.option("--sensitivity", is_flag=True, help="Rank the nodes by what quantizing each alone costs.")
@click.option("--precision", metavar="NAME", default="static_wi8_ai8", show_default=True, help="The precision of that.")
@click.option("--calibration", metavar="DATA", help="Rows to judge the nodes by: data.npz or loader.py:function.")
@click.option("--calibration-rows", metavar="START:STOP", help="Which rows of it.  [default: all]")
@click.option(
    "--forecast", is_flag=True, help="Measure kernels of the model's shapes: would int8 be faster on this machine?"
)
@model_options
@pass_output
def inspect(
    output: Output,
    /,
    model: str,
    targets: tuple[str, ...],
    forecast: bool,
    sensitivity: bool,
    precision: str,
    calibration: str | None,
    calibration_rows: str | None,
    **said: tuple[str, ...],
) -> int:
    """Import it in a child and show what it is; a package is read here."""
    from ..pipeline.look_at_package import is_package

    if is_package(model):
        return inspect_package(output, model, _given(click.get_current_context()))
    from ..pipeline.adhoc import model_section
    from ..pipeline.look import inspect as look
    from ..pipeline.look import options_for, with_forecasts
    from ..targets.table import TARGETS

    section = model_section(model, **said)
    asked = options_for(targets or TARGETS.names)
    with output.progress() as progress:
        found = look(section, folder=Path.cwd(), targets=asked, progress=progress)
        if forecast:
            found = with_forecasts(found, progress=progress)
    verbose = output.settings.verbose
    if not sensitivity:
        output.show(found, lambda console: _text(console, found, verbose))
        return _exit_code(found, targets)
    ranked = rank_nodes(
        output,
        section,
        targets=targets or TARGETS.names,
        precision=precision,
        calibration=calibration,
        rows=calibration_rows,
    )

    def both(console: Console) -> None:
        _text(console, found, verbose)
        show_ranking(console, ranked, verbose)

    output.show({"inspection": found, "sensitivity": ranked}, both)
    return _exit_code(found, targets)


def _given(context: click.Context) -> list[str]:
    """Give the verb's own options that were said."""
    verb, said = context.command, click.core.ParameterSource.COMMANDLINE
    assert isinstance(verb, Verb)
    own = [each for each in verb.params if isinstance(each, click.Option) and each not in verb.globals]
    return [each.opts[-1] for each in own if context.get_parameter_source(each.name or "") is said]


def _exit_code(found: Inspection, targets: Sequence[str]) -> int:
    return 2 if any(_is_refused(found.targets[name]) for name in targets) else 0


def _text(console: Console, found: Inspection, verbose: bool) -> None:
    console.print(f"[bold]{escaped(found.source)}[/]  {found.framework}, opset {found.opset}", soft_wrap=True)
    places = [("in", spec) for spec in found.signature.inputs] + [("out", spec) for spec in found.signature.outputs]
    width = max(len(spec.name) for _, spec in places)
    for way, spec in places:
        console.print(f"  {way:<4}{spec.name:<{width}}  {_shape(spec)}", markup=False, soft_wrap=True)
    macs = f"{in_count(found.macs)}" + ("" if found.macs_complete else ", and more that could not be counted")
    facts = {
        "size": in_bytes(found.size_bytes),
        "parameters": f"{in_count(found.parameters)} in {in_bytes(found.parameter_bytes)}",
        "MACs a call": f"{macs}, open dimensions counted as 1" if found.signature.symbols else macs,
        "operators": str(sum(found.ops.values())),
    }
    console.print()
    for title, value in facts.items():
        console.print(f"  {title:<13}{value}", markup=False, soft_wrap=True)
    ops = sorted(found.ops.items(), key=lambda item: (-item[1], item[0]))
    console.print(columns([f"{count:>4} {op}" for op, count in ops], console.width, indent=2), markup=False)
    if found.targets:
        console.print()
        _show_targets(console, found.targets, verbose)
    if found.forecasts:
        _show_forecasts(console, found.forecasts)


def _show_targets(console: Console, targets: Mapping[str, TargetOutlook], verbose: bool) -> None:
    from rich.table import Table

    from ..targets.artifact import Handling

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("target")
    for handling in Handling:
        table.add_column(str(handling), justify="right")
    for name, outlook in targets.items():
        coverage = outlook.coverage
        counts = ["–"] * len(Handling) if coverage is None else [str(coverage.count(each)) for each in Handling]
        table.add_row(name, *counts)
    console.print(table)
    for name, outlook in targets.items():
        if outlook.coverage is None:
            console.print(f"\n{name}: {outlook.problem}", markup=False, soft_wrap=True)
            if outlook.hint:
                console.print(f"  {outlook.hint}", markup=False, soft_wrap=True)
        else:
            if outlook.coverage.refused:
                _show_refusals(console, name, outlook.coverage.refused, verbose)
            for backend, nodes in _lacking(outlook.coverage.nodes).items():
                console.print(f"\n{name} on {backend} cannot compute {', '.join(nodes)}", markup=False, soft_wrap=True)


def _show_forecasts(console: Console, forecasts: Sequence[Forecast]) -> None:
    from ..profiles.forecast import line_of
    from ..profiles.wording import time_of

    for forecast in forecasts:
        console.print(f"\n{line_of(forecast)}", markup=False, soft_wrap=True)
        for kernel in forecast.kernels:
            times = f"{time_of(kernel.float_ms)} → {time_of(kernel.integer_ms)}"
            console.print(f"  {kernel.ratio:.2f}  {kernel.kernel}: {times}", markup=False, soft_wrap=True)


def _show_refusals(console: Console, name: str, refused: Sequence[NodeCoverage], verbose: bool) -> None:
    console.print(f"\n{name} refuses")
    if verbose:
        for node in refused:
            console.print(f"  {node.node or '(unnamed)'} ({node.op}): {node.detail}", markup=False, soft_wrap=True)
        return
    kinds = Counter((node.op, node.detail) for node in refused)
    for (op, reason), count in kinds.most_common():
        first = next(node.node or "(unnamed)" for node in refused if (node.op, node.detail) == (op, reason))
        others = f" and {count - 1} more" if count > 1 else ""
        console.print(f"  {op}: {reason}: {first}{others}", markup=False, soft_wrap=True)


def _lacking(nodes: Sequence[NodeCoverage]) -> dict[str, list[str]]:
    """Give by backend the nodes that are said, and that it has no kernels for."""
    from ..targets.artifact import Handling

    found: dict[str, list[str]] = {}
    for node in nodes:
        for backend in _NOT_ON.findall(node.detail) if node.handling is not Handling.REFUSED else ():
            found.setdefault(backend, []).append(f"{node.node} ({node.op})" if node.node else node.op)
    return found


_NOT_ON = re.compile(r"; not on (\w+)")
"""How a coverage names a backend that lacks a node's kernels."""


def _shape(spec: TensorSpec) -> str:
    notes = [spec.layout or "", f"{spec.range[0]:g}…{spec.range[1]:g}" if spec.range else ""]
    return "  ".join([f"{spec.dtype}[{', '.join(map(str, spec.shape))}]", *filter(None, notes)])


def _is_refused(outlook: TargetOutlook) -> bool:
    return outlook.coverage is None or bool(outlook.coverage.refused)
