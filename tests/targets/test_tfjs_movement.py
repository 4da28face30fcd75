"""What moves data, through TF.js on wasm: of floats, of integers that float32 does not hold, and of bool."""

import json
import re

import numpy as np
import pytest

SHAPE = (2, 3, 4)
HUB = {"float": np.float32, "int32": np.int32, "bool": np.bool_}


def numbers(dtype, shape=SHAPE):
    generator = np.random.default_rng(1)
    if dtype == "float":
        return generator.standard_normal(shape).astype(np.float32)
    if dtype == "int32":
        return generator.integers(-(2**31), 2**31, shape).astype(np.int32)
    return generator.random(shape) < 0.5


def ints(*values):
    return np.array(values, np.int64)


MOVES = {
    "Transpose <perm = [2, 0, 1]> (x)": lambda x: x.transpose(2, 0, 1),
    "Reshape (x, shape)": lambda x: x.reshape(4, 6),
    "Slice (x, starts, ends, axes)": lambda x: x[:, 1:3, 1:4],
    "Slice (x, starts, ends, axes, steps)": lambda x: x[:, 1:3:2, 1:4:2],
    "Slice (x, last, first, axes, back)": lambda x: x[:, ::-1, 3:0:-2],
    "Concat <axis = 1> (x, x)": lambda x: np.concatenate([x, x], 1),
    "Pad (x, pads)": lambda x: np.pad(x, [(1, 0), (0, 2), (1, 1)]),
    'Pad <mode = "edge"> (x, pads)': lambda x: np.pad(x, [(1, 0), (0, 2), (1, 1)], "edge"),
    'Pad <mode = "reflect"> (x, pads)': lambda x: np.pad(x, [(1, 0), (0, 2), (1, 1)], "reflect"),
    'Pad <mode = "wrap"> (x, pads)': lambda x: np.pad(x, [(1, 0), (0, 2), (1, 1)], "wrap"),
    "Gather <axis = 1> (x, picks)": lambda x: x[:, [2, 0, 2]],
    "GatherND (x, places)": lambda x: x[[1, 0], [2, 1]],
    "GatherND <batch_dims = 1> (x, places)": lambda x: np.stack([x[0, 1, 2], x[1, 0, 1]]),
    "GatherElements <axis = 2> (x, elements)": lambda x: np.take_along_axis(
        x[:, :1], np.array([[[3, 0]], [[1, 2]]]), 2
    ),
    "Tile (x, repeats)": lambda x: np.tile(x, (1, 2, 2)),
    "Expand (x, wide)": lambda x: np.broadcast_to(x, (2, 2, 3, 4)),
    "ReverseSequence <batch_axis = 0, time_axis = 1> (x, lengths)": lambda x: np.stack([x[0, [1, 0, 2]], x[1, ::-1]]),
    "Where (mask, x, other)": lambda x: np.where([True, False, True, False], x, np.ones((3, 1), x.dtype)),
    "Trilu (x)": np.triu,
    "ScatterND (x, rows, updates)": lambda x: np.stack([np.ones((3, 4), x.dtype), x[1]]),
    "ScatterElements <axis = 0> (x, zeros, updates)": lambda x: np.stack([np.ones((3, 4), x.dtype), x[1]]),
    "Compress <axis = 2> (x, mask)": lambda x: x[:, :, [0, 2]],
}

WEIGHTS = {
    "shape": ints(4, 6),
    "starts": ints(1, 1),
    "ends": ints(3, 4),
    "axes": ints(1, 2),
    "steps": ints(2, 2),
    "last": ints(-1, 3),
    "first": ints(-9, 0),
    "back": ints(-1, -2),
    "pads": ints(1, 0, 1, 0, 2, 1),
    "picks": ints(2, 0, -1),
    "places": ints([1, 2], [0, 1]),
    "elements": ints([[3, 0]], [[1, -2]]),
    "repeats": ints(1, 2, 2),
    "wide": ints(2, 2, 3, 4),
    "lengths": ints(2, 3),
    "mask": np.array([True, False, True, False]),
    "rows": ints([0]),
    "zeros": np.zeros((1, 3, 4), np.int64),
}


NOT_OF_BOOL = ("Scatter", "Pad", "ReverseSequence", "Trilu")
"""What the dialect does not say of bool."""


@pytest.mark.parametrize(
    ("node", "dtype"),
    [(node, dtype) for node in MOVES for dtype in HUB if dtype != "bool" or not node.startswith(NOT_OF_BOOL)],
)
def test_elements_are_moved_as_they_are(tfjs, node, dtype):
    x, kind = numbers(dtype), HUB[dtype]
    given = {**WEIGHTS, "updates": np.ones((1, 3, 4), kind), "other": np.ones((3, 1), kind)}
    expected = np.ascontiguousarray(MOVES[node](x))
    used = {name: given[name] for name in re.findall(r"\w+", node.rpartition("(")[2]) if name in given}
    result = ", ".join(map(str, expected.shape))
    text = f"({dtype}[2, 3, 4] x) => ({dtype}[{result}] y) {{ y = {node} }}"
    made = tfjs(text, used, feeds={"x": x}, expected={})
    np.testing.assert_array_equal(made.outputs["y"], expected)


@pytest.mark.parametrize("dtype", ["float", "int32"])
@pytest.mark.parametrize("axis", [0, 2])
def test_cutting_into_pieces(tfjs, dtype, axis):
    x = numbers(dtype)
    sizes = [1, x.shape[axis] - 1]
    parts = np.split(x, [1], axis)
    shapes = [", ".join(map(str, part.shape)) for part in parts]
    results = f"{dtype}[{shapes[0]}] a, {dtype}[{shapes[1]}] b"
    text = f"({dtype}[2, 3, 4] x) => ({results}) {{ a, b = Split <axis = {axis}> (x, s) }}"
    made = tfjs(text, {"s": ints(*sizes)}, feeds={"x": x}, expected={})
    np.testing.assert_array_equal(made.outputs["a"], parts[0])
    np.testing.assert_array_equal(made.outputs["b"], parts[1])


def test_padding_with_an_integer_that_float32_does_not_hold(tfjs):
    x, number = np.array([5, 7], np.int32), 2**24 + 1
    made = tfjs(
        "(int32[2] x) => (int32[4] y) { y = Pad (x, p, n) }",
        {"p": ints(1, 1), "n": np.int32(number)},
        feeds={"x": x},
        expected={},
    )
    assert made.outputs["y"].tolist() == [number, 5, 7, number]


@pytest.mark.parametrize(("op", "expected"), [("ReduceMax", [True, False]), ("ReduceMin", [True, False])])
def test_reducing_bool(tfjs, op, expected):
    x = np.array([[True, True], [False, False]])
    made = tfjs(
        f"(bool[2, 2] x) => (bool[2] y) {{ y = {op} <keepdims = 0> (x, a) }}",
        {"a": ints(1)},
        feeds={"x": x},
        expected={},
    )
    assert made.outputs["y"].tolist() == expected


@pytest.mark.parametrize(
    ("op", "expected"),
    [("ReduceSum", 2**24 + 4), ("ReduceMax", 2**24 + 1), ("ReduceMin", 1), ("ReduceProd", (2**24 + 1) * 2)],
)
def test_reducing_integers_that_float32_does_not_hold(tfjs, op, expected):
    x = np.array([2**24 + 1, 2, 1], np.int32)
    made = tfjs(f"(int32[3] x) => (int32[1] y) {{ y = {op} (x) }}", feeds={"x": x}, expected={})
    assert made.outputs["y"].tolist() == [expected]


@pytest.mark.parametrize(("exclusive", "reverse"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_running_sums(tfjs, exclusive, reverse):
    node = f"CumSum <exclusive = {exclusive}, reverse = {reverse}> (x, a)"
    tfjs(f"(float[2, 3] x) => (float[2, 3] y) {{ y = {node} }}", {"a": np.int64(-1)})


def test_what_is_out_of_bounds_is_refused(tfjs_refusal):
    beyond = {"i": ints(3, 0)}
    assert tfjs_refusal("(float[3] x) => (float[2] y) { y = Gather (x, i) }", beyond) == {
        "Gather": "an index lies outside of its axis of 3"
    }
    beyond = {"i": ints(3, 0).reshape(2, 1)}
    assert tfjs_refusal("(float[3] x) => (float[2] y) { y = GatherND (x, i) }", beyond) == {
        "GatherND": "its indices reach beyond the data, which kernels of TF.js do not look for"
    }


def test_what_is_not_needed_is_left_out(tfjs):
    made = tfjs("(float[2] x) => (float[2] y) { z = Exp(x) y = Abs(x) }", expected={})
    assert made.ops == {"Abs": 1}


def test_an_input_that_is_an_output_and_a_constant_one(tfjs):
    made = tfjs(
        "(float[2] x) => (float[2] y, float[2] z) { y = Identity (x) z = Identity (c) }", {"c": np.float32([1, 2])}
    )
    assert made.outputs["z"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("pads", "ops"),
    [
        ([(0, 0), (1, 2), (0, 1), (2, 0), (0, 0)], {"Pad": 1, "Reshape": 2}),
        ([(0, 0), (0, 0), (2, 1), (0, 0), (0, 0)], {"Pad": 1, "Reshape": 2}),
        ([(1, 0), (1, 0), (1, 0), (1, 0), (1, 0)], {"Pad": 1}),
    ],
)
def test_five_axes_are_padded_by_fewer_where_they_can_be(tfjs, pads, ops):
    x = np.arange(1, 1 + 2 * 3 * 2 * 3 * 2, dtype=np.float32).reshape(2, 3, 2, 3, 2)
    expected = np.pad(x, pads)
    amounts = ints(*(before for before, _ in pads), *(after for _, after in pads))
    result = ", ".join(map(str, expected.shape))
    made = tfjs(
        f"(float[2,3,2,3,2] x) => (float[{result}] y) {{ y = Pad (x, pads) }}", {"pads": amounts}, feeds={"x": x}
    )
    np.testing.assert_array_equal(made.outputs["y"], expected)
    assert made.ops == ops
    [node] = made.artifact.coverage.nodes
    assert node.detail.endswith("Pad; not on webgl; not on webgpu") == ("Reshape" not in ops)


@pytest.mark.parametrize(("given", "operand"), [("2, 3, 4, 3", [3]), ("2, 3, 4, 2, 3", [1, 3])])
def test_beside_five_axes_no_operand_has_one(tfjs, given, operand):
    made = tfjs(f"(float[{given}] x) => (float[{given}] y) {{ y = Add (x, b) }}", {"b": np.float32([1, 2, 3])})
    [group] = json.loads(made.path.read_text("utf-8"))["weightsManifest"]
    assert [weight["shape"] for weight in group["weights"]] == [operand]
