"""What follows from constants and from declared shapes is computed; what is stored better as it is stays a node."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from edgewright.compiler.expand.expand import Expand
from edgewright.compiler.model import Model

Hub = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]

KNOWN = [("", op) for op in ("Add", "Cast", "DequantizeLinear", "Expand", "MatMul", "Mul", "ReduceSum", "Reshape")]


def ops(model: Model) -> list[str]:
    return [node.op_type for node in model.graph]


def constant(value: ir.Value | None) -> np.ndarray:
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_a_node_of_constants_becomes_a_constant_of_its_name(hub: Hub) -> None:
    model = hub("(float[2] x) => (float[2] y) { w = Mul(a, b) y = Add(x, w) }", {"a": noise(2), "b": noise(2)})
    (node,) = Expand(KNOWN)(model).graph
    np.testing.assert_array_equal(constant(node.inputs[1]), noise(2) * noise(2))
    assert node.inputs[1] is not None
    assert node.inputs[1].name == "w"


def test_an_output_of_constants_still_comes_from_a_node(hub: Hub, run: Run) -> None:
    model = hub("(float[2] x) => (float[2] y, float[2] w) { w = Mul(a, a) y = Add(x, w) }", {"a": noise(2)})
    expanded = Expand(KNOWN)(model)
    assert [value.name for value in expanded.graph.outputs] == ["y", "w"]
    assert all(value.producer() is not None for value in expanded.graph.outputs)
    np.testing.assert_array_equal(run(expanded, {"x": noise(2)})["w"], noise(2) * noise(2))


def test_the_shape_of_what_is_computed_at_run_time_is_a_constant(hub: Hub) -> None:
    model = hub("(float[2, 3] x, float[6] z) => (float[K, L] y) { s = Shape(x) y = Reshape(z, s) }")
    (node,) = Expand(KNOWN)(model).graph
    assert constant(node.inputs[1]).tolist() == [2, 3]
    assert list(node.outputs[0].shape or ()) == [2, 3]


def test_of_a_shape_in_part_open_the_fixed_part_is_a_constant(hub: Hub) -> None:
    model = hub("(float[N, 3] x, float[6] z) => (float[K] y) { s = Shape<start = 1>(x) y = Expand(z, s) }")
    (node,) = Expand(KNOWN)(model).graph
    assert constant(node.inputs[1]).tolist() == [3]


def test_integers_with_their_scales_stay_as_they_are_stored(hub: Hub) -> None:
    weights = {"q": np.ones((4, 4), np.int8), "s": np.array(0.5, np.float32)}
    text = "(float[1, 4] x) => (float[1, 4] y) { w = DequantizeLinear(q, s) y = MatMul(x, w) }"
    assert ops(Expand(KNOWN)(hub(text, weights))) == ["DequantizeLinear", "MatMul"]
    assert ops(Expand([])(hub(text, weights))) == ["DequantizeLinear", "MatMul"]


def test_weights_in_half_the_bits_stay_so(hub: Hub) -> None:
    text = "(float[1, 200] x) => (float[1, 200] y) { w = Cast<to = 1>(h) y = MatMul(x, w) }"
    assert ops(Expand(KNOWN)(hub(text, {"h": noise(200, 200).astype(np.float16)}))) == ["Cast", "MatMul"]


def test_a_small_constant_is_not_spread_out_where_the_target_can_do_that(hub: Hub) -> None:
    text = "(float[300, 300] x) => (float[300, 300] y) { w = Expand(a, s) y = Add(x, w) }"
    weights = {"a": noise(300), "s": np.array([300, 300])}
    assert ops(Expand(KNOWN)(hub(text, weights))) == ["Expand", "Add"]
    assert ops(Expand([("", "Add")])(hub(text, weights))) == ["Add"]


def test_what_would_be_larger_than_any_weights_is_never_computed(hub: Hub) -> None:
    text = "(int64[2] i) => (float[M] y) { w = Expand(a, s) y = GatherND(w, i) }"
    weights = {"a": noise(1), "s": np.array([1_000_000, 1_000_000])}
    assert "Expand" in ops(Expand([])(hub(text, weights)))


def test_a_declared_shape_settles_what_comes_from_outside(hub: Hub) -> None:
    model = hub("(float[3, 4] x, int64[1] axes) => (float[3, 1] y) { y = ReduceSum(x, axes) }")
    expanded = Expand(KNOWN)(model)
    (node,) = expanded.graph
    assert constant(node.inputs[1]).tolist() == [1]
    assert [value.name for value in expanded.graph.inputs] == ["x", "axes"]


def test_a_shape_that_leaves_a_choice_settles_nothing(hub: Hub) -> None:
    model = hub("(float[3, 3] x, int64[1] axes) => (float[3] y) { y = ReduceSum<keepdims = 0>(x, axes) }")
    (node,) = Expand(KNOWN)(model).graph
    assert node.inputs[1] is not None
    assert node.inputs[1].is_graph_input()


def test_what_declared_shapes_settle_is_settled_inside_a_definition_too(hub: Hub, run: Run) -> None:
    model = hub("(float[5, 7] x, int64[2] size) => (float[4, 9] y) { y = CenterCropPad(x, size) }")
    expanded = Expand([])(model)
    assert {"If", "CenterCropPad", "Shape"}.isdisjoint(ops(expanded))
    inputs = {"x": noise(5, 7), "size": np.array([4, 9])}
    np.testing.assert_array_equal(run(expanded, inputs)["y"], run(model, inputs)["y"])


def test_the_model_given_stays_as_it_was(hub: Hub) -> None:
    model = hub("(float[2] x) => (float[2] y, float[2] w) { w = Mul(a, a) h = Mish(x) y = Add(h, w) }", {"a": noise(2)})
    before = ir.to_proto(model.ir).SerializeToString(deterministic=True)
    Expand([])(model)
    assert ir.to_proto(model.ir).SerializeToString(deterministic=True) == before
