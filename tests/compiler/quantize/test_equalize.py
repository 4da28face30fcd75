from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.equalize import Equalize
from edgewright.compiler.quantize.ranges import Ranges, TensorStatistics
from edgewright.compiler.quantize.record import notes

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
node = onnx.helper.make_node


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def weight(model: Model, name: str) -> np.ndarray:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy()


def assert_same_function(run: Run, before: Model, after: Model, x: np.ndarray) -> None:
    expected, got = run(before, {"x": x})["y"], run(after, {"x": x})["y"]
    # each weight is rounded once more in each of two layers, and sums of up to some hundred terms of other sizes differ
    # in their last digits: 1e-5 of the largest output
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5 * max(1e-3, float(np.abs(expected).max())))


def two_convs(make: Make, between: str = "Relu", channel_scale: np.ndarray | None = None, **more: Any) -> Model:
    scale = np.ones(4, np.float32) if channel_scale is None else channel_scale.astype(np.float32)
    return make(
        [
            node("Conv", ["x", "w1", "b1"], ["a"], name="first"),
            node(between, ["a"], ["r"], name="between", **more),
            node("Conv", ["r", "w2"], ["y"], name="second", pads=[1, 1, 1, 1]),
        ],
        ("n", 3, 6, 6),
        {
            "w1": noise(4, 3, 3, 3) * scale[:, None, None, None],
            "b1": noise(4, seed=1) * scale,
            "w2": noise(5, 4, 3, 3, seed=2) / scale[None, :, None, None],
        },
    )


def test_both_layers_end_with_the_same_range_in_each_channel(make: Make, run: Run) -> None:
    model = two_convs(make, channel_scale=np.array([1, 100, 0.01, 3]))
    even = Equalize()(model)
    outgoing = np.abs(weight(even, "w1")).max(axis=(1, 2, 3))
    incoming = np.abs(weight(even, "w2")).max(axis=(0, 2, 3))
    np.testing.assert_allclose(outgoing, incoming, rtol=0.02)  # it settles when no factor moves by more than 1%
    assert_same_function(run, model, even, noise(2, 3, 6, 6, seed=3))


def test_it_says_what_it_did_to_which_layers(make: Make) -> None:
    even = Equalize()(two_convs(make, channel_scale=np.array([1, 100, 1, 1])))
    (note,) = [note for note in notes(even.ir) if "→" in note.where]
    assert note.step == "equalize"
    assert note.where == "first → second"
    assert note.text.startswith("4 channels by ")


@pytest.mark.parametrize("name", ["w1", "w2"])
def test_a_channel_of_zeros_stays_as_it_is(make: Make, run: Run, name: str) -> None:
    scale = np.array([1, 50, 1, 1], np.float32)
    model = two_convs(make, channel_scale=scale)
    array = weight(model, name).copy()
    array[(2,) if name == "w1" else (slice(None), 2)] = 0
    model.graph.initializers[name].const_value = ir.tensor(array, name=name)
    even = Equalize()(model)
    np.testing.assert_array_equal(weight(even, "w1")[2], weight(model, "w1")[2])
    np.testing.assert_array_equal(weight(even, "w2")[:, 2], weight(model, "w2")[:, 2])
    assert_same_function(run, model, even, noise(2, 3, 6, 6, seed=3))


def test_a_channel_that_is_all_bias_stays_as_it_is(make: Make) -> None:
    model = two_convs(make, channel_scale=np.array([1, 50, 1, 1]))
    array = weight(model, "w1").copy()
    array[0] *= 1e-6
    model.graph.initializers["w1"].const_value = ir.tensor(array, name="w1")
    even = Equalize()(model)
    np.testing.assert_array_equal(weight(even, "w1")[0], array[0])


def test_a_clip_between_would_cut_elsewhere_so_the_layers_stay(make: Make) -> None:
    bounds = {"low": np.float32(0), "high": np.float32(6)}
    model = make(
        [
            node("Conv", ["x", "w1"], ["a"], name="first"),
            node("Clip", ["a", "low", "high"], ["r"], name="relu6"),
            node("Conv", ["r", "w2"], ["y"], name="second"),
        ],
        ("n", 3, 6, 6),
        {"w1": noise(4, 3, 1, 1), "w2": noise(5, 4, 1, 1), **{key: np.array(value) for key, value in bounds.items()}},
    )
    even = Equalize()(model)
    np.testing.assert_array_equal(weight(even, "w1"), weight(model, "w1"))
    assert [(note.where, note.text) for note in notes(even.ir)][-1] == (
        "second",
        "left alone: Clip relu6 stands before it",
    )


def test_a_value_with_two_users_keeps_its_channels(make: Make) -> None:
    model = make(
        [
            node("Conv", ["x", "w1"], ["a"], name="first"),
            node("Conv", ["a", "w2"], ["c"], name="second"),
            node("Add", ["a", "c"], ["y"], name="residual"),
        ],
        ("n", 3, 6, 6),
        {"w1": noise(4, 3, 1, 1), "w2": noise(4, 4, 1, 1) * 9},
    )
    even = Equalize()(model)
    np.testing.assert_array_equal(weight(even, "w1"), weight(model, "w1"))
    assert "left alone: a has other users" in [note.text for note in notes(even.ir)]


def test_a_chain_over_a_depthwise_layer_settles_as_a_whole(make: Make, run: Run) -> None:
    scale = np.array([1, 80, 0.1, 1, 1, 1], np.float32)
    model = make(
        [
            node("Conv", ["x", "w1", "b1"], ["a"], name="expand"),
            node("Relu", ["a"], ["ar"], name="r1"),
            node("Conv", ["ar", "w2", "b2"], ["b"], name="depthwise", group=6, pads=[1, 1, 1, 1]),
            node("LeakyRelu", ["b"], ["br"], name="r2", alpha=0.1),
            node("MaxPool", ["br"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
            node("Conv", ["p", "w3"], ["y"], name="project"),
        ],
        ("n", 3, 6, 6),
        {
            "w1": noise(6, 3, 1, 1) * scale[:, None, None, None],
            "b1": noise(6, seed=1) * scale,
            "w2": noise(6, 1, 3, 3, seed=2) / scale[:, None, None, None],
            "b2": noise(6, seed=3),
            "w3": noise(5, 6, 1, 1, seed=4),
        },
    )
    even = Equalize()(model)
    middle = np.abs(weight(even, "w2")).max(axis=(1, 2, 3))
    np.testing.assert_allclose(np.abs(weight(even, "w1")).max(axis=(1, 2, 3)), middle, rtol=0.03)
    np.testing.assert_allclose(np.abs(weight(even, "w3")).max(axis=(0, 2, 3)), middle, rtol=0.03)
    assert_same_function(run, model, even, noise(2, 3, 6, 6, seed=5))


def test_flattened_channels_are_scaled_with_all_their_places(make: Make, run: Run) -> None:
    scale = np.array([1, 60, 0.1, 1], np.float32)
    model = make(
        [
            node("Conv", ["x", "w1"], ["a"], name="conv"),
            node("Relu", ["a"], ["r"], name="relu"),
            node("Flatten", ["r"], ["f"], name="flatten"),
            node("Gemm", ["f", "w2", "b2"], ["y"], name="head", transB=1),
        ],
        ("n", 3, 5, 5),
        {
            "w1": noise(4, 3, 2, 2) * scale[:, None, None, None],
            "w2": noise(7, 64, seed=1) / np.repeat(scale, 16),
            "b2": noise(7, seed=2),
        },
    )
    even = Equalize()(model)
    incoming = np.abs(weight(even, "w2")).reshape(7, 4, 16).max(axis=(0, 2))
    np.testing.assert_allclose(np.abs(weight(even, "w1")).max(axis=(1, 2, 3)), incoming, rtol=0.02)
    assert_same_function(run, model, even, noise(2, 3, 5, 5, seed=5))


def test_the_sum_with_a_bias_behind_matmul_is_scaled_along(make: Make, run: Run) -> None:
    scale = np.array([1, 60, 0.1, 1], np.float32)
    model = make(
        [
            node("MatMul", ["x", "w1"], ["a"], name="first"),
            node("Add", ["b1", "a"], ["s"], name="bias"),
            node("Relu", ["s"], ["r"], name="relu"),
            node("MatMul", ["r", "w2"], ["y"], name="second"),
        ],
        ("n", 9, 3),
        {"w1": noise(3, 4) * scale, "b1": noise(4, seed=1) * scale, "w2": noise(4, 5, seed=2) / scale[:, None]},
    )
    even = Equalize()(model)
    np.testing.assert_allclose(
        np.abs(weight(even, "w1")).max(axis=0), np.abs(weight(even, "w2")).max(axis=1), rtol=0.02
    )
    assert_same_function(run, model, even, noise(2, 9, 3, seed=5))


def test_shared_weights_are_not_stored_twice(make: Make) -> None:
    model = make(
        [
            node("MatMul", ["x", "w"], ["a"], name="first"),
            node("Relu", ["a"], ["r"], name="relu"),
            node("MatMul", ["r", "w"], ["y"], name="second"),
        ],
        ("n", 4),
        {"w": noise(4, 4) * np.array([1, 100, 1, 1], np.float32)},
    )
    even = Equalize()(model)
    assert list(even.graph.initializers) == ["w"]
    np.testing.assert_array_equal(weight(even, "w"), weight(model, "w"))


def test_by_activations_the_values_between_are_brought_to_one_range(make: Make, run: Run) -> None:
    model = two_convs(make)
    largest = (1.0, 40.0, 0.5, 0.0)
    between = TensorStatistics(
        low=0.0,
        high=40.0,
        count=4,
        bin_low=0.0,
        bin_width=10.0,
        counts=(3, 0, 0, 0, 1),
        channel_axis=1,
        channel_low=(0.0,) * 4,
        channel_high=largest,
        channel_mean=(0.1,) * 4,
    )
    ranges = Ranges(model="0" * 64, rows=1, tensors={"r": between})
    even = Equalize(by="activations").informed(ranges, None)(model)
    ratio = np.abs(weight(even, "w1")).max(axis=(1, 2, 3)) / np.abs(weight(model, "w1")).max(axis=(1, 2, 3))
    incoming = np.abs(weight(even, "w2")).max(axis=(0, 2, 3))
    np.testing.assert_allclose((np.array(largest) * ratio)[:3], incoming[:3], rtol=0.02)
    assert ratio[3] == 1.0  # never seen other than 0
    assert_same_function(run, model, even, noise(2, 3, 6, 6, seed=3))


def test_an_option_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match='expected "weights" or "activations"'):
        Equalize(by="luck")


def test_equal_models_give_equal_bytes(make: Make) -> None:
    model = two_convs(make, channel_scale=np.array([1, 100, 0.01, 3]))
    once, again = (ir.to_proto(Equalize()(model).ir).SerializeToString(deterministic=True) for _ in range(2))
    assert once == again


LINEAR_BETWEEN = ["Relu", "LeakyRelu", "Abs", "Neg", "Identity", "MaxPool", "AveragePool", "Mul", "Add", "PRelu", "Pad"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    between=st.lists(st.sampled_from([*LINEAR_BETWEEN, "Sigmoid", "Clip"]), max_size=3),
    groups=st.sampled_from([1, 2, 4]),
    ending=st.sampled_from(["conv", "flatten", "mean", "transpose"]),
    seed=st.integers(0, 99),
)
def test_whatever_stands_between_the_function_stays(
    make: Make, run: Run, between: list[str], groups: int, ending: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.normal(0, 2, 4)).astype(np.float32)
    nodes = [node("Conv", ["x", "w1", "b1"], ["v"], name="first")]
    weights = {
        "w1": noise(4, 3, 2, 2, seed=seed) * spread[:, None, None, None],
        "b1": noise(4, seed=seed + 1),
        "factor": noise(4, 1, 1, seed=seed + 2),
        "slope": np.abs(noise(4, 1, 1, seed=seed + 3)),
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
        "pads": np.array([0, 0, 1, 0, 0, 0, 0, 1], np.int64),
    }
    extra = {"Mul": ["factor"], "Add": ["factor"], "PRelu": ["slope"], "Clip": ["zero", "six"], "Pad": ["pads"]}
    value, size = "v", 5
    for index, op in enumerate(between):
        pool = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]} if op.endswith("Pool") else {}
        nodes.append(node(op, [value, *extra.get(op, [])], [f"v{index}"], name=f"n{index}", **pool))
        value = f"v{index}"
        size += op == "Pad"
    places = size * size
    if ending == "conv":
        weights["w2"] = noise(4, 4 // groups, 1, 1, seed=seed + 4)
        nodes.append(node("Conv", [value, "w2"], ["y"], name="second", group=groups))
    elif ending == "flatten":
        weights["w2"] = noise(4 * places, 3, seed=seed + 4)
        nodes += [node("Flatten", [value], ["f"]), node("Gemm", ["f", "w2"], ["y"], name="second")]
    elif ending == "mean":
        weights["w2"], weights["axes"] = noise(4, 3, seed=seed + 4), np.array([2, 3], np.int64)
        nodes += [node("ReduceMean", [value, "axes"], ["f"], keepdims=0), node("MatMul", ["f", "w2"], ["y"])]
    else:
        weights["w2"] = noise(4, 3, seed=seed + 4)
        nodes += [node("Transpose", [value], ["f"], perm=[0, 2, 3, 1]), node("MatMul", ["f", "w2"], ["y"])]
    model = make(nodes, (2, 3, 6, 6), weights)
    even = Equalize()(model)
    assert_same_function(run, model, even, noise(2, 3, 6, 6, seed=seed + 5))
    if not {"Sigmoid", "Clip"} & set(between):
        assert any("→" in note.where for note in notes(even.ir)), [note.text for note in notes(even.ir)]
