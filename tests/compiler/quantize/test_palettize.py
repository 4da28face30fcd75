"""Weights of few values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgewright.compiler import recipe
from edgewright.compiler.model import Model, Precision
from edgewright.compiler.quantize.k_means import k_means, nearest
from edgewright.compiler.quantize.palettize import Palettize
from edgewright.compiler.quantize.sparsify import Sparsify, without_smallest
from edgewright.vocabulary.errors import ConfigError, RefusedError

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
CONV = onnx.helper.make_node("Conv", ["x", "w"], ["y"])
IMAGE = (1, 8, 6, 6)


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def weight_of(model: Model) -> np.ndarray:
    tensor = model.graph.initializers["w"].const_value
    assert tensor is not None
    return tensor.numpy()


def squared_error(values: np.ndarray, centres: np.ndarray) -> float:
    return float(((values.astype(np.float64) - nearest(values, centres)) ** 2).sum())


@pytest.mark.parametrize(("bits", "values"), [(4, 16), (6, 64), (8, 256)])
def test_weights_get_as_many_values_as_bits_say(make: Make, bits: int, values: int) -> None:
    before = make([CONV], IMAGE, {"w": noise(64, 8, 3, 3)})
    after = Palettize(bits)(before)
    assert np.unique(weight_of(after)).size == values
    assert after.precision == f"weight_only_lut{bits}_afp32"
    assert np.unique(weight_of(before)).size > 4000


def test_sixteen_values_of_normal_weights_err_as_little_as_is_possible() -> None:
    # the least distortion of 16 levels for a normal distribution: Max, Quantizing for minimum distortion, 1960, table I
    values = noise(400_000)
    assert squared_error(values, k_means(values, 16)) / values.size == pytest.approx(0.009497, rel=0.01)


def test_few_values_are_given_as_they_are() -> None:
    np.testing.assert_array_equal(k_means(np.float32([3, -1, 3, 0.5, -1]), 4), np.float32([-1, 0.5, 3]))


def best_by_trying_all(values: np.ndarray, count: int) -> float:
    """The least squared error over all ways to part the sorted values into `count` runs."""
    ordered = np.sort(values.astype(np.float64))

    def run(start: int, stop: int) -> float:
        part = ordered[start:stop]
        return float(((part - part.mean()) ** 2).sum())

    best = [run(0, stop) if stop else 0.0 for stop in range(ordered.size + 1)]
    for _ in range(count - 1):
        best = [
            min([best[start] + run(start, stop) for start in range(stop)], default=0.0)
            for stop in range(ordered.size + 1)
        ]
    return best[-1]


@settings(deadline=None, max_examples=50)
@given(arrays(np.float32, st.integers(1, 24), elements=st.floats(-8, 8, width=16)), st.integers(1, 5))
def test_no_partition_of_few_values_is_better(values: np.ndarray, count: int) -> None:
    # centres are rounded to float32: 24 values, each off by 2**-24 of 8 at most, squared, is far below 1e-9
    best = best_by_trying_all(values, min(count, np.unique(values).size))
    assert squared_error(values, k_means(values, count)) <= best + 1e-9


def test_groups_of_channels_have_tables_of_their_own(make: Make) -> None:
    weight = noise(64, 8, 3, 3) * np.repeat(np.float32([1, 50]), 32).reshape(64, 1, 1, 1)
    after = weight_of(Palettize(4, group_size=32)(make([CONV], IMAGE, {"w": weight})))
    assert [np.unique(part).size for part in np.split(after, 2)] == [16, 16]
    assert not np.intersect1d(after[:32], after[32:]).size


def test_channels_of_a_product_lie_behind(make: Make) -> None:
    product = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    after = weight_of(Palettize(4, group_size=16)(make([product], (1, 64), {"w": noise(64, 32)})))
    assert [np.unique(part).size for part in np.split(after, 2, axis=1)] == [16, 16]


def test_small_weights_stay_and_a_model_of_such_alone_is_refused(make: Make) -> None:
    with pytest.raises(RefusedError, match="no float32 weight of 2048 elements or more"):
        Palettize(4)(make([CONV], IMAGE, {"w": noise(8, 8, 3, 3)}))


def test_what_is_added_is_no_weight(make: Make) -> None:
    nodes = [onnx.helper.make_node("Conv", ["x", "w"], ["c"]), onnx.helper.make_node("Add", ["c", "b"], ["y"])]
    after = Palettize(4)(make(nodes, IMAGE, {"w": noise(64, 8, 3, 3), "b": noise(1, 64, 4, 4) * 4}))
    tensor = after.graph.initializers["b"].const_value
    assert tensor is not None
    assert np.unique(tensor.numpy()).size > 1000


def test_the_smallest_weights_become_zero() -> None:
    np.testing.assert_array_equal(
        without_smallest(np.float32([[0.5, -3], [2, -0.25]]), 2), np.float32([[0, -3], [2, 0]])
    )


def test_zeros_that_are_there_count(make: Make) -> None:
    weight = without_smallest(noise(64, 8, 3, 3), 64 * 8 * 9 // 2)
    after = Sparsify("50%")(make([CONV], IMAGE, {"w": weight}))
    np.testing.assert_array_equal(weight_of(after), weight)
    assert after.precision is Precision.WEIGHT_ONLY_SPARSE_AFP32


def test_zeros_stay_zeros_beside_sixteen_values(make: Make) -> None:
    steps = recipe.parse([{"sparsify": {"sparsity": "75%"}}, {"palettize": {"bits": 4}}], where="x")
    after = recipe.apply(make([CONV], IMAGE, {"w": noise(64, 8, 3, 3)}), steps)
    weight = weight_of(after)
    assert (weight == 0).mean() == 0.75
    assert np.unique(weight[weight != 0]).size == 16
    assert after.precision is Precision.WEIGHT_ONLY_SPARSE_LUT4_AFP32


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"palettize": {"bits": 5}}, "bits = 5: expected one of 4, 6, 8"),
        ({"palettize": {"bits": 4, "group_size": -1}}, "group_size = -1: expected a number of channels"),
        ({"sparsify": {"sparsity": "half"}}, "sparsity = 'half': expected a number with a unit of share"),
        ({"sparsify": {"sparsity": "100%"}}, "sparsity = '100%': expected a share between 0% and 100%"),
        ({"sparsify": {"sparsity": "50 pp"}}, "sparsity = '50 pp': expected a share between 0% and 100%"),
        ({"sparsify": {"sparsity": 0.5}}, "sparsity = 0.5: expected a text"),
        ("sparsify", "step 'sparsify' has no sparsity, which must be said"),
    ],
)
def test_what_cannot_be_meant_is_refused(step: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe.parse([step], where="x")


SPARSE, WI8 = {"sparsify": {"sparsity": "50%"}}, {"quantize": {"precision": "weight_only_wi8_afp32"}}


def test_zeros_stay_in_front_of_integers_alone() -> None:
    assert len(recipe.parse([SPARSE, WI8], where="x").passes) == 2
    for steps in (
        [WI8, SPARSE],
        [SPARSE, "equalize", WI8],
        [SPARSE, {"quantize": {"precision": "static_wi8_ai8"}}],
        [SPARSE, {"palettize": {"bits": 4}}, "float16"],
    ):
        with pytest.raises(ConfigError, match="sets the precision") as caught:
            recipe.parse(steps, where="x")
        assert caught.value.hint is not None
        assert "only sparsify may stand in front of palettize" in caught.value.hint


def test_both_steps_set_the_precision() -> None:
    first, second = recipe.split(recipe.parse(["equalize", SPARSE, WI8], where="x"))
    assert [step.name for step in first.steps] == ["equalize"]
    assert [step.name for step in second.steps] == ["sparsify", "quantize"]
