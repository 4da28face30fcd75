"""Where Q/DQ are put, by the scheme, and that the result is close to float."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgewright.compiler.model import Model, Precision
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.quantize.record import notes
from edgewright.compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from edgewright.vocabulary.errors import ModelError, RefusedError

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
node = onnx.helper.make_node
A, W, B, F = Role.ACTIVATION, Role.WEIGHT, Role.BIAS, Role.FLOAT
RULES: Mapping[str, OpRule] = {
    "Conv": OpRule(inputs=(A, W, B), weight_axis=0),
    "MatMul": OpRule(inputs=(A, W), weight_axis=-1),
    "Gemm": OpRule(inputs=(A, W, B), weight_axis=1),
    "Add": OpRule(),
    "Concat": OpRule(shares=True),
    "Reshape": OpRule(inputs=(A, F), shares=True),
    "Softmax": OpRule(fixed=(1 / 256, -128)),
}


def scheme(**more: Any) -> Scheme:
    said: dict[str, Any] = {
        "name": "test",
        "precision": Precision.STATIC_WI8_AI8,
        "weights": Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True),
        "activations": Grid(dtype=ir.DataType.INT8, symmetric=False),
        "bias": Grid(dtype=ir.DataType.INT32, symmetric=True),
        "ops": RULES,
        "fused": frozenset({("Conv", "Relu"), ("MatMul", "Add")}),
    }
    return Scheme(**(said | more))


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def quantized(model: Model, rows: np.ndarray, own: Scheme | None = None, **options: Any) -> Model:
    step = Quantize("static_wi8_ai8", **options)
    result = step.informed(calibrate(model, {"x": rows}), own or scheme())(model)
    onnx.checker.check_model(ir.to_proto(result.ir), full_check=True)
    return result


def ops(model: Model) -> list[str]:
    short = {"QuantizeLinear": "Q", "DequantizeLinear": "DQ"}
    return [short.get(one.op_type, one.op_type) for one in model.graph]


def scale_behind(model: Model, name: str) -> float:
    """The scale with which a tensor is quantized."""
    (found,) = [one for one in model.graph if one.op_type == "QuantizeLinear" and one.inputs[0].name == name]
    return float(found.inputs[1].const_value.numpy())


def kept_float(model: Model) -> dict[str, str]:
    """The nodes that stay float, and why."""
    said = "kept float: "
    return {one.where: one.text.removeprefix(said) for one in notes(model.ir) if one.text.startswith(said)}


def convolution(make: Make) -> Model:
    nodes = [node("Conv", ["x", "w", "b"], ["c"], "conv"), node("Relu", ["c"], ["y"], "relu")]
    return make(nodes, ("n", 3, 8, 8), {"w": noise(4, 3, 3, 3), "b": noise(4)})


def test_a_convolution_takes_its_relu_in(make: Make, run: Run) -> None:
    model, x = convolution(make), noise(16, 3, 8, 8)
    result = quantized(model, x)
    assert ops(result) == ["Q", "DQ", "DQ", "DQ", "Conv", "Relu", "Q", "DQ"]
    assert result.precision is Precision.STATIC_WI8_AI8
    weights = {value.name: value for value in result.graph.initializers.values()}
    assert weights["w/quantized"].dtype == ir.DataType.INT8
    assert weights["b/quantized"].dtype == ir.DataType.INT32
    assert weights["w/scale"].shape == (4,)
    assert "w" not in weights
    expected = run(model, {"x": x})["y"]
    # 27 products, each off by half a step of either factor, and half a step of the result: 3 sigma
    assert np.abs(run(result, {"x": x})["y"] - expected).max() < 0.03 * expected.max()


def test_inputs_and_outputs_stay_float_under_their_names(make: Make) -> None:
    result = quantized(convolution(make), noise(2, 3, 8, 8))
    assert [(value.name, value.dtype) for value in (*result.graph.inputs, *result.graph.outputs)] == [
        ("x", ir.DataType.FLOAT),
        ("y", ir.DataType.FLOAT),
    ]


def test_what_is_kept_float_has_q_dq_at_its_border_and_a_note(make: Make) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["a"], "first"),
        node("Reshape", ["a", "s"], ["r"], "reshape"),
        node("MatMul", ["r", "v"], ["y"], "second"),
    ]
    weights = {"w": noise(8, 8), "v": noise(8, 8), "s": np.int64([-1, 8])}
    result = quantized(make(nodes, ("n", 8), weights), noise(4, 8), keep_float=["second"])
    assert ops(result) == ["Q", "DQ", "DQ", "MatMul", "Q", "DQ", "Reshape", "Q", "DQ", "MatMul"]
    assert kept_float(result) == {"second": "asked for by keep_float"}


def test_a_node_to_keep_float_that_is_not_there_is_an_error(make: Make) -> None:
    with pytest.raises(ModelError, match="keep_float names 'none'"):
        quantized(convolution(make), noise(2, 3, 8, 8), keep_float=["none"])


def test_tensors_that_a_concat_joins_share_a_scale(make: Make) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["a"], "small"),
        node("MatMul", ["x", "v"], ["b"], "large"),
        node("Concat", ["a", "b"], ["c"], "concat", axis=1),
        node("MatMul", ["c", "u"], ["y"], "last"),
    ]
    weights = {"w": noise(8, 8), "v": 50 * noise(8, 8), "u": noise(16, 4)}
    result = quantized(make(nodes, ("n", 8), weights), noise(32, 8))
    assert scale_behind(result, "a") == scale_behind(result, "b") == scale_behind(result, "c")


def test_a_prescribed_scale_is_kept_and_read_with_that_of_the_group(make: Make, run: Run) -> None:
    nodes = [
        node("Softmax", ["x"], ["s"], "softmax"),
        node("MatMul", ["x", "w"], ["a"], "matmul"),
        node("Concat", ["s", "a"], ["c"], "concat", axis=1),
        node("MatMul", ["c", "u"], ["y"], "last"),
    ]
    model, x = make(nodes, ("n", 8), {"w": noise(8, 8), "u": noise(16, 4)}), noise(32, 8)
    result = quantized(model, x)
    assert scale_behind(result, "s") == 1 / 256
    assert scale_behind(result, "s/DequantizeLinear:out") == scale_behind(result, "a") == scale_behind(result, "c")
    expected = run(model, {"x": x})["y"]
    assert np.abs(run(result, {"x": x})["y"] - expected).max() < 0.03 * np.abs(expected).max()  # as above


def test_a_reshape_takes_a_prescribed_scale_on(make: Make) -> None:
    nodes = [node("Softmax", ["x"], ["s"], "softmax"), node("Reshape", ["s", "shape"], ["y"], "reshape")]
    result = quantized(make(nodes, ("n", 8), {"shape": np.int64([-1, 4])}), noise(4, 8))
    assert scale_behind(result, "s") == 1 / 256
    assert {float(one.inputs[1].const_value.numpy()) for one in result.graph if one.op_type == "DequantizeLinear"} == {
        1 / 256,
        float(scale_behind(result, "x")),
    }


def test_a_matmul_takes_its_bias_in(make: Make, run: Run) -> None:
    nodes = [node("MatMul", ["x", "w"], ["a"], "matmul"), node("Add", ["a", "b"], ["y"], "add")]
    model, x = make(nodes, ("n", 5, 8), {"w": noise(8, 6), "b": noise(1, 1, 6)}), noise(16, 5, 8)
    result = quantized(model, x)
    assert ops(result) == ["Q", "DQ", "DQ", "MatMul", "DQ", "Add", "Q", "DQ"]
    assert result.graph.initializers["b/quantized"].dtype == ir.DataType.INT32
    expected = run(model, {"x": x})["y"]
    assert np.abs(run(result, {"x": x})["y"] - expected).max() < 0.03 * np.abs(expected).max()


def test_a_tensor_that_calibration_has_not_seen_keeps_its_node_float(make: Make) -> None:
    nodes = [node("MatMul", ["x", "w"], ["a"], "first"), node("MatMul", ["a", "w"], ["y"], "second")]
    model = make(nodes, ("n", 8), {"w": noise(8, 8)})
    ranges = calibrate(model, {"x": noise(2, 8)})
    del ranges.tensors["y"]
    result = Quantize("static_wi8_ai8").informed(ranges, scheme())(model)
    assert ops(result) == ["Q", "DQ", "DQ", "MatMul", "Q", "DQ", "MatMul"]
    assert kept_float(result) == {"second": "calibration has seen no values of y"}


def test_nodes_that_only_move_stay_float_among_themselves(make: Make) -> None:
    nodes = [
        node("Reshape", ["x", "s"], ["r"], "one"),
        node("Reshape", ["r", "s"], ["q"], "two"),
        node("Tanh", ["q"], ["t"], "tanh"),
        node("MatMul", ["t", "w"], ["y"], "matmul"),
    ]
    result = quantized(make(nodes, ("n", 8), {"s": np.int64([-1, 4]), "w": noise(4, 4)}), noise(4, 8))
    assert ops(result) == ["Reshape", "Reshape", "Tanh", "Q", "DQ", "DQ", "MatMul", "Q", "DQ"]


def test_a_model_that_is_quantized_already_keeps_its_scales(make: Make) -> None:
    once = quantized(convolution(make), noise(16, 3, 8, 8))
    again = quantized(once, 9 * noise(16, 3, 8, 8))
    assert ops(again) == ops(once)
    assert scale_behind(again, "x") == scale_behind(once, "x")


def test_sixteen_bits_raise_the_operator_set(make: Make, run: Run) -> None:
    model, x = convolution(make), noise(16, 3, 8, 8)
    wide = scheme(activations=Grid(dtype=ir.DataType.INT16, symmetric=True))
    result = quantized(model, x, wide)
    assert result.opset == 21
    expected = run(model, {"x": x})["y"]
    assert np.abs(run(result, {"x": x})["y"] - expected).max() < 0.01 * expected.max()  # what is left is the weights


def test_a_variance_by_cancellation_stays_float_and_a_plain_chain_does_not(make: Make, run: Run) -> None:
    """E[x²] − E[x]² of values far from zero: eight bits for either term are coarser than the difference."""
    more = {
        **RULES,
        **dict.fromkeys(("Mul", "Sub"), OpRule()),
        "ReduceMean": OpRule(inputs=(A, F)),
    }
    nodes = [
        node("MatMul", ["x", "w"], ["h"], "layer"),
        node("ReduceMean", ["h", "last"], ["mean"], "mean", keepdims=1),
        node("Mul", ["h", "h"], ["squares"], "squares"),
        node("ReduceMean", ["squares", "last"], ["mean of squares"], "mean of squares", keepdims=1),
        node("Mul", ["mean", "mean"], ["square of mean"], "square of mean"),
        node("Sub", ["mean of squares", "square of mean"], ["variance"], "variance"),
        node("Sqrt", ["variance"], ["y"], "root"),
    ]
    weights = {"w": np.abs(noise(16, 32)) * np.float32(0.05) + 1, "last": np.int64([-1])}
    model, x = make(nodes, ("n", 16), weights), np.abs(noise(200, 16)) + 1
    result = quantized(model, x, scheme(ops=more))
    assert {"squares", "mean of squares", "square of mean", "variance"} <= kept_float(result).keys()
    assert "dB of signal to noise" in kept_float(result)["variance"]
    assert "layer" not in kept_float(result)
    plain = [node("MatMul", ["x", "w"], ["h"], "layer"), node("Sub", ["h", "x2"], ["y"], "difference")]
    centred = make(plain, ("n", 16), {"w": noise(16, 32), "x2": noise(32)})
    assert kept_float(quantized(centred, noise(200, 16), scheme(ops=more))) == {}


def test_a_bias_that_is_not_finite_keeps_its_node_float(make: Make) -> None:
    """As integers −∞ would be the lowest int32."""
    bias = np.array([-np.inf, *noise(7)], np.float32)
    layers = [node("MatMul", ["x", "w"], ["h"], "matmul"), node("Gemm", ["h", "w", "b"], ["y"], "gemm")]
    result = quantized(make(layers, ("n", 8), {"w": noise(8, 8), "b": bias}), noise(4, 8))
    assert kept_float(result)["gemm"] == "its bias b is not finite"
    behind = [node("MatMul", ["x", "w"], ["h"], "matmul"), node("Add", ["h", "b"], ["y"], "add")]
    result = quantized(make(behind, ("n", 8), {"w": noise(8, 8), "b": bias}), noise(4, 8))
    assert kept_float(result) == {"add": "b is not finite"}


@pytest.mark.parametrize("shape", [(8,), (3, 8, 4)], ids=["vector", "stack"])
def test_a_product_with_what_is_no_matrix_has_one_scale_for_it(make: Make, run: Run, shape: tuple[int, ...]) -> None:
    model = make([node("MatMul", ["x", "w"], ["y"], "matmul")], (3, 5, 8), {"w": noise(*shape)})
    rows = noise(3, 5, 8)
    result = quantized(model, rows)
    assert result.graph.initializers["w/scale"].shape == ()
    # 8 products, each off by half a step of either factor, and half a step of the result
    assert np.abs(run(result, {"x": rows})["y"] - run(model, {"x": rows})["y"]).max() < 0.15


@pytest.mark.parametrize("low", [-1e4, -1e9, float(np.finfo(np.float32).min)])
def test_scores_under_a_mask_of_a_large_number_stay_float(make: Make, run: Run, low: float) -> None:
    """A grid that reaches down to the mask has one step for all scores, which Softmax tells apart."""
    nodes = [
        node("MatMul", ["x", "w"], ["scores"], "scores"),
        node("Add", ["scores", "mask"], ["masked"], "mask"),
        node("Softmax", ["masked"], ["shares"], "softmax"),
        node("MatMul", ["shares", "v"], ["y"], "values"),
    ]
    weights = {"w": noise(8, 8), "v": noise(8, 4), "mask": np.triu(np.full((8, 8), low, np.float32), 1)}
    model, rows = make(nodes, ("n", 8, 8), weights), noise(20, 8, 8)
    result = quantized(model, rows, scheme(fused=frozenset()))
    assert kept_float(result).keys() == {"mask", "softmax"}
    assert run(result, {"x": rows})["y"] == pytest.approx(run(model, {"x": rows})["y"], abs=0.1)


def test_scores_without_a_mask_become_integers(make: Make) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["scores"], "scores"),
        node("Softmax", ["scores"], ["shares"], "softmax"),
        node("MatMul", ["shares", "v"], ["y"], "values"),
    ]
    result = quantized(make(nodes, ("n", 8, 8), {"w": noise(8, 8), "v": noise(8, 4)}), noise(20, 8, 8))
    assert kept_float(result) == {}


def test_what_only_carries_integers_on_joins_when_they_arrive(make: Make) -> None:
    """A Reshape that an Add wants, and an Add that a Reshape feeds, must not pull each other in."""
    carrying = {**RULES, "Add": OpRule(follows=True), "Conv": RULES["Conv"]}
    nodes = [
        node("Tanh", ["x"], ["t"], "tanh"),
        node("Reshape", ["t", "s"], ["r"], "reshape"),
        node("Add", ["r", "r"], ["a"], "add"),
        node("MatMul", ["a", "w"], ["y"], "matmul"),
    ]
    result = quantized(
        make(nodes, ("n", 8), {"s": np.int64([-1, 8]), "w": noise(8, 8)}), noise(4, 8), scheme(ops=carrying)
    )
    assert kept_float(result) == {
        "reshape": "no neighbour computes in integers",
        "add": "its inputs arrive as floats",
    }


def test_what_carries_on_takes_what_another_kernel_wants_as_integers(make: Make) -> None:
    """Behind a first layer that stays float, the sum of a residual block has its input quantized anyway."""
    carrying = {**RULES, "Add": OpRule(follows=True)}
    nodes = [
        node("MatMul", ["x", "w"], ["h"], "first"),
        node("MatMul", ["h", "w"], ["i"], "second"),
        node("Add", ["h", "i"], ["y"], "add"),
    ]
    model = make(nodes, ("n", 8), {"w": noise(8, 8)})
    result = quantized(model, noise(4, 8), scheme(ops=carrying), keep_float=["first"])
    assert kept_float(result) == {"first": "asked for by keep_float"}
    assert ops(result).count("Q") == 3


def test_percentile_leaves_an_outlier_out_and_minmax_does_not(make: Make) -> None:
    x = np.concatenate([noise(2000, 8), np.full((1, 8), 100.0, np.float32)])
    model = make([node("MatMul", ["x", "w"], ["y"], "matmul")], ("n", 8), {"w": noise(8, 8)})
    assert scale_behind(quantized(model, x), "x") > 100 / 255
    assert scale_behind(quantized(model, x, method="percentile", percentile=99.0), "x") < 10 / 255


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"precision": "fp16"}, "precision 'fp16'"),
        ({"precision": "static_wi8_ai8", "method": "best"}, "method 'best': expected one of minmax, percentile"),
        ({"precision": "static_wi8_ai8", "method": "percentile", "percentile": 0.0}, "percentile 0.0"),
        ({"precision": "static_wi8_ai8", "percentile": 99.0}, "with method 'percentile'"),
    ],
)
def test_options_that_mean_nothing_are_errors(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Quantize(**options)


def test_a_model_in_which_nothing_can_be_integers_is_refused(make: Make) -> None:
    model = make([node("Tanh", ["x"], ["y"], "tanh")], ("n", 8))
    with pytest.raises(RefusedError, match="no node with float32 inputs among Add, Concat, Conv") as refusal:
        quantized(model, noise(4, 8))
    assert refusal.value.hint == "take fp32 or fp16 instead, or another integer precision"


def test_the_refusal_names_the_most_frequent_reason(make: Make) -> None:
    nodes = [
        node("MatMul", ["x", "w"], ["a"], "first"),
        node("MatMul", ["a", "w"], ["b"], "second"),
        node("Gemm", ["b", "i"], ["y"], "third"),
    ]
    weights = {"w": noise(8, 8), "i": np.full((32, 32), np.inf, np.float32)[:8]}
    stored = scheme(activations=None, bias=None, min_weight_elements=100, precision=Precision.WEIGHT_ONLY_WI8_AFP32)
    step = Quantize("weight_only_wi8_afp32").informed(None, stored)
    with pytest.raises(RefusedError) as refusal:
        step(make(nodes, ("n", 8), weights))
    assert refusal.value.message == (
        "nothing in the model can be integers on test in weight_only_wi8_afp32: "
        "first and 1 more: its weight has fewer than 100 elements; 1 stay float for other reasons"
    )


def test_keep_float_may_name_all_that_could_be_integers(make: Make) -> None:
    result = quantized(convolution(make), noise(2, 3, 8, 8), keep_float=["conv", "relu"])
    assert ops(result) == ["Conv", "Relu"]
    assert [one.text for one in notes(result.ir)][-1] == "nothing in it became integers"
