"""The main job: a project in; a report, and where every gate holds a signed bundle, out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import TypeVar

from ..fallback.rules import REFERENCE
from ..fallback.select import unfit
from ..profiles.forecast import Forecast
from ..profiles.html import render_html
from ..profiles.latency import profile
from ..profiles.report import Entry, Report, Verdict
from ..vocabulary.errors import EdgewrightError, ToolError
from ..vocabulary.evidence import Evidence
from ..vocabulary.label import Label
from .built_here import build_here, entry_to_be_built
from .bundling import Signer, Written, write_bundle
from .cache import Cache, default_cache_folder
from .config import Project
from .entries import entry_not_opened, entry_of, entry_without_artifact, entry_without_run, samples_of
from .forecast import foretell_planned
from .imported import Imported
from .joining import groups, join
from .kept import Kept, kept_entries, read_report
from .made import prove_beside_recipe
from .making import compile_step_of, make, tunes
from .on_device import Place, Proof, calls_of, is_emulated_at, measure, prove
from .places import check_opened, devices_of, first_opening
from .plan import PlannedArtifact, drawn_sizes, plan_artifacts
from .preparation import Preparation, check_data
from .progress import Progress
from .result import BuildResult, Problem, first_exit_code
from .runner import Runner
from .settling import Settling, check_searches
from .steps.compile_model import CompileModel
from .steps.evaluate import Evaluate
from .steps.import_model import ImportModel
from .subject import Subject
from .verdicts import Verdicts

T = TypeVar("T")

REASON_LENGTH = 400
"""Characters of a problem's message that an entry's reasons take; the whole of it stands in the result's problems."""


def build(
    project: Project,
    out: Path,
    *,
    progress: Progress,
    jobs: int | None = None,
    evidence: Path | None = None,
    cache: Cache | None = None,
) -> BuildResult:
    """Run the whole chain of a project; leave `report.json`, `report.html` and, when all gates hold, a bundle in `out`.

    Up to `jobs` artifacts are made and proved at a time (default: one a core); measurements run alone, after them. An
    artifact that is refused or fails leaves the others alone: it becomes a problem of the result. With `evidence`, a
    kept `report.json`, nothing is run on devices, and none need be there: what it says of them and its entries are
    taken, for artifacts of the same digests.

    Raises:
        EdgewrightError: when nothing can be built at all: the project, the model, the data, the signing key or the
            output folder is wrong.
    """
    kept = Kept(path=evidence, report=read_report(evidence)) if evidence is not None else None
    started = _Build(project, out, progress, cache or Cache(default_cache_folder()), kept)
    return started.run(jobs or os.cpu_count() or 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    subject: Subject
    place: Place

    @property
    def not_opened(self) -> str | None:
        """Why nothing is run of it there: the device does not open it, or is no such machine as it was made for."""
        device, runtime = self.place.device, self.subject.runtime
        if is_emulated_at(device.kind, runtime):  # what stands in for the machine needs not be like it
            return device.cannot_open(runtime)
        return device.cannot_open(runtime) or unfit(self.subject.artifact.requires, self.place.facts)


class _Build:
    """One run of the chain. What is wrong with the request as a whole is found before any work."""

    def __init__(self, project: Project, out: Path, progress: Progress, cache: Cache, kept: Kept | None) -> None:
        self.project, self.out, self.kept = project, out, kept
        self.planned = plan_artifacts(project)
        check_data(project, self.planned)
        check_searches(project, self.planned)
        self.verdicts = Verdicts(project, self.planned)
        self.signer = Signer.of(project.bundle, project.folder)
        devices = devices_of(project)
        check_opened(self.planned, devices, project.where)
        _require_writable(out)
        known = kept.report.devices if kept is not None else {}
        self.places = [Place(device=device, facts=known.get(device.name) or device.facts()) for device in devices]
        self.runner = Runner(cache, progress)
        self.problems: list[Problem] = []
        self.compiled_by: dict[str, CompileModel] = {}

    def run(self, jobs: int) -> BuildResult:
        project, kept = self.project, self.kept.report if self.kept is not None else None
        step = ImportModel.of(project, project.data.evaluation, drawn_sizes(project))
        imported = Imported(self.runner.reading(step))
        preparation = Preparation(project, imported, self.runner)
        settling = Settling(
            project,
            self.runner,
            self.places,
            preparation,
            imported,
            known=kept.searches if kept else (),
            known_measured=kept.measured if kept else (),
        )
        with ThreadPoolExecutor(jobs) as executor, self._cancelled_on_the_way_out():
            forecasts = self._foretell(imported) if kept is None else kept.forecasts
            compiled = self._compile_all(executor, settling, preparation)
            self._join(compiled)
            for name, path in preparation.files(self.planned).items():
                _write(self.out / name, path.read_bytes())
            subjects = (imported.reference, *(subject for subject in compiled if subject is not None))
            if self.kept is None:
                entries = self._find_out(subjects, imported, executor)
            else:
                entries = kept_entries(self.kept, subjects, self.places, self.verdicts.judge_kept)
        for item, subject in zip(self.planned, compiled, strict=True):
            if subject is None:
                places = [place for place in self.places if place.device.cannot_open(item.runtime) is None]
                entries += [entry_without_artifact(item, place, self._reason(item.name)) for place in places]
            elif Label.TO_BE_BUILT in subject.artifact.labels:
                entries.append(entry_to_be_built(subject, first_opening(self.places, item.runtime)))
        entries = [settling.judge(entry) for entry in entries]
        return self._conclude(entries, subjects, imported, kept, settling, forecasts)

    @contextlib.contextmanager
    def _cancelled_on_the_way_out(self) -> Iterator[None]:
        """End what still runs when an exception, Ctrl-C among them, leaves the block."""
        try:
            yield
        except BaseException:
            for event in (self.runner.cancel, *(place.device.cancel for place in self.places)):
                event.set()
            raise

    def _foretell(self, imported: Imported) -> tuple[Forecast, ...]:
        """Say before the work whether the integers that were asked for will be faster."""
        sizes = drawn_sizes(self.project)
        return foretell_planned(self.planned, imported, sizes, self.places, self.runner)

    def _compile_all(self, executor: Executor, settling: Settling, preparation: Preparation) -> list[Subject | None]:
        """Compile several at a time; then one at a time those that are tuned or measured, alone on the machine."""
        compile_ = partial(self._compile, settling, preparation)
        together = [item for item in self.planned if not _wants_the_machine(item)]
        made = dict(zip([item.name for item in together], executor.map(compile_, together), strict=True))
        made |= {item.name: compile_(item) for item in self.planned if _wants_the_machine(item)}
        return [made[item.name] for item in self.planned]

    def _compile(self, settling: Settling, preparation: Preparation, item: PlannedArtifact) -> Subject | None:
        def made() -> Subject:
            settled = settling.settle(item)
            subject = make(settled, preparation, self.runner)
            subject = build_here(subject, self.places, self.runner) if self.kept is None else subject
            if self.verdicts.changes(subject.artifact):
                self.compiled_by[subject.artifact.name] = compile_step_of(settled, preparation)
            return subject

        return self._attempt(item.name, made)

    def _join(self, compiled: list[Subject | None]) -> None:
        """Let artifacts share their files where the project asks for it; where that fails, none of them stands."""
        for places in groups(self.planned, compiled):
            subjects = [subject for place in places if (subject := compiled[place]) is not None]
            for index, place in enumerate(places):  # the work is done once; what goes wrong is told of each
                item = self.planned[place]
                joined = self._attempt(item.name, partial(join, item, subjects, self.runner))
                compiled[place] = joined[index] if joined is not None else None

    def _find_out(self, subjects: Sequence[Subject], imported: Imported, executor: Executor) -> list[Entry]:
        """Prove every artifact on every device that opens it, several at a time; then measure one at a time."""
        pairs = [_Pair(subject=subject, place=place) for subject in subjects for place in self.places]
        opened = [pair for pair in pairs if pair.not_opened is None]
        proofs = iter(list(executor.map(lambda pair: self._prove(pair, imported), opened)))
        return [
            self._measure(pair, next(proofs), imported)
            if pair.not_opened is None
            else entry_not_opened(pair.subject, pair.place, pair.not_opened)
            for pair in pairs
        ]

    def _prove(self, pair: _Pair, imported: Imported) -> Proof | None:
        name, place = pair.subject.artifact.name, pair.place
        judged = Evaluate.of(self.project, imported.signature, pair.subject.artifact, imported.folder)

        def proved() -> Proof:
            proof = prove(pair.subject, place, judged, imported, self.runner)
            compiled = self.compiled_by.get(name)
            if compiled is None:
                return proof
            made = prove_beside_recipe(compiled, pair.subject, place, judged, imported, self.runner)
            return replace(proof, made=made)

        return self._attempt(f"{name} on {place.device.name}", proved)

    def _measure(self, pair: _Pair, proof: Proof | None, imported: Imported) -> Entry:
        name = f"{pair.subject.artifact.name} on {pair.place.device.name}"
        if proof is not None and proof.job.evidence is Evidence.EMULATED:
            batch = calls_of(pair.subject, imported)
            return self.verdicts.judge(entry_of(pair.subject, pair.place, proof, proof.job, None, batch))
        if proof is not None:
            result = self._attempt(name, lambda: measure(pair.subject, pair.place, imported, self.runner))
            if result is not None:
                batch = calls_of(pair.subject, imported)
                entry = entry_of(pair.subject, pair.place, proof, result, profile(samples_of(result)), batch)
                return self.verdicts.judge(entry)
        return self.verdicts.judge(entry_without_run(pair.subject, pair.place, self._reason(name)))

    def _conclude(
        self,
        found: list[Entry],
        subjects: tuple[Subject, ...],
        imported: Imported,
        kept: Report | None,
        settling: Settling,
        forecasts: tuple[Forecast, ...],
    ) -> BuildResult:
        entries = tuple(found)
        facts = kept.devices if kept is not None else {place.device.name: place.facts for place in self.places}
        report = Report(
            name=self.project.bundle.name,
            version=self.project.bundle.version,
            devices=facts,
            entries=entries,
            imported=next(
                (entry.parity for entry in entries if entry.artifact == REFERENCE and entry.parity is not None), None
            ),
            searches=tuple(settling.records[item.name] for item in self.planned if item.name in settling.records),
            measured=tuple(settling.measured[item.name] for item in self.planned if item.name in settling.measured),
            forecasts=forecasts,
        )
        html = render_html(report).encode()
        _write(self.out / "report.json", report.encode())
        _write(self.out / "report.html", html)
        failed = {1} if any(entry.verdict is Verdict.FAIL for entry in entries) else set()
        exit_code = first_exit_code({problem.exit_code for problem in self.problems} | failed)
        written: Written | None = None
        if exit_code == 0:
            written = write_bundle(
                section=self.project.bundle,
                report=report,
                html=html,
                subjects=subjects,
                tolerances=self.verdicts.tolerances_of_all(entries, [subject.artifact for subject in subjects]),
                imported=imported,
                facts=facts,
                signer=self.signer,
                out=self.out,
            )
        return BuildResult(
            report=report,
            report_path=self.out / "report.json",
            bundle=written.folder if written is not None else None,
            archive=written.archive if written is not None else None,
            signed=written is not None and self.signer is not None,
            problems=tuple(self.problems),
            exit_code=exit_code,
        )

    def _attempt(self, subject: str, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except EdgewrightError as error:
            self.problems.append(
                Problem(
                    subject=subject,
                    message=error.message,
                    hint=error.hint,
                    exit_code=error.exit_code,
                    log="\n".join(getattr(error, "__notes__", ())),
                )
            )
            return None

    def _reason(self, subject: str) -> str:
        message = next(problem.message for problem in self.problems if problem.subject == subject)
        return shorten(message, REASON_LENGTH, placeholder=" …")


def _wants_the_machine(item: PlannedArtifact) -> bool:
    return tunes(item) or item.measured is not None


def _require_writable(out: Path) -> None:
    probe = out / f".edgewright-{os.getpid()}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ToolError(f"{out}: cannot be written: {error}", hint="choose another folder with --out") from error


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(data)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ToolError(f"{path}: cannot be written: {error}") from error
