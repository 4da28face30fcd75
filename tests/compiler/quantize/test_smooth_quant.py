from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.ranges import Ranges, TensorStatistics
from edgewright.compiler.quantize.record import notes
from edgewright.compiler.quantize.smooth_quant import SmoothQuant

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
node = onnx.helper.make_node


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weight(model: Model, name: str) -> np.ndarray:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy()


def ops(model: Model) -> list[str]:
    return [item.op_type for item in model.graph]


def ranges(**largest: list[float]) -> Ranges:
    """Ranges of tensors with channels on axis 2, each from 0 to what is given."""
    return Ranges(
        model="0" * 64,
        rows=1,
        tensors={
            name: TensorStatistics(
                low=0.0,
                high=max(channels),
                count=1,
                bin_low=0.0,
                bin_width=1.0,
                counts=(1,),
                channel_axis=2,
                channel_low=(0.0,) * len(channels),
                channel_high=tuple(channels),
                channel_mean=(0.0,) * len(channels),
            )
            for name, channels in largest.items()
        },
    )


def smooth(model: Model, known: Ranges, alpha: float = 0.5, insert: bool = False) -> Model:
    return SmoothQuant(alpha=alpha, insert=insert).informed(known, None)(model)


def assert_same_function(run: Run, before: Model, after: Model, x: np.ndarray) -> None:
    expected, got = run(before, {"x": x})["y"], run(after, {"x": x})["y"]
    # two constants are rounded once more, and sums of a few terms differ in their last digits
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * max(1e-3, float(np.abs(expected).max())))


def projections(make: Make) -> Model:
    """Queries, keys and values of one normalized input with an outlier in channel 1."""
    return make(
        [
            node("LayerNormalization", ["x", "scale", "bias"], ["h"], name="norm", axis=-1),
            node("MatMul", ["h", "wq"], ["q"], name="query"),
            node("MatMul", ["h", "wk"], ["k"], name="key"),
            node("MatMul", ["h", "wv"], ["v"], name="value"),
            node("Add", ["q", "k"], ["qk"]),
            node("Add", ["qk", "v"], ["y"]),
        ],
        ("n", 5, 4),
        {
            "scale": np.array([1, 60, 1, 1], np.float32),
            "bias": noise(4, seed=1),
            "wq": noise(4, 4, seed=2),
            "wk": noise(4, 4, seed=3),
            "wv": noise(4, 4, seed=4),
        },
    )


def test_all_who_take_one_normalization_share_the_factors_and_it_takes_them_in(make: Make, run: Run) -> None:
    model = projections(make)
    smoothed = smooth(model, ranges(h=[2.0, 120.0, 2.0, 2.0]))
    factor = weight(model, "scale") / weight(smoothed, "scale")
    assert factor[1] > 5 * factor[0]
    np.testing.assert_allclose(np.exp(np.log(factor).mean()), 1.0, rtol=1e-5)
    np.testing.assert_allclose(weight(model, "bias") / weight(smoothed, "bias"), factor, rtol=1e-5)
    for name in ("wq", "wk", "wv"):
        np.testing.assert_allclose(weight(smoothed, name), weight(model, name) * factor[:, None], rtol=1e-5)
    assert ops(smoothed) == ops(model)
    assert_same_function(run, model, smoothed, noise(3, 5, 4, seed=5))


def test_half_of_the_outlier_moves_with_alpha_one_half(make: Make) -> None:
    model = projections(make)
    largest = np.array([2.0, 120.0, 2.0, 2.0])
    smoothed = smooth(model, ranges(h=largest.tolist()))
    factor = weight(model, "scale") / weight(smoothed, "scale")
    weights = np.max([np.abs(weight(smoothed, name)).max(axis=1) for name in ("wq", "wk", "wv")], axis=0)
    ratio = largest / factor / weights
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-5)  # equation 4 of the paper: both sides end alike


def test_all_of_the_outlier_moves_with_alpha_one(make: Make) -> None:
    model = projections(make)
    largest = np.array([2.0, 120.0, 2.0, 2.0])
    smoothed = smooth(model, ranges(h=largest.tolist()), alpha=1.0)
    left = largest * weight(smoothed, "scale") / weight(model, "scale")
    np.testing.assert_allclose(left, left[0], rtol=1e-5)


def test_it_says_what_it_did_where(make: Make) -> None:
    (said,) = notes(smooth(projections(make), ranges(h=[2.0, 120.0, 2.0, 2.0])).ir)
    assert (said.step, said.where) == ("smooth_quant", "query, key, value")
    assert "LayerNormalization norm" in said.text
    assert "widest channel over the middle one: 60, now" in said.text


def test_channels_that_were_always_zero_stay(make: Make, run: Run) -> None:
    model = projections(make)
    smoothed = smooth(model, ranges(h=[2.0, 120.0, 0.0, 2.0]))
    assert weight(smoothed, "scale")[2] == weight(model, "scale")[2]
    np.testing.assert_array_equal(weight(smoothed, "wq")[2], weight(model, "wq")[2])
    assert_same_function(run, model, smoothed, noise(3, 5, 4, seed=5))


def after_gelu(make: Make) -> Model:
    return make(
        [node("Gelu", ["x"], ["g"], name="gelu"), node("MatMul", ["g", "w"], ["y"], name="down")],
        ("n", 5, 4),
        {"w": noise(4, 3)},
    )


def test_where_it_cannot_be_folded_the_input_stays(make: Make) -> None:
    model = after_gelu(make)
    smoothed = smooth(model, ranges(g=[1.0, 90.0, 1.0, 1.0]))
    np.testing.assert_array_equal(weight(smoothed, "w"), weight(model, "w"))
    assert [said.text for said in notes(smoothed.ir)] == ["left alone: Gelu gelu stands before it"]


def test_a_multiplication_is_put_in_when_asked_for(make: Make, run: Run) -> None:
    model = after_gelu(make)
    smoothed = smooth(model, ranges(g=[1.0, 90.0, 1.0, 1.0]), insert=True)
    assert ops(smoothed) == ["Gelu", "Mul", "MatMul"]
    assert_same_function(run, model, smoothed, noise(3, 5, 4, seed=5))


def with_residual(make: Make) -> Model:
    return make(
        [
            node("LayerNormalization", ["x", "scale"], ["h"], name="norm", axis=-1),
            node("MatMul", ["h", "w"], ["m"], name="up"),
            node("Add", ["h", "m"], ["y"], name="residual"),
        ],
        ("n", 5, 4),
        {"scale": np.array([1, 60, 1, 1], np.float32), "w": noise(4, 4)},
    )


def test_a_residual_sum_that_takes_the_same_value_is_not_changed(make: Make, run: Run) -> None:
    model, known = with_residual(make), ranges(h=[2.0, 120.0, 2.0, 2.0])
    assert [said.text for said in notes(smooth(model, known).ir)] == ["left alone: h has other users"]
    smoothed = smooth(model, known, insert=True)
    assert ops(smoothed) == ["LayerNormalization", "Mul", "MatMul", "Add"]
    assert_same_function(run, model, smoothed, noise(3, 5, 4, seed=5))


def test_the_layer_before_takes_the_factors_in_its_weights_and_bias(make: Make, run: Run) -> None:
    model = make(
        [
            node("MatMul", ["x", "w1"], ["a"], name="first"),
            node("Add", ["a", "b1"], ["s"], name="bias"),
            node("Relu", ["s"], ["r"], name="relu"),
            node("MatMul", ["r", "w2"], ["y"], name="second"),
        ],
        ("n", 5, 3),
        {"w1": noise(3, 4), "b1": noise(4, seed=1), "w2": noise(4, 2, seed=2)},
    )
    smoothed = smooth(model, ranges(r=[1.0, 90.0, 1.0, 1.0]))
    factor = weight(model, "b1") / weight(smoothed, "b1")
    assert factor[1] > 3 * factor[0]
    np.testing.assert_allclose(weight(model, "w1") / weight(smoothed, "w1"), np.tile(factor, (3, 1)), rtol=1e-5)
    assert_same_function(run, model, smoothed, noise(3, 5, 3, seed=5))


@pytest.mark.parametrize("alpha", [-0.1, 1.1, True])
def test_alpha_is_a_number_from_0_to_1(alpha: float) -> None:
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        SmoothQuant(alpha=alpha)


def test_equal_models_give_equal_bytes(make: Make) -> None:
    model, known = projections(make), ranges(h=[2.0, 120.0, 2.0, 2.0])
    once, again = (ir.to_proto(smooth(model, known).ir).SerializeToString(deterministic=True) for _ in range(2))
    assert once == again


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spread=st.lists(st.floats(0, 1e4, width=32), min_size=4, max_size=4),
    alpha=st.floats(0, 1),
    maker=st.sampled_from(["norm", "product", "layer"]),
    insert=st.booleans(),
    shared=st.booleans(),
)
def test_whatever_the_ranges_the_function_stays(
    make: Make, run: Run, spread: list[float], alpha: float, maker: str, insert: bool, shared: bool
) -> None:
    first = {
        "norm": node("LayerNormalization", ["x", "c"], ["h"], axis=-1),
        "product": node("Mul", ["x", "c"], ["h"]),
        "layer": node("MatMul", ["x", "w0"], ["h"]),
    }[maker]
    model = make(
        [first, node("MatMul", ["h", "w"], ["m"]), node("Add", ["h" if shared else "m", "m"], ["y"])],
        ("n", 5, 4),
        {"c": noise(4, seed=1), "w0": noise(4, 4, seed=2), "w": noise(4, 4, seed=3)},
    )
    smoothed = smooth(model, ranges(h=spread), alpha, insert)
    assert_same_function(run, model, smoothed, noise(3, 5, 4, seed=5))
