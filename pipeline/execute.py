"""The main job: a project in; a report, and where every gate holds a signed bundle, out."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from ..devices.table import make_device
from ..profiles.report import Entry, Report
from ..targets.artifact import Artifact
from ..vocabulary.errors import EdgewrightError, RequestError, ToolError
from .bundling import Signer, write_bundle
from .cache import Cache, default_cache_folder
from .config import Project
from .entries import Found, entry_of, failed_entry
from .measured import Place, Subject, measure, prove
from .plan import PlannedArtifact, plan_artifacts
from .progress import Progress
from .result import BuildResult, Problem, first_exit_code
from .runner import Runner
from .steps.base import content_digest
from .steps.compile_model import CompileModel, read_artifact
from .steps.evaluate import Evaluate
from .steps.import_model import ImportModel
from .verdicts import Verdicts

T = TypeVar("T")

REFERENCE_RUNTIME = "edgewright.targets.onnxruntime.runtime:Reference"


def build(
    project: Project,
    out: Path,
    *,
    progress: Progress,
    jobs: int | None = None,
    evidence: Path | None = None,
    cache: Cache | None = None,
) -> BuildResult:
    """Run the whole chain of a project and leave `report.json`, and when all gates hold a bundle, under `out`.

    Up to `jobs` artifacts are made and proved at a time (default: one a core); measurements run alone, after them. An
    artifact that is refused or fails leaves the others alone: it becomes a problem of the result. With `evidence`, a
    kept `report.json`, nothing is run on devices: its entries are taken for artifacts of the same digests.

    Raises:
        EdgewrightError: when nothing can be built at all: the project, the model, the data, the signing key or the
            output folder is wrong.
    """
    planned = plan_artifacts(project)
    verdicts = Verdicts(project)
    signer = Signer.of(project)
    devices = [make_device(name, table, project.where) for name, table in project.devices.items()]
    _require_writable(out)
    runner = Runner(cache or Cache(default_cache_folder()), progress)
    imported = runner.import_model(
        ImportModel(
            folder=str(project.folder),
            model=project.model,
            evaluation=project.data.evaluation,
            golden_rows=project.bundle.golden_rows,
        )
    )
    places = [Place(device=device, facts=device.facts()) for device in devices]
    reference = Subject(
        artifact=read_artifact(imported), folder=imported / "source", runtime=REFERENCE_RUNTIME
    )
    problems: list[Problem] = []
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as executor:
        subjects = _compile(planned, imported, runner, executor, problems)
        run = [reference, *(subject for _, subject in subjects if subject is not None)]
        if evidence is None:
            found = _find_out(run, places, project, imported, runner, executor, problems)
        else:
            found = _kept(evidence, run)
    entries = [verdicts.of(entry) for entry in [*found, *(failed_entry(item) for item, got in subjects if got is None)]]
    report = Report(
        name=project.bundle.name,
        version=project.bundle.version,
        devices={place.device.name: place.facts for place in places},
        entries=tuple(entries),
    )
    raise NotImplementedError


def _require_writable(out: Path) -> None:
    probe = out / f".edgewright-{os.getpid()}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ToolError(f"{out}: cannot be written: {error}", hint="choose another folder with --out") from error


def _attempt(subject: str, problems: list[Problem], work: Callable[[], T]) -> T | None:
    try:
        return work()
    except EdgewrightError as error:
        problems.append(Problem(subject=subject, message=error.message, hint=error.hint, exit_code=error.exit_code))
        return None
