"""Sizes that stay open keep their names, and what is fixed beside them is known all the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgewright.compiler.expand.expand import Expand
from edgewright.compiler.model import Model

Hub = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]

HEADS = """(float[N, T, 64] x) => (float[A, B, C, D] y) {
    n = Shape<end = 1>(x) t = Shape<start = 1, end = 2>(x) s = Concat<axis = 0>(n, t, tail) y = Reshape(x, s)
}"""
KNOWN = [("", op) for op in ("Concat", "Expand", "Range", "Reshape", "Shape", "Transpose")]


def ops(model: Model) -> list[str]:
    return [node.op_type for node in model.graph]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_a_reshape_that_keeps_its_open_sizes_has_a_constant_shape(hub: Hub, run: Run) -> None:
    expanded = Expand(KNOWN)(hub(HEADS, {"tail": np.array([4, 16])}))
    (node,) = expanded.graph
    assert node.inputs[1] is not None
    assert node.inputs[1].const_value is not None
    assert node.inputs[1].const_value.numpy().tolist() == [0, 0, 4, 16]
    assert run(expanded, {"x": noise(2, 3, 64)})["y"].shape == (2, 3, 4, 16)
    assert [size for size in node.outputs[0].shape or () if isinstance(size, int)] == [4, 16]


def test_one_open_size_that_moves_follows_from_the_others(hub: Hub, run: Run) -> None:
    text = """(float[5, T, 4] x) => (float[A, B] y) {
        t = Shape<start = 1, end = 2>(x) s = Concat<axis = 0>(t, rest) y = Reshape(x, s) }"""
    expanded = Expand(KNOWN)(hub(text, {"rest": np.array([20])}))
    (node,) = expanded.graph
    assert node.inputs[1] is not None
    assert node.inputs[1].const_value is not None
    assert node.inputs[1].const_value.numpy().tolist() == [-1, 20]
    assert run(expanded, {"x": noise(5, 3, 4)})["y"].shape == (3, 20)


def test_two_open_sizes_that_move_are_told_at_run_time(hub: Hub, run: Run) -> None:
    text = """(float[N, T, 4] x) => (float[A, B, C] y) {
        n = Shape<end = 1>(x) t = Shape<start = 1, end = 2>(x) s = Concat<axis = 0>(t, n, rest) y = Reshape(x, s) }"""
    expanded = Expand(KNOWN)(hub(text, {"rest": np.array([4])}))
    assert ops(expanded) == ["Shape", "Shape", "Concat", "Reshape"]
    assert run(expanded, {"x": noise(2, 3, 4)})["y"].shape == (3, 2, 4)


def test_a_reshape_that_takes_zero_for_no_elements_is_told_at_run_time(hub: Hub) -> None:
    text = HEADS.replace("Reshape(", "Reshape<allowzero = 1>(")
    assert "Concat" in ops(Expand(KNOWN)(hub(text, {"tail": np.array([4, 16])})))


def test_the_fixed_sizes_of_an_expansion_are_known(hub: Hub) -> None:
    text = """(float[1, T] x, float[N, 7] z) => (float[A, B, C] y) {
        n = Shape<end = 1>(z) s = Concat<axis = 0>(n, rest) y = Expand(x, s) }"""
    y = Expand(KNOWN)(hub(text, {"rest": np.array([3, 1])})).graph.outputs[0]
    assert y.shape is not None
    assert y.shape[1] == 3


def test_a_fixed_size_that_is_picked_out_of_a_shape_is_a_constant(hub: Hub) -> None:
    text = """(float[N, 3, 5] x, float[15] z) => (float[A] y) {
        s = Shape(x) h = Gather(s, one) w = Gather(s, two) a = Mul(h, w) y = Expand(z, a) }"""
    expanded = Expand([*KNOWN, ("", "Gather"), ("", "Mul")])(hub(text, {"one": np.array([1]), "two": np.array([2])}))
    assert ops(expanded) == ["Expand"]


def test_counting_up_to_an_open_size_gives_as_many(hub: Hub) -> None:
    text = """(float[N, T] x) => (int64[A] y) {
        s = Shape<start = 1>(x) t = Squeeze(s) r = Range(zero, t, one) y = Neg(r) }"""
    known = [*KNOWN, ("", "Squeeze"), ("", "Neg")]
    *_, counted, _ = Expand(known)(hub(text, {"zero": np.array(0), "one": np.array(1)})).graph
    assert [str(size) for size in counted.outputs[0].shape or ()] == ["T"]


def test_attention_over_an_open_sequence_is_written_with_every_size_known_or_named(hub: Hub, run: Run) -> None:
    text = "(float[N, 2, T, 4] q) => (float[N, 2, T, 4] y) { y = Attention<is_causal = 1>(q, q, q) }"
    model = hub(text, opset=23)
    expanded, inputs = Expand([])(model), {"q": noise(3, 2, 5, 4)}
    named = [str(size) for node in expanded.graph for value in node.outputs for size in value.shape or ()]
    assert "None" not in named
    np.testing.assert_allclose(run(expanded, inputs)["y"], run(model, inputs)["y"], rtol=1e-5, atol=1e-6)
