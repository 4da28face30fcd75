from __future__ import annotations

from typing import Any

import msgspec

from edgewright.compiler.recipe import parse
from edgewright.pipeline.recipe_search import search
from edgewright.pipeline.search_space import learning_recipe_of
from edgewright.profiles.recipe_search import Figures, RecipeSearch, Trial
from edgewright.vocabulary.errors import RefusedError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.precision import Precision

PRECISIONS = (Precision.FP32, Precision.FP16, Precision.DYNAMIC_WI8_AFP32, Precision.STATIC_WI8_AI8)


def figures(drop: float, latency_ms: float = 1.0, size_bytes: int = 100) -> Figures:
    return Figures(drop=drop, unit="pp", latency_ms=latency_ms, size_bytes=size_bytes, evidence=Evidence.MEASURED_HOST)


def of_recipe(target: str, recipe: tuple[Any, ...]) -> Figures:
    """A drop that equalization takes away, and a size by precision."""
    text = msgspec.json.encode(recipe).decode()
    size = 1 if "i8" in text else 2 if "float16" in text else 4
    return figures(0.0 if "equalize" in text or size > 1 else 5.0, latency_ms=float(size), size_bytes=size)


def test_every_precision_is_tried_plainly_first() -> None:
    trials = search({"tflite": PRECISIONS}, 4, 0, of_recipe)
    assert [trial.recipe for trial in trials] == [
        (),
        ("float16",),
        ({"quantize": {"precision": "dynamic_wi8_afp32"}},),
        (
            {
                "quantize": {
                    "precision": "static_wi8_ai8",
                    "method": "minmax",
                    "bias_correction": False,
                    "rounding": "nearest",
                }
            },
        ),
    ]


def test_no_recipe_is_tried_twice_and_no_more_than_announced() -> None:
    calls: list[bytes] = []

    def attempt(target: str, recipe: tuple[Any, ...]) -> Figures:
        calls.append(msgspec.json.encode((target, recipe)))
        return of_recipe(target, recipe)

    trials = search({"tflite": PRECISIONS, "onnxruntime": PRECISIONS}, 21, 0, attempt)
    assert len(calls) == len(set(calls)) == len(trials) == 21
    assert [sum(trial.target == name for trial in trials) for name in ("tflite", "onnxruntime")] == [11, 10]


def test_one_seed_gives_the_same_trials() -> None:
    one, other = (search({"tflite": PRECISIONS}, 15, 3, of_recipe) for _ in range(2))
    assert one == other


def test_a_refused_recipe_is_a_trial_without_figures() -> None:
    def attempt(target: str, recipe: tuple[Any, ...]) -> Figures:
        if recipe == ("float16",):
            raise RefusedError("no float16 here")
        return of_recipe(target, recipe)

    trials = search({"tflite": PRECISIONS}, 8, 0, attempt)
    assert [(trial.recipe, trial.problem) for trial in trials if trial.figures is None] == [
        (("float16",), "no float16 here")
    ]
    assert len(trials) > len(PRECISIONS)


def test_the_pareto_set_is_what_no_other_trial_beats() -> None:
    def trial(*values: Any) -> Trial:
        return Trial(target="tflite", recipe=(str(values),), figures=figures(*values))

    best = [trial(0.0, 3.0, 300), trial(0.5, 1.0, 100), trial(0.5, 2.0, 90)]
    beaten = [trial(0.5, 3.0, 300), trial(0.6, 1.0, 100), trial(0.0, 3.0, 301)]
    refused = Trial(target="tflite", recipe=(), figures=None, problem="refused")
    found = RecipeSearch(
        name="m", device="here", rows=9, limit=9, seed=0, trials=(*beaten, best[1], refused, best[0], best[2])
    )
    assert list(found.pareto("tflite")) == best


def test_every_recipe_that_is_tried_is_one_that_a_project_file_can_say() -> None:
    for trial in search({"tflite": PRECISIONS}, 30, 1, of_recipe):
        parse(trial.recipe, where="recipes.found")


def test_with_training_rows_recipes_learn_again_what_pruning_broke_and_to_bear_integers() -> None:
    trials = search({"tflite": PRECISIONS}, 40, 1, of_recipe, learning_recipe_of)
    names = [[step if isinstance(step, str) else next(iter(step)) for step in trial.recipe] for trial in trials]
    for trial, steps in zip(trials, names, strict=True):
        parse(trial.recipe, where="recipes.found")
        assert ("distill" in steps) == ("prune" in steps or "low_rank" in steps)
    assert names[:4] == [[], ["float16"], ["quantize"], ["quantize"]]
    assert {"prune", "low_rank", "distill", "qat"} <= {name for steps in names for name in steps}


def test_without_training_rows_no_recipe_learns() -> None:
    text = msgspec.json.encode([trial.recipe for trial in search({"tflite": PRECISIONS}, 40, 1, of_recipe)]).decode()
    assert not any(name in text for name in ("prune", "low_rank", "distill", "qat"))
