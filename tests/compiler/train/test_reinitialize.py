"""A student that has learned nothing yet."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from edgewright.compiler.graph_digest import graph_digest
from edgewright.compiler.model import Model
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.recipe import parse
from edgewright.compiler.train.reinitialize import Reinitialize
from edgewright.vocabulary.errors import ConfigError


def weights_of(model: Model) -> dict[str, np.ndarray]:
    tensors = {name: value.const_value for name, value in model.graph.initializers.items()}
    return {name: tensor.numpy() for name, tensor in tensors.items() if tensor is not None}


def test_weights_are_drawn_by_the_seed(digits: Model) -> None:
    one, other, third = (Reinitialize(seed=seed)(digits) for seed in (1, 1, 2))
    assert graph_digest(one) == graph_digest(other) != graph_digest(third)


def test_variances_stay_through_rectifiers_and_biases_are_zero(digits: Model) -> None:
    drawn = weights_of(Reinitialize()(digits))
    (wide,) = [array for array in drawn.values() if array.shape == (64, 64, 1, 1)]
    assert np.sqrt(wide.var() * 64 / 2) == pytest.approx(1.0, abs=0.05)
    biases = [array for array in drawn.values() if array.ndim == 1 and array.dtype == np.float32 and array.size > 1]
    assert len(biases) > 4
    assert not any(array.any() for array in biases)


def test_a_student_of_half_the_width(digits: Model) -> None:
    student = Prune(structured=True, width="50%")(digits)
    shapes = {array.shape for array in weights_of(student).values()}
    assert (32, 32, 1, 1) in shapes
    assert (16, 8, 1, 1) in shapes


@pytest.mark.parametrize("first", ['{ prune = { sparsity = "50%" } }', "{ distill = { epochs = 1 } }"])
def test_what_it_would_undo_must_not_stand_in_front(first: str) -> None:
    steps = tomllib.loads(f'recipe = [{first}, "reinitialize"]')["recipe"]
    with pytest.raises(ConfigError, match="'reinitialize' draws all weights anew"):
        parse(steps, where="edgewright.toml: recipes.r")
