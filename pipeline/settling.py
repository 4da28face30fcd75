"""Settles the recipes that leave something to be searched, before their artifacts are made."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock

import msgspec

from ..profiles.measured_search import MeasuredSearch
from ..profiles.mixed_precision import MixedPrecisionSearch
from ..profiles.report import Entry, MetricResult, Verdict
from .config import Project
from .imported import Imported
from .making import make
from .measured_settling import Workbench, settle_measured, settled
from .mixed_precision import keeping, limit_of, search
from .on_device import Place
from .places import first_opening
from .plan import PlannedArtifact
from .preparation import Preparation
from .runner import Runner
from .steps.rank_nodes import RankNodes, read_ranking
from .tuning import Tuning, tuning_rows


def check_searches(project: Project, planned: Sequence[PlannedArtifact]) -> None:
    """Check, before any work, that what searches judge by is there.

    Raises:
        ConfigError: when a recipe asks for one and there are no tuning rows, no metric or no labels.
    """
    for item in planned:
        if item.mixed is not None:
            tuning_rows(project, _asking(item))


class Settling:
    """The searches of one build; asked from several threads, but for what is measured, which wants the machine alone.

    `records` and `measured` have what was found, by artifact.
    """

    def __init__(
        self,
        project: Project,
        runner: Runner,
        places: Sequence[Place],
        preparation: Preparation,
        imported: Imported,
        known: Sequence[MixedPrecisionSearch] = (),
        known_measured: Sequence[MeasuredSearch] = (),
    ) -> None:
        """Artifacts are judged at the first of `places` that opens them. What is `known` is not searched again."""
        self._project, self._runner, self._places, self._preparation = project, runner, places, preparation
        self._bench = Workbench(
            where=project.where, runner=runner, places=places, preparation=preparation, imported=imported
        )
        self._known = {record.artifact: record for record in known}
        self._known_measured = {record.artifact: record for record in known_measured}
        self._lock = Lock()
        self.records: dict[str, MixedPrecisionSearch] = {}
        self.measured: dict[str, MeasuredSearch] = {}

    def settle(self, item: PlannedArtifact) -> PlannedArtifact:
        """Give the artifact with all of its recipe known.

        Raises:
            EdgewrightError: what ranking, compiling, measuring or running raised.
        """
        if item.measured is not None:
            item = self._measure(item)
        if item.mixed is None:
            return item
        known = self._known.get(item.name)
        if known is not None:
            self.records[item.name] = known
            return keeping(item, known.kept_float)
        model, steps = self._preparation.prepare(item)
        ranking = read_ranking(
            self._runner.step(
                RankNodes(
                    model=model,
                    target=item.target.name,
                    steps=steps,
                    rows=self._tuning.rows,
                    where=f"{self._project.where}: recipes.{item.options.variant}",
                )
            )
        ).ranking
        limit = limit_of(len(ranking), item.mixed.evaluations)
        self._runner.progress.announced(
            f"{item.name}: at most {limit} evaluations on {self._tuning.imported.inputs.row_count} tuning rows, "
            f"for {item.mixed.max_drop} with as few of {len(ranking)} nodes in float as can be"
        )
        chosen, record = search(item, item.mixed.max_drop, ranking, limit, self._judge)
        self.records[item.name] = record
        return chosen

    def judge(self, entry: Entry) -> Entry:
        """Give an entry as failed when the search for its recipe found nothing that holds."""
        measured = self.measured.get(entry.artifact)
        if measured is not None and not measured.holds:
            fastest = min(each.ratio for each in measured.comparisons)
            reason = (
                f"recipe: nothing meets {measured.asked} on {measured.device}; the fastest of "
                f"{len(measured.comparisons)} takes {fastest:.0%}"
            )
            entry = msgspec.structs.replace(entry, verdict=Verdict.FAIL, reasons=(*entry.reasons, reason))
        record = self.records.get(entry.artifact)
        if record is None or record.holds:
            return entry
        best = min(record.evaluations, key=lambda each: (each.drop, each.kept_float))
        reason = (
            f"recipe: nothing keeps within {record.max_drop} on the tuning rows; the best of {len(record.evaluations)} "
            f"evaluations drops by {best.drop:.3g} {best.unit} with {best.kept_float} nodes in float"
        )
        return msgspec.structs.replace(entry, verdict=Verdict.FAIL, reasons=(*entry.reasons, reason))

    def _measure(self, item: PlannedArtifact) -> PlannedArtifact:
        known = self._known_measured.get(item.name)
        if known is not None:
            self.measured[item.name] = known
            return settled(item, known)
        found, self.measured[item.name] = settle_measured(item, self._bench)
        return found

    def _judge(self, item: PlannedArtifact) -> tuple[MetricResult, int]:
        subject = make(item, self._preparation, self._runner)
        metric = self._tuning.judge(subject, first_opening(self._places, subject.runtime)).metric
        assert metric is not None, "the project names one"
        return metric, subject.artifact.size_bytes

    @property
    def _tuning(self) -> Tuning:
        with self._lock:
            return self._one_tuning

    @cached_property
    def _one_tuning(self) -> Tuning:
        return Tuning(self._project, self._runner, "a recipe with max_drop")


def _asking(item: PlannedArtifact) -> str:
    return f"recipe {item.options.variant!r} with max_drop"
