"""The search for the fewest nodes of a variant that must stay float to keep within a drop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..profiles.mixed_precision import Evaluation, MixedPrecisionSearch
from ..profiles.report import MetricResult
from ..vocabulary.errors import ConfigError
from ..vocabulary.quantity import Quantity
from ..vocabulary.sensitivity import NodeSensitivity
from .fewest import evaluations_needed, fewest
from .plan import PlannedArtifact

Judged = tuple[MetricResult, int]
"""The task metric of an artifact on the tuning rows, and its size in bytes."""


def limit_of(candidates: int, asked: int) -> int:
    """Give the number of evaluations that is announced: what the search can need, or fewer when so many are asked."""
    return min(asked, evaluations_needed(candidates))


def search(
    item: PlannedArtifact,
    max_drop: Quantity,
    ranking: Sequence[NodeSensitivity],
    limit: int,
    judge: Callable[[PlannedArtifact], Judged],
) -> tuple[PlannedArtifact, MixedPrecisionSearch]:
    """Find the fewest of the most sensitive nodes that must stay float, in at most `limit` calls of `judge`.

    `judge` compiles an artifact and runs it over the tuning rows. Where nothing keeps within `max_drop`, the artifact
    with the smallest drop is taken, and the record says that it does not hold.

    Raises:
        ConfigError: when `max_drop` and the metric are not in one unit.
        EdgewrightError: what `judge` raises.
    """
    made: dict[int, Evaluation] = {}
    rows = 0

    def holds(count: int) -> bool:
        nonlocal rows
        metric, size_bytes = judge(keeping(item, [node.node for node in ranking[:count]]))
        if metric.unit != max_drop.unit:
            raise ConfigError(
                f"recipes.{item.options.variant}: max_drop is in {max_drop.unit}, "
                f"a drop of {metric.name} in {metric.unit}",
                hint=f'write max_drop = "{max_drop.value:g} {metric.unit}"',
            )
        rows = metric.rows
        made[count] = Evaluation(
            kept_float=count,
            drop=metric.drop_pp,
            unit=metric.unit,
            size_bytes=size_bytes,
            holds=metric.drop_pp <= max_drop.value,
        )
        return made[count].holds

    found = fewest(len(ranking), limit, holds)
    count = found if found is not None else min(made, key=lambda each: (made[each].drop, each))
    kept = tuple(node.node for node in ranking[:count])
    record = MixedPrecisionSearch(
        artifact=item.name,
        max_drop=str(max_drop),
        rows=rows,
        limit=limit,
        evaluations=tuple(made.values()),
        kept_float=kept,
        holds=found is not None,
        ranking=tuple(ranking),
    )
    return keeping(item, kept), record


def keeping(item: PlannedArtifact, nodes: Sequence[str]) -> PlannedArtifact:
    """Give the artifact whose recipe keeps these nodes float, beside those that it names itself."""
    *steps, last = item.recipe
    ((name, options),) = last.items()
    kept = [*options.get("keep_float", ()), *nodes]
    settled = {**options, "keep_float": kept} if kept else options
    return replace(item, recipe=(*steps, {name: settled}), mixed=None)
