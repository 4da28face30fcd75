from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.moments import save_moments, second_moments

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
node = onnx.helper.make_node


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_they_are_the_mean_product_of_two_inputs_of_a_layer(make: Make) -> None:
    model = make([node("MatMul", ["x", "w"], ["y"])], ("n", 3), {"w": noise(3, 2)})
    x = noise(7, 3)
    found = dict(second_moments(model, {"x": x}))
    assert list(found) == ["w"]
    assert found["w"].dtype == np.float32
    np.testing.assert_allclose(found["w"], (x.T @ x / 7)[None], rtol=1e-5)


CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"pads": [1, 0, 2, 1]},
    {"strides": [2, 1], "pads": [1, 1, 1, 1]},
    {"dilations": [1, 2]},
    {"group": 2, "pads": [1, 1, 1, 1]},
    {"group": 4},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER"},
    {"auto_pad": "VALID"},
]


@pytest.mark.parametrize("attributes", CONVOLUTIONS, ids=str)
def test_of_a_convolution_they_predict_the_square_of_its_output(
    make: Make, run: Run, attributes: dict[str, Any]
) -> None:
    groups = attributes.get("group", 1)
    w = noise(8, 4 // groups, 3, 2)
    model = make([node("Conv", ["x", "w"], ["y"], **attributes)], (1, 4, 7, 6), {"w": w})
    x = noise(1, 4, 7, 6, seed=1)
    moments = dict(second_moments(model, {"x": x}))["w"].astype(np.float64)
    flat = w.reshape(groups, 8 // groups, -1)
    predicted = ((flat @ moments) * flat).sum(axis=2).reshape(-1)
    measured = (run(model, {"x": x})["y"].astype(np.float64) ** 2).mean(axis=(0, 2, 3))
    np.testing.assert_allclose(predicted, measured, rtol=1e-4)  # moments are kept as float32, outputs are too


def test_of_a_convolution_in_one_dimension_too(make: Make, run: Run) -> None:
    w = noise(3, 2, 3)
    model = make([node("Conv", ["x", "w"], ["y"], strides=[2], pads=[1, 0])], (1, 2, 9), {"w": w})
    x = noise(1, 2, 9, seed=1)
    moments = dict(second_moments(model, {"x": x}))["w"][0].astype(np.float64)
    flat = w.reshape(3, -1)
    measured = (run(model, {"x": x})["y"].astype(np.float64) ** 2).mean(axis=(0, 2))
    np.testing.assert_allclose(((flat @ moments) * flat).sum(axis=1), measured, rtol=1e-4)


def deep(make: Make) -> Model:
    return make(
        [
            node("Gemm", ["x", "w1", "b"], ["a"], transB=1),
            node("Relu", ["a"], ["r"]),
            node("MatMul", ["r", "w2"], ["c"]),
            node("MatMul", ["c", "w2"], ["y"]),
        ],
        (1, 4),
        {"w1": noise(4, 4), "b": noise(4, seed=1), "w2": noise(4, 4, seed=2)},
    )


def test_a_small_budget_gives_the_same_in_more_passes(make: Make) -> None:
    model, x = deep(make), noise(5, 4, seed=3)
    at_once, in_turn = dict(second_moments(model, {"x": x})), dict(second_moments(model, {"x": x}, budget_bytes=1))
    assert list(at_once) == list(in_turn) == ["w1", "w2"]
    for name in at_once:
        np.testing.assert_array_equal(at_once[name], in_turn[name])


def test_shared_weights_have_the_mean_of_all_that_they_meet(make: Make) -> None:
    model, x = deep(make), noise(5, 4, seed=3)
    w1, b, w2 = noise(4, 4), noise(4, seed=1), noise(4, 4, seed=2)
    r = np.maximum(x @ w1.T + b, 0)
    both = np.concatenate([r, r @ w2])
    np.testing.assert_allclose(dict(second_moments(model, {"x": x}))["w2"][0], both.T @ both / 10, rtol=1e-4)


def test_a_layer_with_too_many_inputs_is_left_out(make: Make) -> None:
    model = deep(make)
    assert dict(second_moments(model, {"x": noise(5, 4)}, largest_size=3)) == {}


def test_the_file_has_the_same_bytes_and_gives_them_back(make: Make, tmp_path: Path) -> None:
    model, x = deep(make), noise(5, 4, seed=3)
    for name in ("one.npz", "two.npz"):
        save_moments(tmp_path / name, second_moments(model, {"x": x}))
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz", allow_pickle=False) as kept:
        assert sorted(kept) == ["w1", "w2"]
        np.testing.assert_array_equal(kept["w2"], dict(second_moments(model, {"x": x}))["w2"])
