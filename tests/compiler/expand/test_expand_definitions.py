"""Operators that a target does not know give way to ONNX's own definitions of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgewright.compiler.expand.expand import Expand
from edgewright.compiler.expand.origin import origin_of
from edgewright.compiler.model import Model

Hub = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]

NORMALIZED = """(float[2, 4, 3, 3] x) => (float[2, 4, 3, 3] y) {
    h = LayerNormalization<axis = 1>(x, scale) y = Relu(h)
}"""
SCALE = {"scale": np.linspace(0.5, 2, 36, dtype=np.float32).reshape(4, 3, 3)}


def ops(model: Model) -> set[str]:
    return {node.op_type for node in model.graph}


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_what_the_target_knows_stays(hub: Hub) -> None:
    assert ops(Expand([("", "LayerNormalization"), ("", "Relu")])(hub(NORMALIZED, SCALE))) == {
        "LayerNormalization",
        "Relu",
    }


def test_what_it_does_not_know_is_written_by_its_definition(hub: Hub, run: Run) -> None:
    model = hub(NORMALIZED, SCALE)
    expanded, inputs = Expand([("", "Relu")])(model), {"x": noise(2, 4, 3, 3)}
    assert "LayerNormalization" not in ops(expanded)
    np.testing.assert_allclose(run(expanded, inputs)["y"], run(model, inputs)["y"], rtol=1e-5, atol=1e-6)


def test_every_value_of_it_has_its_shape_and_dtype(hub: Hub) -> None:
    values = [value for node in Expand([])(hub(NORMALIZED, SCALE)).graph for value in node.outputs]
    assert all(value.dtype == ir.DataType.FLOAT for value in values)
    assert all(value.shape is not None and value.shape.is_static() for value in values)


def test_no_shape_is_computed_at_run_time_where_all_are_fixed(hub: Hub) -> None:
    assert {"Shape", "Size", "ConstantOfShape", "Constant"}.isdisjoint(ops(Expand([])(hub(NORMALIZED, SCALE))))


def test_its_nodes_were_made_for_it_and_its_output_keeps_its_name(hub: Hub) -> None:
    graph = Expand([("", "Relu")])(hub(NORMALIZED, SCALE)).graph
    *written, last = graph
    assert {origin_of(node) for node in written} == {("LayerNormalization_0", "LayerNormalization")}
    assert origin_of(last) == ("Relu_1", "Relu")
    assert last.inputs[0] is not None
    assert last.inputs[0].name == "h"


def test_definitions_in_definitions_are_written_too(hub: Hub, run: Run) -> None:
    # SoftmaxCrossEntropyLoss is defined by NegativeLogLikelihoodLoss and LogSoftmax, which have definitions themselves.
    model = hub("(float[3, 5] x, int64[3] t) => (float y) { y = SoftmaxCrossEntropyLoss(x, t) }")
    expanded = Expand([])(model)
    assert not {"SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss", "LogSoftmax"} & ops(expanded)
    assert {origin_of(node)[1] for node in expanded.graph} == {"SoftmaxCrossEntropyLoss"}
    inputs = {"x": noise(3, 5), "t": np.array([0, 4, 2])}
    np.testing.assert_allclose(run(expanded, inputs)["y"], run(model, inputs)["y"], rtol=1e-6)


def test_an_operand_that_is_not_given_is_not_in_it(hub: Hub, run: Run) -> None:
    model = hub("(float[4] x) => (float[4] y) { y = Clip(x, , top) }", {"top": np.array(0.5, np.float32)})
    expanded, inputs = Expand([])(model), {"x": noise(4)}
    assert "Clip" not in ops(expanded)
    np.testing.assert_array_equal(run(expanded, inputs)["y"], np.minimum(inputs["x"], np.float32(0.5)))


def test_an_output_that_nothing_wants_is_not_computed(hub: Hub) -> None:
    model = hub(NORMALIZED.replace("h = Layer", "h, mean = Layer"), SCALE)
    assert all(value.uses() or value.is_graph_output() for node in Expand([])(model).graph for value in node.outputs)


def test_sizes_that_are_open_stay_open_in_it(hub: Hub, run: Run) -> None:
    model = hub("(float[N, 6] x) => (float[N, 6] y) { y = Softplus(x) }")
    expanded, inputs = Expand([])(model), {"x": noise(5, 6)}
    assert "Softplus" not in ops(expanded)
    for node in expanded.graph:
        assert [str(size) for size in node.outputs[0].shape or ()] == ["N", "6"]
    np.testing.assert_allclose(run(expanded, inputs)["y"], run(model, inputs)["y"], rtol=1e-6)


def test_what_has_no_definition_is_left(hub: Hub) -> None:
    assert ops(Expand([])(hub("(float[4] x) => (float[4] y) { y = Erf(x) }"))) == {"Erf"}


def test_a_definition_whose_control_flow_stays_open_is_not_written(hub: Hub) -> None:
    model = hub("(int64 n) => (int64[M] y) { y = Range(zero, n, one) }", {"zero": np.array(0), "one": np.array(1)})
    assert ops(Expand([])(model)) == {"Range"}


@pytest.mark.parametrize("opset", [20, 21, 23, 25])
def test_a_definition_of_an_older_opset_means_the_same_in_a_later_one(hub: Hub, run: Run, opset: int) -> None:
    model = hub("(float[2, 3] x) => (uint8[2, 3] y, float s) { y, s, z = DynamicQuantizeLinear(x) }", opset=opset)
    expanded, inputs = Expand([])(model), {"x": noise(2, 3)}
    assert "DynamicQuantizeLinear" not in ops(expanded)
    onnx.checker.check_model(ir.to_proto(expanded.ir), full_check=True)
    before, after = run(model, inputs), run(expanded, inputs)
    np.testing.assert_array_equal(after["y"], before["y"])
    np.testing.assert_allclose(after["s"], before["s"], rtol=1e-6)


def test_a_rest_that_is_empty_is_not_split_off_and_joined_on_again(hub: Hub, run: Run) -> None:
    # RotaryEmbedding turns the first elements of each head, here all of them, and leaves the others as they are.
    text = """(float[1, 2, 3, 8] x, float[1, 3, 4] c, float[1, 3, 4] s) => (float[1, 2, 3, 8] y) {
        y = RotaryEmbedding(x, c, s) }"""
    model = hub(text, opset=23)
    expanded = Expand([])(model)
    shapes = [value.shape for node in expanded.graph for value in node.outputs]
    assert all(shape is not None and 0 not in shape for shape in shapes)
    inputs = {"x": noise(1, 2, 3, 8), "c": noise(1, 3, 4), "s": noise(1, 3, 4)}
    np.testing.assert_allclose(run(expanded, inputs)["y"], run(model, inputs)["y"], rtol=1e-6)


def test_of_empty_parts_the_others_stay_split(hub: Hub, run: Run) -> None:
    text = """(float[7] x) => (float[5] y, float[2] z) {
        a, b, c = Split<axis = 0>(x, sizes) y = Concat<axis = 0>(a, b) z = Neg(c) }"""
    expanded = Expand([])(hub(text, {"sizes": np.array([5, 0, 2])}))
    assert ops(expanded) == {"Split", "Identity", "Neg"}
    assert run(expanded, {"x": np.arange(7, dtype=np.float32)})["y"].tolist() == [0, 1, 2, 3, 4]


def test_where_all_parts_are_empty_nothing_is_split(hub: Hub, run: Run) -> None:
    text = "(float[0] x) => (float[0] y, float[0] z) { y, z = Split<axis = 0>(x, sizes) }"
    expanded = Expand([])(hub(text, {"sizes": np.array([0, 0])}))
    assert ops(expanded) == {"Identity"}
    assert run(expanded, {"x": np.zeros(0, np.float32)})["z"].shape == (0,)
