"""Calibration: every float tensor that a model computes, over all rows, whatever their number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.compiler.graph_digest import graph_digest
from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.vocabulary.errors import DataError
from edgewright.vocabulary.tensor_folder import TensorFolder

ROWS = np.random.default_rng(1).standard_normal((9, 2, 6, 6)).astype(np.float32)
KERNEL = np.random.default_rng(2).standard_normal((3, 2, 3, 3)).astype(np.float32)
DENSE = np.random.default_rng(3).standard_normal((3, 5)).astype(np.float32)


@pytest.fixture
def model(make: Callable[..., Model]) -> Model:
    """Convolution, Relu, mean over the picture, a dense layer; the batch is symbolic."""
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("MatMul", ["f", "w"], ["y"], name="dense"),
    ]
    return make(nodes, ("batch", 2, 6, 6), {"k": KERNEL, "w": DENSE}, ("batch", 5))


def expected_convolution() -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(ROWS.astype(np.float64), (3, 3), axis=(2, 3))
    return np.einsum("nihwab,oiab->nohw", windows, KERNEL.astype(np.float64))


def test_every_computed_float_tensor_and_input_has_its_range(model: Model) -> None:
    ranges = calibrate(model, {"x": ROWS})

    assert set(ranges.tensors) == {"x", "c", "r", "p", "f", "y"}
    assert (ranges.rows, ranges.model) == (9, graph_digest(model))
    assert (ranges.tensors["x"].low, ranges.tensors["x"].high) == (ROWS.min(), ROWS.max())
    assert ranges.tensors["x"].count == ROWS.size
    convolved = expected_convolution()
    assert ranges.tensors["c"].low == pytest.approx(convolved.min(), rel=1e-5)
    assert ranges.tensors["r"].low == 0.0
    assert ranges.tensors["r"].high == ranges.tensors["c"].high
    assert ranges.tensors["r"].counts[0] >= (convolved < 0).sum()


def test_channels_are_those_that_layers_sum_up_or_give(model: Model) -> None:
    ranges = calibrate(model, {"x": ROWS})

    assert {name: found.channel_axis for name, found in ranges.tensors.items()} == {
        "x": 1,
        "c": 1,
        "r": 1,
        "p": 1,
        "f": 1,
        "y": 1,
    }
    np.testing.assert_array_equal(ranges.tensors["x"].channel_low, ROWS.min(axis=(0, 2, 3)))
    np.testing.assert_allclose(ranges.tensors["x"].channel_mean, ROWS.mean(axis=(0, 2, 3), dtype=np.float64), 1e-9)
    # float32 sums of 18 products against float64 ones
    np.testing.assert_allclose(ranges.tensors["c"].channel_mean, expected_convolution().mean(axis=(0, 2, 3)), 1e-4)


def test_the_histogram_is_that_of_all_rows(model: Model) -> None:
    found = calibrate(model, {"x": ROWS}).tensors["x"]

    edges = found.bin_low + found.bin_width * np.arange(len(found.counts) + 1)
    np.testing.assert_array_equal(np.histogram(ROWS.astype(np.float64), edges)[0], found.counts)


def test_tensors_that_do_not_fit_together_are_looked_at_in_groups(model: Model) -> None:
    assert calibrate(model, {"x": ROWS}, budget_bytes=1) == calibrate(model, {"x": ROWS})


def test_rows_are_read_from_a_folder(model: Model, tmp_path: Path) -> None:
    folder = TensorFolder.write(tmp_path / "rows", {"x": ROWS})

    assert calibrate(model, folder) == calibrate(model, {"x": ROWS})


def test_the_order_of_rows_changes_means_by_rounding_alone(model: Model) -> None:
    there, back = calibrate(model, {"x": ROWS}).tensors, calibrate(model, {"x": ROWS[::-1]}).tensors

    for name in there:
        assert (there[name].counts, there[name].channel_high) == (back[name].counts, back[name].channel_high)
        np.testing.assert_allclose(there[name].channel_mean, back[name].channel_mean, rtol=1e-12)


def test_one_row_is_enough(model: Model) -> None:
    assert calibrate(model, {"x": ROWS[:1]}).rows == 1


def test_zeros_and_constants_have_a_range(model: Model) -> None:
    ranges = calibrate(model, {"x": np.zeros_like(ROWS)})

    assert {(found.low, found.high, len(found.counts)) for found in ranges.tensors.values()} == {(0.0, 0.0, 1)}


def test_integer_inputs_and_what_is_computed_of_integers_have_none(make_of: Callable[..., Model]) -> None:
    nodes = [
        helper.make_node("Mul", ["ids", "ids"], ["square"]),
        helper.make_node("Cast", ["square"], ["y"], to=TensorProto.FLOAT),
    ]
    model = make_of(nodes, {"ids": (TensorProto.INT32, ["n", 4])}, {"y": (TensorProto.FLOAT, ["n", 4])})

    ranges = calibrate(model, {"ids": np.array([[1, 2, 3, -4]], np.int32)})

    assert {name: (found.low, found.high) for name, found in ranges.tensors.items()} == {"y": (1.0, 16.0)}


def test_a_fixed_batch_takes_its_rows_at_once(make: Callable[..., Model]) -> None:
    model = make([helper.make_node("Relu", ["x"], ["y"])], (4, 3), y=(4, 3))
    rows = np.arange(18, dtype=np.float32).reshape(6, 3)

    ranges = calibrate(model, {"x": rows})

    assert (ranges.rows, ranges.tensors["y"].high, ranges.tensors["y"].count) == (6, 17.0, 24)


def test_a_model_without_rows_in_its_shape_takes_one_at_a_time(make: Callable[..., Model]) -> None:
    model = make([helper.make_node("Relu", ["x"], ["y"])], (3,), y=(3,))

    assert calibrate(model, {"x": np.ones((5, 3), np.float32)}).tensors["y"].counts == (15,)


def test_an_empty_tensor_has_no_values(make: Callable[..., Model]) -> None:
    nodes = [
        helper.make_node("Slice", ["x", "zero", "zero", "one"], ["none"]),
        helper.make_node("Concat", ["x", "none"], ["y"], axis=1),
    ]
    weights = {"zero": np.array([0]), "one": np.array([1])}
    model = make(nodes, ("n", 3), weights, ("n", None))

    found = calibrate(model, {"x": np.ones((2, 3), np.float32)}).tensors["none"]

    assert (found.count, found.counts, found.low, found.high) == (0, (), 0.0, 0.0)


def test_infinities_that_a_model_computes_are_counted_beside_the_finite_values(make: Callable[..., Model]) -> None:
    """Such is a mask of attention, or a quotient by zero."""
    nodes = [
        helper.make_node("Reciprocal", ["x"], ["inverse"], name="invert"),
        helper.make_node("Reciprocal", ["inverse"], ["y"], name="back"),
    ]
    model = make(nodes, ("n", 3), y=("n", 3))
    rows = np.array([[1, 2, 4], [0, -0.0, 0], [0.5, 2, 0]], np.float32)

    tensors = calibrate(model, {"x": rows}).tensors

    found = tensors["inverse"]
    assert (found.infinite, found.count, found.low, found.high) == (4, 5, 0.25, 2.0)
    assert sum(found.counts) == 5
    assert (found.channel_low, found.channel_high, found.channel_mean) == ((), (), ())
    assert (tensors["y"].infinite, tensors["y"].count, tensors["y"].low, tensors["y"].high) == (0, 9, 0.0, 4.0)


def test_a_tensor_that_is_infinite_throughout_has_no_finite_values(make: Callable[..., Model]) -> None:
    model = make([helper.make_node("Reciprocal", ["x"], ["y"])], ("n", 3), y=("n", 3))

    found = calibrate(model, {"x": np.zeros((2, 3), np.float32)}).tensors["y"]

    assert (found.infinite, found.count, found.counts) == (6, 0, ())


def test_channels_in_which_a_layer_gave_infinities_have_no_statistics(make: Callable[..., Model]) -> None:
    bias = np.array([0, -np.inf, np.inf], np.float32)
    nodes = [helper.make_node("Conv", ["x", "k", "b"], ["y"])]
    model = make(nodes, ("n", 2, 6, 6), {"k": KERNEL, "b": bias}, ("n", 3, 4, 4))

    found = calibrate(model, {"x": ROWS}).tensors["y"]

    assert (found.count, found.infinite, found.channel_low) == (9 * 16, 2 * 9 * 16, ())
    assert found.low == pytest.approx(expected_convolution()[:, 0].min(), rel=1e-5)


def test_nan_in_an_inner_tensor_names_tensor_node_and_row(make: Callable[..., Model]) -> None:
    nodes = [
        helper.make_node("Log", ["x"], ["logarithm"], name="log"),
        helper.make_node("Relu", ["logarithm"], ["y"]),
    ]
    model = make(nodes, ("n", 3), y=("n", 3))
    rows = np.ones((3, 3), np.float32)
    rows[2, 1] = -1

    with pytest.raises(DataError) as refused:
        calibrate(model, {"x": rows})

    assert refused.value.message == "tensor 'logarithm', which Log node 'log' computes, holds NaN in row 2"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"x": np.full((2, 2, 6, 6), np.nan, np.float32)}, "input 'x' holds NaN in row 0"),
        ({"x": np.full((2, 2, 6, 6), -np.inf, np.float32)}, "input 'x' holds infinity in row 0"),
        ({"image": ROWS}, "no rows for input 'x'; there are image"),
        ({"x": ROWS.astype(np.float64)}, "input 'x' takes float32, the rows are float64"),
        ({"x": ROWS[:, :, :5]}, "input 'x' takes rows of shape [2, 6, 6], these are of shape [2, 5, 6]"),
        ({"x": ROWS[:0]}, "there are no rows to calibrate on"),
    ],
)
def test_rows_that_do_not_fit_are_told(model: Model, rows: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError) as refused:
        calibrate(model, rows)

    assert refused.value.message == message


def test_the_digest_is_of_what_is_computed(make: Callable[..., Model]) -> None:
    def model(weight: float, **more: Any) -> Model:
        node = helper.make_node("Mul", ["x", "w"], ["y"], **more)
        return make([node], ("n", 3), {"w": np.array([weight], np.float32)}, ("n", 3))

    assert graph_digest(model(2.0)) == graph_digest(model(2.0, name="another", doc_string="words"))
    assert graph_digest(model(2.0)) != graph_digest(model(3.0))


@pytest.fixture
def make_of(write_onnx: Callable[..., Path], read: Callable[..., Any]) -> Callable[..., Model]:
    """A model of nodes over the inputs and outputs named."""

    def build(nodes: list[onnx.NodeProto], inputs: dict[str, Any], outputs: dict[str, Any]) -> Model:
        return read(write_onnx(nodes, inputs, outputs)).model

    return build
