"""Steps that ask for latency: what they are given, and what is made of what was measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgewright.pipeline.measured_layers import limit_of, search_layers
from edgewright.pipeline.measured_probe import probe_of
from edgewright.pipeline.measured_request import MeasuredRequest, take_measured
from edgewright.pipeline.measured_settling import settled
from edgewright.pipeline.measured_share import search_share
from edgewright.pipeline.measured_turns import Turns
from edgewright.pipeline.plan import PlannedArtifact
from edgewright.pipeline.steps.list_factored import Factored
from edgewright.profiles.measured_search import MeasuredSearch
from edgewright.profiles.measured_view import lines_of
from edgewright.targets.base import Options
from edgewright.targets.table import load_target
from edgewright.vocabulary.errors import ConfigError, RefusedError
from edgewright.vocabulary.evidence import Evidence

Names = tuple[str, ...]


def turns(*ratios: float) -> Turns:
    return Turns(
        one_ms=tuple(2.0 * ratio for ratio in ratios), beside_ms=(2.0,) * len(ratios), evidence=Evidence.MEASURED_HOST
    )


def test_one_is_faster_when_it_is_in_every_turn() -> None:
    assert turns(0.8, 0.9, 0.99).faster
    assert not turns(0.5, 0.5, 1.01).faster
    assert turns(0.5, 0.7, 1.01).ratio == pytest.approx(0.7)


LAYERS = [Factored(node=name, saved=100) for name in "abcd"]
MACS = 1000


def costs(**factor: float) -> Callable[[Names, Names], Turns]:
    """Measure by a table: how many times as long the model takes with a layer factored."""

    def compare(names: Names, beside: Names) -> Turns:
        ratio = 1.0
        for name in set(names) - set(beside):
            ratio *= factor[name]
        return turns(ratio * 0.995, ratio, ratio * 1.005)

    return compare


def test_layers_that_keep_their_promise_together_are_measured_once() -> None:
    kept, made = search_layers(LAYERS, MACS, costs(a=0.9, b=0.92, c=0.9, d=0.95))

    assert kept == ("a", "b", "c", "d")
    assert [(each.tried, each.taken) for each in made] == [(("a", "b", "c", "d"), True)]


def test_a_layer_that_is_slower_as_factors_is_found_and_left() -> None:
    kept, made = search_layers(LAYERS, MACS, costs(a=0.9, b=0.92, c=1.3, d=0.9))

    assert kept == ("a", "b", "d")
    assert [(each.tried, each.taken) for each in made] == [
        (("a", "b", "c", "d"), False),
        (("a", "b"), True),
        (("c", "d"), False),
        (("c",), False),
        (("d",), True),
    ]


def test_where_all_are_slower_none_is_kept() -> None:
    kept, made = search_layers(LAYERS, MACS, costs(a=1.1, b=1.1, c=1.1, d=1.1))

    assert kept == ()
    assert len(made) == limit_of(4) == 7


def test_layers_that_are_faster_only_together_are_kept_together() -> None:
    kept, made = search_layers(LAYERS[:2], MACS, costs(a=0.996, b=0.996))

    assert kept == ("a", "b")
    assert [(each.tried, each.taken) for each in made] == [(("a", "b"), True), (("a",), False), (("b",), False)]


def test_no_search_makes_more_comparisons_than_it_announced() -> None:
    many = [Factored(node=f"n{index}", saved=1) for index in range(200)]
    _, made = search_layers(many, MACS, costs(**{each.node: 1.01 for each in many}))

    assert len(made) == limit_of(200) == 31


def by_share(latency_of: Callable[[float], float], least: int = 0) -> Callable[[int], Turns]:
    def compare(share: int) -> Turns:
        if share < least:
            raise RefusedError("prune: nothing is left")
        return turns(latency_of(share / 100))

    return compare


def test_the_share_is_as_large_as_the_latency_allows() -> None:
    share, holds, made = search_share(50.0, by_share(lambda macs: 0.3 + 0.7 * macs))  # a third of the time stays

    assert holds
    assert 0.48 <= 0.3 + 0.7 * share / 100 <= 0.5
    assert [each.tried for each in made][:2] == [("macs = 50%",), ("macs = 25%",)]
    assert [each.taken for each in made].count(True) == 1


def test_a_share_that_cannot_be_reached_is_stepped_over() -> None:
    share, holds, _ = search_share(40.0, by_share(lambda macs: macs / 2, least=60))

    assert holds
    assert share >= 60


def test_where_nothing_is_fast_enough_the_fastest_is_given() -> None:
    share, holds, made = search_share(20.0, by_share(lambda macs: 0.5 + macs / 2))

    assert not holds
    assert [each.tried for each in made if each.taken] == [(f"macs = {share}%",)]
    assert share <= 2


def test_a_model_that_cannot_be_pruned_at_all_is_refused() -> None:
    with pytest.raises(RefusedError, match="nothing is left"):
        search_share(50.0, by_share(lambda macs: macs, least=101))


FACTORS = {"low_rank": {"energy": "95%", "measured": True}}


def test_what_is_asked_leaves_steps_that_can_be_applied() -> None:
    quantize = {"quantize": {"precision": "static_wi8_ai8"}}
    assert take_measured((FACTORS, quantize), "here") == (
        ({"low_rank": {"energy": "95%"}}, quantize),
        MeasuredRequest(at=0, step="low_rank"),
    )
    assert take_measured(("equalize", {"prune": {"structured": True, "latency": "60%"}}), "here") == (
        ("equalize", {"prune": {"structured": True, "macs": "60%"}}),
        MeasuredRequest(at=1, step="prune", percent=60.0),
    )
    plain = ({"prune": {"sparsity": "50%"}}, {"low_rank": {"macs": "70%"}})
    assert take_measured(plain, "here") == (plain, None)


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        ([{"low_rank": {"macs": "70%", "measured": True}}], "here: low_rank.measured takes layers out of what macs"),
        ([{"low_rank": {"energy": "70%", "measured": 1}}], "low_rank.measured"),
        (
            [{"prune": {"structured": True, "macs": "70%", "latency": "60%"}}],
            "here: prune.latency takes whole channels",
        ),
        ([{"prune": {"sparsity": "50%", "latency": "60%"}}], "here: prune.latency takes whole channels"),
        ([{"prune": {"structured": True, "latency": "60"}}], "prune.latency"),
        ([{"prune": {"structured": True, "latency": "160%"}}], "prune.latency"),
        ([FACTORS, {"prune": {"structured": True, "latency": "60%"}}], "low_rank and prune both are to be settled"),
    ],
)
def test_what_cannot_be_meant_is_refused(recipe: list[Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        take_measured(tuple(recipe), "here")


def planned(*recipe: Any) -> PlannedArtifact:
    steps, measured = take_measured(recipe, "here")
    return PlannedArtifact(
        target=load_target("onnxruntime"), recipe=steps, options=Options(variant="small"), measured=measured
    )


def test_what_learns_is_left_out_while_measuring() -> None:
    item = planned(
        {"distill": {"epochs": 3}},
        FACTORS,
        {"finetune": {"epochs": 3}},
        {"qat": {"epochs": 3, "precision": "static_wi8_ai8", "keep_float": ["n"]}},
    )
    probe = probe_of(item, "here")

    assert probe.recipe == (
        {"low_rank": {"energy": "95%"}},
        {"quantize": {"precision": "static_wi8_ai8", "keep_float": ["n"]}},
    )
    assert probe.measured == MeasuredRequest(at=0, step="low_rank")


def test_a_student_of_another_shape_is_trained_first() -> None:
    student = {"distill": {"epochs": 3, "student": "small.py:net"}}
    assert probe_of(planned(student, FACTORS), "here").recipe[0] == student


def found(step: str, *chosen: str, holds: bool = True) -> MeasuredSearch:
    return MeasuredSearch(
        artifact="onnxruntime-small",
        step=step,
        asked='latency = "60%"',
        device="here",
        evidence=Evidence.MEASURED_HOST,
        limit=7,
        comparisons=(turns(0.8).compared(("a", "b", "c"), taken=True), turns(1.1).compared(("d",), taken=False)),
        candidates=("a", "b", "c", "d"),
        chosen=chosen,
        holds=holds,
    )


def test_what_was_found_is_written_into_the_recipe() -> None:
    factored, behind = planned(FACTORS, "float16"), ("float16",)
    assert settled(factored, found("low_rank", "a", "b")).recipe == (
        {"low_rank": {"energy": "95%", "layers": ["a", "b"]}},
        *behind,
    )
    assert settled(factored, found("low_rank")).recipe == behind
    pruned = settled(planned({"prune": {"structured": True, "latency": "60%"}}), found("prune", "45%"))
    assert pruned.recipe == ({"prune": {"structured": True, "macs": "45%"}},)
    assert pruned.measured is None


def test_the_report_tells_what_was_measured() -> None:
    assert lines_of(found("low_rank", "a", "b", "c")) == [
        "onnxruntime-small: 3 of 4 layers are faster as factors (2 of at most 7 comparisons on here, host)",
        "   0.80 ×  a and 2 more",
        "   1.10 ×  d",
    ]
    assert lines_of(found("prune", "45%", holds=False))[0] == (
        'onnxruntime-small: nothing meets latency = "60%" (2 of at most 7 comparisons on here, host); '
        "the fastest has 45%"
    )
