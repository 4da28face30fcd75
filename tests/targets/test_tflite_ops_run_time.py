"""Operands known only at run time: what the declared shape settles, what kernels take, what is chosen as it runs."""

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RefusedError

GENERATOR = np.random.default_rng(7)
X = GENERATOR.standard_normal((3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "expression", "operand"),
    [
        ("4,15", "Reshape(x, s)", [4, 15]),
        ("2,3,4,5", "Expand(x, s)", [2, 1, 1, 1]),
        ("3,8,5", "Tile(x, s)", [1, 2, 1]),
        ("3,1,4,5,1", "Unsqueeze(x, s)", [1, -1]),
        ("3,1,5", "ReduceSum(x, s)", [1]),
        ("3,5", "ReduceMax<keepdims=0>(x, s)", [-2]),
        ("1,4,1", "ReduceMean(x, s)", [0, 2]),
    ],
)
def test_the_declared_shape_settles_an_operand(lite, shape, expression, operand):
    feeds = {"x": X, "s": np.array(operand)}
    lite(f"(float[3,4,5] x, int64[{len(operand)}] s) => (float[{shape}] y) {{ y = {expression} }}", feeds=feeds)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_kernel_takes_the_axes_that_the_shape_leaves_open(lite, axis):
    feeds = {"x": GENERATOR.standard_normal((4, 4, 4)).astype(np.float32), "a": np.array([axis])}
    lite("(float[4,4,4] x, int64[1] a) => (float[4,4] y) { y = ReduceSum<keepdims=0>(x, a) }", feeds=feeds)


def test_without_a_declared_shape_it_is_refused(hub_of_text, tmp_path):
    model = hub_of_text("(float[4,4] x, int64[n] a) => (float[m] y) { y = ReduceSum<keepdims=0>(x, a) }")
    with pytest.raises(RefusedError, match="list of axes is not constant"):
        TFLite().compile(model, Options(variant="fp32"), tmp_path)


@pytest.mark.parametrize(
    ("starts", "ends", "axes", "steps", "shape"),
    [
        ([0, 1], [2, 2**62], [0, 2], [1, 2], "2,4,2"),
        ([-1], [-(2**62)], [1], [-1], "3,4,5"),
        ([-2, 3], [99, -5], [-1, -2], [1, -2], "3,2,2"),
    ],
)
def test_cuts_at_run_time(litert, starts, ends, axes, steps, shape):
    feeds = {"x": X} | {name: np.array(v) for name, v in zip("abcd", (starts, ends, axes, steps), strict=True)}
    inputs = "".join(f", int64[{len(starts)}] {name}" for name in "abcd")
    built = litert(f"(float[3,4,5] x{inputs}) => (float[{shape}] y) {{ y = Slice(x, a, b, c, d) }}", feeds=feeds)
    cut = [slice(None)] * 3
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(start, end, step)
    np.testing.assert_array_equal(built.outputs["y"], X[tuple(cut)])


@pytest.mark.parametrize(("mode", "value"), [("constant", ", v"), ("reflect", "")])
def test_pads_at_run_time(lite, mode, value):
    feeds = {"x": X, "p": np.array([1, 2, 0, 3])} | ({"v": np.array(7, np.float32)} if value else {})
    declared = ", float v" if value else ""
    lite(
        f"(float[3,4,5] x, int64[4] p{declared}) => (float[4,4,10] y)"
        f' {{ y = Pad<mode="{mode}">(x, p{value or ","}, a) }}',
        {"a": np.array([0, 2])},
        feeds=feeds,
    )


@pytest.mark.parametrize("expression", ["CumSum(x, a)", "CumSum<reverse=1, exclusive=1>(x, a)", "Trilu(x, a)"])
@pytest.mark.parametrize("number", [-1, 0, 1])
def test_an_axis_or_a_diagonal_at_run_time(lite, expression, number):
    lite(f"(float[3,4,5] x, int64 a) => (float[3,4,5] y) {{ y = {expression} }}", feeds={"x": X, "a": np.array(number)})


BOXES = np.array([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [1, 0, 0, 1], [0, 10, 1, 11], [0, 100, 1, 101]], np.float32)
SCORES = np.array([[[0.9, 0.75, 0.9, 0.95, 0.3], [0.1, 0.2, 0.1, 0.4, 0.8]]], np.float32)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.99, 1.0])
@pytest.mark.parametrize("least", [0.0, 0.35, 0.9])
@pytest.mark.parametrize("known", [True, False])
def test_boxes_are_selected_as_many_as_there_are(lite, overlap, least, known):
    # The declared number of rows is one of many: with other data other boxes are left.
    numbers = {"k": np.array([4]), "o": np.array([overlap], np.float32), "s": np.array([least], np.float32)}
    declared = "" if known else ", int64[1] k, float[1] o, float[1] s"
    feeds = {"b": BOXES[np.newaxis], "c": SCORES} | ({} if known else numbers)
    lite(
        f"(float[1,5,4] b, float[1,2,5] c{declared}) => (int64[6,3] y) {{ y = NonMaxSuppression(b, c, k, o, s) }}",
        numbers if known else {},
        feeds=feeds,
    )


def test_a_box_that_overlaps_by_the_threshold_stays(litert):
    boxes = np.array([[[0, 0, 2, 1], [0, 0, 1, 1]]], np.float32)  # they overlap by a half
    built = litert(
        "(float[1,2,4] b, float[1,1,2] c) => (int64[2,3] y) { y = NonMaxSuppression(b, c, k, o) }",
        {"k": np.array([2]), "o": np.array([0.5], np.float32)},
        feeds={"b": boxes, "c": np.array([[[0.9, 0.8]]], np.float32)},
    )
    assert built.outputs["y"].tolist() == [[0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("count", [0, 3, 12])
def test_as_many_places_as_are_not_zero(litert, count):
    x = np.zeros(12, np.float32)
    x[GENERATOR.permutation(12)[:count]] = 1
    x = x.reshape(3, 4)
    built = litert("(float[3,4] x) => (int64[2,5] y) { y = NonZero(x) }", feeds={"x": x})
    np.testing.assert_array_equal(built.outputs["y"], np.nonzero(x))


@pytest.mark.parametrize("condition", [True, False])
def test_a_branch_is_chosen_at_run_time(lite, condition):
    lite(
        "(float[4] x, bool c) => (float[4] y) { y = If(c) <"
        "then_branch = t () => (float[4] p) { p = Relu(x) }, else_branch = e () => (float[4] q) { q = Neg(x) }> }",
        feeds={"x": X.ravel()[:4], "c": np.array(condition)},
    )


@pytest.mark.parametrize("direction", [0, 1])
def test_a_scan_is_written_out(lite, direction):
    lite(
        "(float[2] s, float[2,5] x) => (float[2] z, float[2,5] y) { z, y = Scan <num_scan_inputs = 1,"
        f" scan_input_axes = [1], scan_output_axes = [1], scan_input_directions = [{direction}],"
        " body = b (float[2] old, float[2] now) => (float[2] new, float[2] shown)"
        " { new = Add(old, now) shown = Mul(new, now) }> (s, x) }",
        feeds={"s": X[0, 0, :2], "x": X[0, :2]},
    )


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_weights_and_lengths_of_sequences_at_run_time(lite, op, gates, direction):
    steps, batch, size, hidden = 4, 3, 2, 5
    ways = 2 if direction == "bidirectional" else 1
    shapes = {
        "x": (steps, batch, size),
        "w": (ways, gates * hidden, size),
        "r": (ways, gates * hidden, hidden),
        "b": (ways, 2 * gates * hidden),
    }
    feeds = {name: GENERATOR.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    declared = ", ".join(f"float[{','.join(map(str, shape))}] {name}" for name, shape in shapes.items())
    last = ", h, c" if op == "LSTM" else ", h"
    state = f"float[{ways},{batch},{hidden}]"
    outputs = f"float[{steps},{ways},{batch},{hidden}] y, {state} h" + (f", {state} c" if op == "LSTM" else "")
    lite(
        f"({declared}, int32[{batch}] n) => ({outputs})"
        f' {{ y{last} = {op}<hidden_size={hidden}, direction="{direction}">(x, w, r, b, n) }}',
        feeds=feeds | {"n": np.array([4, 1, 3], np.int32)},
    )


def test_grids_at_run_time(lite):
    lite(
        "(float[3,4] x, float[3] s, int8[3] z) => (int8[3,4] q, float[3,4] y)"
        " { q = QuantizeLinear<axis=0>(x, s, z) y = DequantizeLinear<axis=0>(q, s, z) }",
        feeds={
            "x": X[0, :3, :4] * 40,
            "s": np.array([0.1, 0.5, 0.02], np.float32),
            "z": np.array([3, -7, 0], np.int8),
        },
    )


@pytest.mark.parametrize("depth", [5, 257, 700])
def test_products_of_integers_are_exact(litert, depth):
    x = GENERATOR.integers(0, 256, (2, depth)).astype(np.uint8)
    y = GENERATOR.integers(-128, 128, (depth, 3)).astype(np.int8)
    built = litert(
        f"(uint8[2,{depth}] x, int8[{depth},3] y, uint8 p, int8 q) => (int32[2,3] z)"
        " { z = MatMulInteger(x, y, p, q) }",
        feeds={"x": x, "y": y, "p": np.array(255, np.uint8), "q": np.array(-128, np.int8)},
    )
    np.testing.assert_array_equal(built.outputs["z"], (x.astype(np.int64) - 255) @ (y.astype(np.int64) + 128))
