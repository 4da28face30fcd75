"""`edgewright build`: the whole chain, by a project file or by what the line says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..vocabulary.precision import Precision
from .build_request import KEY_VARIABLE, BuildRequest
from .model_options import MODEL_HELP, model_options
from .names import RECIPE_NAME, TARGET_NAME
from .output import Output, pass_output, path_from_here
from .project_option import project_option
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.config import Project
    from ..pipeline.result import BuildResult, Problem
    from ..profiles.report import Entry


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Compile a model for every target, prove each artifact equal to the original, measure it, and put what holds "
    f"all gates into one signed bundle. Without MODEL by the edgewright.toml of this folder (or -C). {MODEL_HELP} "
    "Leaves with 0 when all gates hold, 1 when one fails, 2 when a target refuses the model, 3 when a tool fails.",
    examples={
        "edgewright build": "by the edgewright.toml of this folder",
        "edgewright build -C examples/digits -o out -t tflite": "another project, one target of it",
        "edgewright build model.onnx -t tflite -t onnxruntime -o out": "without a project file, on drawn inputs",
        "edgewright build model.onnx -t tflite --evaluation test.npz --labels label --metric top1": "with a metric",
        "edgewright build net.py:load --arg w.pt --input 'x=float32[batch,64]' -t tflite --recipe fp16": "PyTorch",
        "edgewright build --evidence out/report.json": "with the figures of a kept report: the same bundle again",
    },
)
@click.argument("model", required=False)
@project_option
@click.option("-t", "--target", "targets", multiple=True, type=TARGET_NAME, help="A target; repeat it.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the results.  [default: out beside the project file]",
)
@click.option("--evaluation", metavar="DATA", help="Rows to judge by: data.npz or loader.py:function.")
@click.option("--rows", metavar="START:STOP", help="Which rows of the evaluation data.  [default: all]")
@click.option("--labels", metavar="NAME", help="The array of the evaluation data that holds the labels.")
@click.option("--calibration", metavar="DATA", help="Rows that static quantization looks at, said in the same way.")
@click.option("--calibration-rows", metavar="START:STOP", help="Which rows of the calibration data.  [default: all]")
@click.option("--metric", metavar="NAME", help="The task metric: top1, top5, mse, mae, psnr, cosine or auc.")
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    type=RECIPE_NAME,
    help=f"A precision: {', '.join(Precision)}; repeat it.  [default: fp32]",
)
@click.option("--key", metavar="PEM", help=f"Private key that signs the bundle.  [default: ${KEY_VARIABLE}]")
@model_options
@click.option("--evidence", type=click.Path(path_type=Path), help="A kept report.json; nothing is measured again.")
@click.option(
    "--allow-not-run", "allowed", multiple=True, metavar="GATE", help="A gate that may be not-run; repeat it."
)
@click.option("--jobs", type=click.IntRange(min=1), help="How many steps at a time.  [default: one a core]")
@pass_output
def build(
    output: Output,
    /,
    out: Path | None,
    evidence: Path | None,
    jobs: int | None,
    **asked: Any,
) -> int:
    """Build, then show the verdicts and where the results lie."""
    from ..pipeline.execute import build as run

    project = BuildRequest(**asked).project()
    for line in _devices(project):
        output.note(line)
    with output.progress() as progress:
        result = run(project, out or project.folder / "out", progress=progress, jobs=jobs, evidence=evidence)
    if output.settings.debug:
        for problem in result.problems:
            click.echo(f"{problem.subject}:\n{problem.log or problem.message}", err=True)
    place = f" -C {path_from_here(project.folder)}" if project.folder.absolute() != Path.cwd() else ""
    closer = f"edgewright bisect{place}" if asked["model"] is None else None
    output.show(result, lambda console: _text(console, result, closer, output.settings.verbose))
    return result.exit_code


def _devices(project: Project) -> list[str]:
    """Say which devices a line implies beside this machine."""
    from ..pipeline.adhoc import WHERE
    from ..pipeline.places import HERE

    added = [f"{name} (kind {table['kind']})" for name, table in project.devices.items() if name != HERE]
    if project.where != WHERE or not added:
        return []
    return [f"runs on {', '.join(added)}, too: this machine itself does not open what every target makes"]


def _text(console: Console, result: BuildResult, closer: str | None, verbose: bool) -> None:
    """Print it all; `closer` is the command that looks into an artifact, None where there is no project for it."""
    from ..profiles.render import render

    console.print(render(result.report, console.width))
    console.print()
    if verbose:
        for problem in result.problems:
            console.print(f"{problem.subject}: {problem.message}", markup=False, soft_wrap=True)
    for hint, subjects in _hints(result.problems).items():
        console.print(f"hint for {', '.join(subjects)}: {hint}", markup=False, soft_wrap=True)
    if closer is not None and (parting := _parting(result.report.entries)) is not None:
        console.print(f"see where {parting} goes wrong:  {closer} {parting}", markup=False, soft_wrap=True)
    for line in _not_judged(result.report.entries):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"report   {path_from_here(result.report_path)}, and report.html beside it", soft_wrap=True)
    if result.bundle is None or result.archive is None:
        console.print(f"no bundle: {_WHY_NOT[result.exit_code]}", style="bold red")
        old = result.report_path.parent / "bundle"
        if old.exists():
            console.print(f"{path_from_here(old)} is of an earlier build, and as it was", soft_wrap=True, markup=False)
        return
    state = "signed" if result.signed else "unsigned: `edgewright keygen` makes a key pair, and no verifier takes it so"
    console.print(f"bundle   {path_from_here(result.bundle)}, {state}", markup=False, soft_wrap=True)
    console.print(f"archive  {path_from_here(result.archive)}", markup=False, soft_wrap=True)


def _parting(entries: Sequence[Entry]) -> str | None:
    """Name the first artifact whose outputs are too far from the original's."""
    from ..fallback.rules import REFERENCE
    from ..profiles.gates import TENSOR_GATES

    parting = (
        entry.artifact
        for entry in entries
        if entry.artifact != REFERENCE
        and any(reason.removeprefix("golden vectors: ").partition(":")[0] in TENSOR_GATES for reason in entry.reasons)
        and entry.verdict == "fail"
    )
    return next(parting, None)


def _not_judged(entries: Sequence[Entry]) -> list[str]:
    """Say plainly what the verdicts do not speak of, where nothing was given to judge it by."""
    lines = []
    if any(entry.parity is not None and entry.parity.inputs == "drawn" for entry in entries):
        lines.append("inputs   drawn from the signature: no evaluation data was given")
    if all(entry.metric is None for entry in entries):
        lines.append("metric   not run: only tensors were compared")
    return lines


def _hints(problems: Sequence[Problem]) -> dict[str, list[str]]:
    """Say each hint once, with the artifacts that it is for; the table has told their problems already."""
    hints: dict[str, list[str]] = {}
    for problem in sorted(problems, key=lambda problem: problem.subject):
        if problem.hint is not None:
            hints.setdefault(problem.hint, []).append(problem.subject)
    return hints


_WHY_NOT = {
    1: "not every gate holds",
    2: "a target refused the model, or something that was asked for is wrong",
    3: "a tool or a device failed",
    4: "a signature was refused",
}
