from __future__ import annotations

from typing import Any

import pytest

from edgewright.pipeline import mixed_precision
from edgewright.pipeline.mixed_request import MixedRequest, take_request
from edgewright.pipeline.plan import PlannedArtifact
from edgewright.profiles.report import MetricResult
from edgewright.targets.base import Options
from edgewright.targets.table import load_target
from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.quantity import Dimension, Quantity
from edgewright.vocabulary.sensitivity import NodeSensitivity

HALF = Quantity.parse("0.5 pp", Dimension.SHARE)


def planned(**options: Any) -> PlannedArtifact:
    quantize = {"precision": "static_wi8_ai8", **options}
    return PlannedArtifact(
        target=load_target("onnxruntime"), recipe=("equalize", {"quantize": quantize}), options=Options(variant="int8")
    )


RANKING = [
    NodeSensitivity(node=f"n{index}", op="Conv", snr_db=float(index), tensor="t", tensor_snr_db=0.0, why="")
    for index in range(10)
]


def judging(drops: dict[int, float], unit: str = "pp"):
    def judge(item: PlannedArtifact) -> tuple[MetricResult, int]:
        kept = item.recipe[-1]["quantize"].get("keep_float", [])
        drop = drops[len(kept)]
        metric = MetricResult(
            name="top1", value=0.9, reference=0.9, drop_pp=drop, ci95=(drop, drop), rows=40, unit=unit
        )
        return metric, 1000 + 10 * len(kept)

    return judge


def test_it_keeps_the_fewest_of_the_most_sensitive_nodes() -> None:
    drops = {count: 9.0 if count < 3 else 0.5 for count in range(11)}
    chosen, record = mixed_precision.search(planned(), HALF, RANKING, 9, judging(drops))
    assert chosen.recipe == (
        "equalize",
        {"quantize": {"precision": "static_wi8_ai8", "keep_float": ["n0", "n1", "n2"]}},
    )
    assert [(each.kept_float, each.holds) for each in record.evaluations] == [
        (0, False),
        (1, False),
        (2, False),
        (4, True),
        (3, True),
    ]
    assert record.holds
    assert record.kept_float == ("n0", "n1", "n2")
    assert record.rows == 40


def test_nodes_that_the_recipe_names_stay_float_beside_the_found_ones() -> None:
    drops = {1: 9.0, 2: 0.1}
    chosen, _ = mixed_precision.search(planned(keep_float=["mine"]), HALF, RANKING, 9, judging(drops))
    assert chosen.recipe[-1] == {"quantize": {"precision": "static_wi8_ai8", "keep_float": ["mine", "n0"]}}


def test_where_nothing_holds_the_best_is_taken_and_said_to_be_too_far() -> None:
    drops = {0: 9.0, 1: 3.0, 2: 2.0, 4: 2.5, 8: 4.0, 10: 6.0}
    chosen, record = mixed_precision.search(planned(), HALF, RANKING, 9, judging(drops))
    assert not record.holds
    assert record.kept_float == ("n0", "n1")
    assert chosen.recipe[-1]["quantize"]["keep_float"] == ["n0", "n1"]


def test_it_makes_no_more_evaluations_than_it_announces() -> None:
    limit = mixed_precision.limit_of(len(RANKING), asked=3)
    _, record = mixed_precision.search(planned(), HALF, RANKING, limit, judging(dict.fromkeys(range(11), 9.0)))
    assert len(record.evaluations) == record.limit == 3


def test_a_bound_in_another_unit_than_the_metric_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"recipes\.int8: max_drop is in pp, a drop of top1 in %"):
        mixed_precision.search(planned(), HALF, RANKING, 9, judging({0: 1.0}, unit="%"))


def test_a_recipe_asks_for_a_search_by_max_drop() -> None:
    quantize = {"precision": "static_wi8_ai8", "max_drop": "0.5 pp", "evaluations": 9}
    steps, request = take_request(("equalize", {"quantize": quantize}), "recipes.int8")
    assert steps == ("equalize", {"quantize": {"precision": "static_wi8_ai8"}})
    assert request == MixedRequest(max_drop=HALF, evaluations=9)


@pytest.mark.parametrize("recipe", [(), ("float16",), ({"quantize": {"precision": "static_wi8_ai8"}},)])
def test_other_recipes_ask_for_none(recipe: tuple[Any, ...]) -> None:
    assert take_request(recipe, "recipes.x") == (recipe, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_drop": "0.5"}, r"expected a number with a unit of share \(pp, %\) in quantize\.max_drop, got '0\.5'"),
        ({"max_drop": 0.5}, r"expected a number with a unit of share \(pp, %\) in quantize\.max_drop, got 0\.5"),
        ({"max_drop": "1 pp", "evaluations": 0}, r"expected a count of at least 1 in quantize\.evaluations, got 0"),
        ({"evaluations": 4}, r"quantize\.evaluations counts the steps of a search, and no max_drop asks for one"),
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        take_request(({"quantize": {"precision": "static_wi8_ai8", **options}},), "edgewright.toml: recipes.x")
