"""Names of precisions that are recipes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edgewright.compiler.recipe import parse
from edgewright.pipeline.implied_recipes import IMPLIED
from edgewright.pipeline.search_space import Choice, recipe_of
from edgewright.vocabulary.precision import Precision


@pytest.mark.parametrize("name", IMPLIED)
def test_the_recipe_of_a_precision_sets_it(name: str) -> None:
    passes = parse(IMPLIED[name], where="x").passes
    assert [step.precision for step in passes] == ([] if name == "fp32" else [name])


def test_what_must_be_said_is_no_recipe() -> None:
    assert set(Precision) - set(IMPLIED) == {
        "weight_only_sparse_afp32",
        "weight_only_sparse_wi8_afp32",
        "weight_only_sparse_lut8_afp32",
        "weight_only_sparse_lut6_afp32",
        "weight_only_sparse_lut4_afp32",
    }


class First:
    """A trial that takes the first of all choices."""

    def suggest_categorical(self, name: str, choices: Sequence[Choice]) -> Choice:
        return choices[0]


def test_a_search_tries_tables_as_they_are() -> None:
    assert recipe_of(First(), [Precision.WEIGHT_ONLY_LUT6_AFP32]) == ({"palettize": {"bits": 6}},)
