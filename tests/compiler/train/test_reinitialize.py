"""A student that has learned nothing yet."""

from __future__ import annotations

import tomllib

import numpy as np
import onnx_ir as ir
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


MULTIPLIES = """<ir_version: 10, opset_import: ["" : 21]>
g (float[200, 1] x, float[1, 300] y) => (float[300, 1] of_left, float[1] of_vector, float[1, 300] of_square)
<float[300, 200] left, float[300] vector, float[300, 300] square, float[1, 300] bias> {
  of_left = MatMul(left, x)
  of_vector = MatMul(y, vector)
  of_square = Gemm(y, square, bias)
}"""


def test_weights_on_the_left_and_vectors_are_drawn_and_a_bias_of_two_axes_is_zero() -> None:
    model = ir.from_onnx_text(MULTIPLIES)
    shapes = {"left": (300, 200), "vector": (300,), "square": (300, 300), "bias": (1, 300)}
    for value in {value for node in model.graph for value in node.inputs if value is not None}:
        if value.name in shapes:
            value.const_value = ir.tensor(np.ones(shapes[value.name], np.float32), name=value.name)
            model.graph.register_initializer(value)
    Reinitialize().rewrite(model)
    tensors = {name: value.const_value for name, value in model.graph.initializers.items()}
    drawn = {name: tensor.numpy() for name, tensor in tensors.items() if tensor is not None}
    assert drawn["left"].std() == pytest.approx((2 / 200) ** 0.5, rel=0.02)  # of 60,000 numbers
    assert drawn["vector"].std() == pytest.approx((2 / 300) ** 0.5, rel=0.2)  # of 300
    assert not drawn["bias"].any()
