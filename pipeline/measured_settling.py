"""Settles the steps of recipes that ask for latency, by measuring artifacts with and without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..profiles.measured_search import MeasuredSearch
from ..vocabulary.evidence import Evidence
from .built_here import build_here
from .imported import Imported
from .making import compile_step_of
from .measured_layers import limit_of, search_layers
from .measured_probe import probe_of
from .measured_request import MeasuredRequest
from .measured_share import LIMIT, search_share
from .measured_turns import Turns, by_turns
from .on_device import Place
from .places import first_opening
from .plan import PlannedArtifact
from .preparation import Preparation
from .runner import Runner
from .steps.compile_model import read_artifact
from .steps.list_factored import FactoredLayers, ListFactored, read_factored
from .subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Workbench:
    """What artifacts are made and measured with. They are measured at the first of `places` that opens them."""

    where: str
    runner: Runner
    places: Sequence[Place]
    preparation: Preparation
    imported: Imported


def settle_measured(item: PlannedArtifact, bench: Workbench) -> tuple[PlannedArtifact, MeasuredSearch]:
    """Give the artifact with the options that were found written into its recipe, and how they were found.

    Steps that learn are left out while measuring: what weights say changes no latency. Nothing else should run on the
    machine meanwhile.

    Raises:
        RefusedError: when the step cannot do anything for the model.
        EdgewrightError: what compiling or measuring raised.
    """
    assert item.measured is not None
    probe = replace(probe_of(item, bench.where), mixed=None)
    assert probe.measured is not None
    return (_layers if item.measured.step == "low_rank" else _share)(item, probe, probe.measured, bench)


def settled(item: PlannedArtifact, found: MeasuredSearch) -> PlannedArtifact:
    """Give the artifact with what a search found written into its recipe."""
    assert item.measured is not None
    options = {"layers": list(found.chosen)} if found.step == "low_rank" else {"macs": found.chosen[0]}
    return with_options(item, item.measured, options if found.chosen else None)


def with_options(item: PlannedArtifact, request: MeasuredRequest, options: Mapping[str, Any] | None) -> PlannedArtifact:
    """Give the artifact with these options for the step that asks; None takes the step out."""
    before, step, behind = item.recipe[: request.at], item.recipe[request.at], item.recipe[request.at + 1 :]
    changed = () if options is None else ({request.step: {**step[request.step], **options}},)
    return replace(item, recipe=(*before, *changed, *behind), measured=None)


def _layers(
    item: PlannedArtifact, probe: PlannedArtifact, request: MeasuredRequest, bench: Workbench
) -> tuple[PlannedArtifact, MeasuredSearch]:
    factored = _factored(probe, request, bench)
    candidates = factored.layers
    limit = limit_of(len(candidates))
    place, evidence = first_opening(bench.places, item.runtime), set[Evidence]()
    bench.runner.progress.announced(
        f"{item.name}: {len(candidates)} layers as factors, at most {limit} comparisons by turns on {place.device.name}"
    )

    def subject(names: Sequence[str]) -> Subject:
        return _make(with_options(probe, request, {"layers": list(names)} if names else None), bench)

    def compare(names: tuple[str, ...], beside: tuple[str, ...]) -> Turns:
        turns = by_turns(subject(names), subject(beside), place, bench.imported, bench.runner)
        evidence.add(turns.evidence)
        return turns

    chosen, comparisons = search_layers(candidates, factored.macs, compare)
    record = MeasuredSearch(
        artifact=item.name,
        step=request.step,
        asked=request.asked,
        device=place.device.name,
        evidence=evidence.pop(),
        limit=limit,
        comparisons=comparisons,
        candidates=tuple(each.node for each in candidates),
        chosen=chosen,
        holds=True,
    )
    return settled(item, record), record


def _share(
    item: PlannedArtifact, probe: PlannedArtifact, request: MeasuredRequest, bench: Workbench
) -> tuple[PlannedArtifact, MeasuredSearch]:
    assert request.percent is not None
    place, evidence = first_opening(bench.places, item.runtime), set[Evidence]()
    bench.runner.progress.announced(
        f"{item.name}: at most {LIMIT} comparisons by turns on {place.device.name} for {request.asked}"
    )
    whole = _make(with_options(probe, request, None), bench)

    def compare(share: int) -> Turns:
        pruned = _make(with_options(probe, request, {"macs": f"{share}%"}), bench)
        turns = by_turns(pruned, whole, place, bench.imported, bench.runner)
        evidence.add(turns.evidence)
        return turns

    share, holds, comparisons = search_share(request.percent, compare)
    record = MeasuredSearch(
        artifact=item.name,
        step=request.step,
        asked=request.asked,
        device=place.device.name,
        evidence=evidence.pop(),
        limit=LIMIT,
        comparisons=comparisons,
        chosen=(f"{share}%",),
        holds=holds,
    )
    return settled(item, record), record


def _factored(probe: PlannedArtifact, request: MeasuredRequest, bench: Workbench) -> FactoredLayers:
    model, steps = bench.preparation.prepare(replace(probe, recipe=probe.recipe[: request.at + 1], measured=None))
    where = f"{bench.where}: recipes.{probe.options.variant}"
    return read_factored(bench.runner.step(ListFactored(model=model, steps=steps, where=where)))


def _make(item: PlannedArtifact, bench: Workbench) -> Subject:
    """Compile without tuning, which would take its time for every try."""
    entry = bench.runner.step(compile_step_of(item, bench.preparation))
    subject = Subject(artifact=read_artifact(entry), folder=entry / "files", runtime=item.runtime)
    return build_here(subject, bench.places, bench.runner)
