from __future__ import annotations

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.compiler.quantize.bias_correction import BiasCorrection
from edgewright.compiler.quantize.parameters import of_weight
from edgewright.compiler.quantize.ranges import TensorStatistics
from edgewright.compiler.quantize.rounding import SecondOrder
from edgewright.compiler.quantize.scheme import Grid
from edgewright.compiler.quantize.weights import Layer, nearest

INT4 = Grid(dtype=ir.DataType.INT4, symmetric=True)
INT8 = Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def linear(
    weight: np.ndarray, grid: Grid, *, axis: int | None = 1, block: int = 0, means: tuple[float, ...] = ()
) -> Layer:
    """A MatMul with weights [inputs, outputs]."""
    node = ir.node("MatMul", [ir.val("x"), ir.val("w", const_value=ir.tensor(weight, name="w"))], name="layer")
    return layer_of(node, weight, grid, axis, block, means)


def layer_of(
    node: ir.Node, weight: np.ndarray, grid: Grid, axis: int | None, block: int, means: tuple[float, ...]
) -> Layer:
    zeros = (0.0,) * len(means)
    statistics = TensorStatistics(
        low=0.0,
        high=1.0,
        count=1,
        bin_low=0.0,
        bin_width=1.0,
        counts=(1,),
        channel_axis=1,
        channel_low=zeros,
        channel_high=zeros,
        channel_mean=means,
    )
    return Layer(
        node=node,
        weight=weight,
        channel_axis=axis,
        parameters=of_weight(weight, grid, axis=0 if block else axis, block=block),
        statistics=statistics,
    )


def correlated(rows: int, size: int, seed: int) -> np.ndarray:
    """Inputs of which a few directions carry most, as those of real layers do."""
    mixing = noise(size // 4, size, seed=100)
    x: np.ndarray = np.maximum(noise(rows, size // 4, seed=seed) @ mixing + 0.1 * noise(rows, size, seed=seed + 1), 0)
    return x


def moments(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = (x.T.astype(np.float64) @ x / len(x))[None]
    return found


@pytest.mark.parametrize(("grid", "block", "gain_db"), [(INT4, 0, 3.0), (INT4, 32, 3.0), (INT8, 0, 3.0)])
def test_it_halves_the_noise_of_the_output_on_rows_that_it_has_not_seen(grid: Grid, block: int, gain_db: float) -> None:
    weight = noise(64, 24)
    layer = linear(weight, grid, block=block)
    chosen = SecondOrder({"w": moments(correlated(400, 64, 1))}, lambda _, __: None)(layer)
    unseen = correlated(200, 64, 50).astype(np.float64)
    plain, better = (
        float((((layer.parameters.dequantize(integers) - weight).T @ unseen.T) ** 2).mean())
        for integers in (nearest(layer), chosen)
    )
    assert 10 * np.log10(plain / better) > gain_db


def test_where_inputs_do_not_vary_together_the_nearest_is_best() -> None:
    layer = linear(noise(16, 5), INT8)
    chosen = SecondOrder({"w": np.eye(16)[None]}, lambda _, __: None)(layer)
    np.testing.assert_array_equal(chosen, nearest(layer))


def test_without_moments_it_rounds_to_nearest_and_says_so() -> None:
    said: list[tuple[str, str]] = []
    layer = linear(noise(16, 5), INT8)
    chosen = SecondOrder({}, lambda where, text: said.append((where, text)))(layer)
    np.testing.assert_array_equal(chosen, nearest(layer))
    assert said == [("layer", "rounded to nearest: there are no second moments of its 16 inputs")]


def test_it_says_what_was_won() -> None:
    said: list[tuple[str, str]] = []
    choose = SecondOrder({"w": moments(correlated(400, 64, 1))}, lambda where, text: said.append((where, text)))
    choose(linear(noise(64, 24), INT4))
    assert said[0][0] == "layer"
    assert said[0][1].startswith("second-order rounding in 24 of 24 channels: expected noise of the output -")


def test_each_channel_of_a_depthwise_layer_has_moments_of_its_own() -> None:
    weight = noise(6, 1, 3, 3)
    node = ir.node(
        "Conv", [ir.val("x"), ir.val("w", const_value=ir.tensor(weight, name="w"))], {"group": 6}, name="depthwise"
    )
    layer = layer_of(node, weight, INT4, 0, 0, ())
    patches = np.stack([correlated(300, 9, seed) for seed in range(6)]).astype(np.float64)
    found = patches.transpose(0, 2, 1) @ patches / 300
    chosen = SecondOrder({"w": found}, lambda _, __: None)(layer)
    plain, better = (
        ((layer.parameters.dequantize(integers) - weight).reshape(6, 1, 9) @ patches.transpose(0, 2, 1))
        for integers in (nearest(layer), chosen)
    )
    assert ((better**2).mean(axis=(1, 2)) <= (plain**2).mean(axis=(1, 2)) + 1e-12).all()
    assert (better**2).mean() < 0.8 * (plain**2).mean()


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(1, 40),
    outputs=st.integers(1, 6),
    rank=st.integers(0, 40),
    grid=st.sampled_from([INT4, INT8, Grid(dtype=ir.DataType.UINT8, symmetric=False)]),
    per_channel=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_never_worse_than_nearest_on_its_own_rows_and_always_on_the_grid(
    size: int, outputs: int, rank: int, grid: Grid, per_channel: bool, seed: int
) -> None:
    """Whatever the moments: of no rank, of less than full rank, with inputs that are always zero."""
    x = noise(rank, size, seed=seed) * (noise(size, seed=seed + 1) > -0.5) if rank else np.zeros((1, size))
    layer = linear(noise(size, outputs, seed=seed + 2), grid, axis=1 if per_channel else None)
    chosen = SecondOrder({"w": moments(x)}, lambda _, __: None)(layer)
    assert grid.lowest <= chosen.min() <= chosen.max() <= grid.highest
    errors = [
        (((layer.parameters.dequantize(found) - layer.weight).T.astype(np.float64) @ x.T) ** 2).sum()
        for found in (chosen, nearest(layer))
    ]
    # the choice is made in float64, this check with dequantized float32 weights: 1e-6 of the output's own square
    assert errors[0] <= errors[1] + 1e-6 * ((layer.weight.T.astype(np.float64) @ x.T) ** 2).sum()


def test_the_same_moments_give_the_same_integers() -> None:
    layer, found = linear(noise(64, 24), INT4), {"w": moments(correlated(400, 64, 1))}
    once, again = (SecondOrder(found, lambda _, __: None)(layer) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_bias_correction_gives_back_what_rounding_moves_on_average() -> None:
    x = np.abs(noise(500, 32))
    weight = noise(32, 8)
    layer = linear(weight, INT4, means=tuple(x.mean(axis=0, dtype=np.float64).tolist()))
    integers = nearest(layer)
    correction = BiasCorrection(lambda _, __: None)(layer, integers)
    assert correction is not None
    assert correction.dtype == np.float32
    moved = (x @ (weight - layer.parameters.dequantize(integers))).mean(axis=0)
    np.testing.assert_allclose(correction, moved, atol=1e-5)  # sums of 500 float32 outputs of about 10
    assert np.abs(moved).max() > 0.1


def test_bias_correction_of_a_grouped_convolution_takes_each_groups_means() -> None:
    weight = noise(4, 2, 1, 1)
    node = ir.node("Conv", [ir.val("x"), ir.val("w", const_value=ir.tensor(weight, name="w"))], {"group": 2})
    layer = layer_of(node, weight, INT4, 0, 0, (1.0, 2.0, 3.0, 4.0))
    integers = nearest(layer)
    error = (weight - layer.parameters.dequantize(integers)).reshape(4, 2)
    correction = BiasCorrection(lambda _, __: None)(layer, integers)
    np.testing.assert_allclose(correction, [*(error[:2] @ [1.0, 2.0]), *(error[2:] @ [3.0, 4.0])], rtol=1e-5)


def test_bias_correction_without_means_adds_nothing_and_says_so() -> None:
    said: list[tuple[str, str]] = []
    layer = linear(noise(16, 5), INT8)
    assert BiasCorrection(lambda where, text: said.append((where, text)))(layer, nearest(layer)) is None
    assert said == [("layer", "bias not corrected: calibration has no means of its input channels")]
