"""`gradual` stands for rounds of prune and learn."""

from __future__ import annotations

import math

import pytest

from edgewright.compiler import recipe
from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.quantity import Dimension, Quantity


def test_zeros_grow_by_the_cubic_schedule() -> None:
    steps = [{"gradual": {"rounds": 3, "prune": {"sparsity": "90%"}, "finetune": {"epochs": 2}}}, "float16"]
    assert recipe.written_out(steps, where="x") == (
        {"prune": {"sparsity": "63.333333%"}},  # 90 · (1 − (2/3)³)
        {"finetune": {"epochs": 2}},
        {"prune": {"sparsity": "86.666667%"}},  # 90 · (1 − (1/3)³)
        {"finetune": {"epochs": 2}},
        {"prune": {"sparsity": "90%"}},
        {"finetune": {"epochs": 2}},
        "float16",
    )


def test_the_rounds_together_leave_the_share_that_was_asked_for() -> None:
    said = {"structured": True, "macs": "50%", "multiple": 4}
    parsed = recipe.parse([{"gradual": {"prune": said, "distill": {"epochs": 1}}}], where="x")
    assert [step.name for step in parsed.steps] == ["prune", "distill"] * 4
    rounds = [step.options for step in parsed.steps if step.name == "prune"]
    assert all(options["structured"] for options in rounds)
    assert [options["multiple"] for options in rounds] == [1, 1, 1, 4]  # or each would round down once more
    left = [Quantity.parse(options["macs"], Dimension.SHARE).value / 100 for options in rounds]
    assert left == [left[0]] * 4
    assert math.prod(left) == pytest.approx(0.5, rel=1e-7)


def test_a_written_out_recipe_is_the_same_recipe() -> None:
    steps = [{"gradual": {"prune": {"sparsity": "80%"}, "distill": {"epochs": 1}}}]
    assert recipe.parse(recipe.written_out(steps, where="x"), where="x").steps == recipe.parse(steps, where="x").steps


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"distill": {"epochs": 1}}, "'gradual' has no prune, which must be said"),
        ({"prune": "50%", "distill": {"epochs": 1}}, "prune = '50%': expected a table of options"),
        ({"prune": {"sparsity": "50%"}}, "nothing said to learn by; say one of distill"),
        ({"prune": {"sparsity": "50%"}, "distill": {"epochs": 1}, "finetune": {"epochs": 1}}, "distill and finetune"),
        ({"prune": {"sparsity": "50%"}, "distill": {"epochs": 1}, "rounds": 1}, "rounds = 1: expected at least 2"),
        ({"prune": {"pattern": "2:4"}, "distill": {"epochs": 1}}, "a pattern is not reached in rounds"),
        ({"prune": {"structured": True}, "distill": {"epochs": 1}}, "prune has no target for rounds"),
        ({"prune": {"sparsity": "150%"}, "distill": {"epochs": 1}}, "prune: sparsity = '150%': expected a share"),
        ({"prune": {"sparsity": "50%"}, "distill": {"epochs": 1, "student": "n.py:net"}}, "lose what was pruned"),
        ({"prune": {"sparsity": "50%", "shape": 1}, "distill": {"epochs": 1}}, "step 'prune' has no option 'shape'"),
        ({"prune": {"sparsity": "50%"}, "distill": {"epochs": 0}}, "step 'distill': epochs = 0: expected at least 1"),
    ],
)
def test_what_cannot_be_meant_is_told(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=r"^edgewright\.toml: recipes\.small\[0\]: ") as caught:
        recipe.parse([{"gradual": options}], where="edgewright.toml: recipes.small")
    assert words in str(caught.value)
