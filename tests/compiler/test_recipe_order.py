"""What must not stand behind what in a recipe is refused, with the reason and what to write instead."""

from __future__ import annotations

import pytest

from edgewright.compiler import recipe
from edgewright.vocabulary.errors import ConfigError

DISTILL = {"distill": {"epochs": 3}}
CHANNELS = {"prune": {"structured": True, "macs": "50%"}}
ZEROS = {"prune": {"sparsity": "50%"}}
PATTERN = {"prune": {"pattern": "2:4"}}
INT8 = {"quantize": {"precision": "static_wi8_ai8"}}
SPARSE = {"sparsify": {"sparsity": "50%"}}


@pytest.mark.parametrize(
    ("steps", "told", "instead"),
    [
        ([INT8, DISTILL], "weights are learned in float32", "put 'distill' in front of 'quantize'"),
        (["float16", {"finetune": {"epochs": 1}}], "'float16' sets the precision", "put 'finetune' in front"),
        ([SPARSE, DISTILL], "'sparsify' sets the precision, and 'distill' stands behind it", "are made by { prune"),
        ([{"palettize": {"bits": 4}}, DISTILL], "what was learned would undo it", "'distill' in front of 'palettize'"),
        ([INT8, CHANNELS], "it chose its numbers for weights that would go", "put 'prune' in front of 'quantize'"),
        ([INT8, "equalize"], "'quantize' sets the precision, and 'equalize' stands behind it", "at most one precision"),
        ([SPARSE, "equalize", {"palettize": {"bits": 4}}], "'sparsify' sets the precision", "it comes last"),
        ([PATTERN, DISTILL, CHANNELS], "'prune' of whole channels behind 'prune' by a pattern", "channels out first"),
        (
            [ZEROS, {"distill": {"epochs": 1, "student": "net.py:small"}}],
            "'distill' trains another model, its student, and what 'prune' did in front of it is lost",
            "put 'distill' first",
        ),
    ],
)
def test_a_step_in_the_wrong_place_is_explained(steps: list[object], told: str, instead: str) -> None:
    with pytest.raises(ConfigError) as caught:
        recipe.parse(steps, where="edgewright.toml: recipes.small")
    assert str(caught.value).startswith("edgewright.toml: recipes.small: ")
    assert told in str(caught.value)
    assert instead in str(caught.value.hint)


@pytest.mark.parametrize(
    "steps",
    [
        [CHANNELS, DISTILL, INT8],
        [CHANNELS, ZEROS, DISTILL, SPARSE, {"palettize": {"bits": 4}}],
        [DISTILL, ZEROS],  # nobody mends it, and the report says what that costs
        [{"distill": {"epochs": 1, "student": "net.py:small"}}, CHANNELS, DISTILL, "equalize", "float16"],
        [CHANNELS, PATTERN, DISTILL],
    ],
)
def test_what_may_stand_behind_each_other(steps: list[object]) -> None:
    assert [step.name for step in recipe.parse(steps, where="x").steps] == [
        step if isinstance(step, str) else next(iter(step)) for step in steps
    ]
