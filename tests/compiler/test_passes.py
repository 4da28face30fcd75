"""What each pass does to a graph in which it finds what it looks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported
from edgewright.compiler.model import Model
from edgewright.compiler.passes.base import Pass
from edgewright.compiler.passes.cancel_transposes import CancelTransposes
from edgewright.compiler.passes.deduplicate_constants import DeduplicateConstants
from edgewright.compiler.passes.eliminate_identity import EliminateIdentity
from edgewright.compiler.passes.fix_dimensions import FixDimensions
from edgewright.compiler.passes.fold_batch_norm import FoldBatchNorm
from edgewright.compiler.passes.fold_constants import FoldConstants
from edgewright.compiler.passes.fuse_layer_norm import FuseLayerNorm
from edgewright.compiler.passes.merge_reshapes import MergeReshapes
from edgewright.vocabulary.errors import ConfigError, ToolError

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
Make = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]


def op(name: str, inputs: str, output: str, **attributes: Any) -> onnx.NodeProto:
    return onnx.helper.make_node(name, inputs.split(), output.split(), **attributes)


def ops(model: Model) -> list[str]:
    return [node.op_type for node in model.graph]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def i64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


class Rename(Pass):
    def rewrite(self, model: ir.Model) -> bool:
        model.graph.outputs[0].name = "z"
        return True


def test_a_pass_that_renames_an_output_is_caught(make: Make) -> None:
    with pytest.raises(ToolError, match="Rename changed the model's outputs"):
        Rename()(make([op("Relu", "x", "y")], (2,)))


def test_batch_norm_moves_into_the_convolution(make: Make) -> None:
    weights = {"w": noise(3, 2, 1, 1), "s": f32(1, 2, 3), "b": f32(0, 1, 0), "m": f32(1, 0, 1), "v": f32(1, 4, 9)}
    model = make([op("Conv", "x w", "c"), op("BatchNormalization", "c s b m v", "y")], ("n", 2, 4, 4), weights)
    folded = FoldBatchNorm()(model)
    assert ops(folded) == ["Conv"]
    assert [node.name for node in folded.graph] == ["Conv_0"]


def test_a_convolution_that_others_use_keeps_its_weights(make: Make) -> None:
    weights = {"w": noise(2, 2, 1, 1), "s": f32(1, 2), "b": f32(0, 1), "m": f32(1, 0), "v": f32(1, 4)}
    nodes = [op("Conv", "x w", "c"), op("BatchNormalization", "c s b m v", "d"), op("Add", "c d", "y")]
    assert ops(FoldBatchNorm()(make(nodes, ("n", 2, 4, 4), weights))) == ["Conv", "Mul", "Add", "Add"]


def test_statistics_that_would_overflow_are_not_folded(make: Make) -> None:
    weights = {"w": np.full((1, 1, 1, 1), 3e38, np.float32), "s": f32(100), "b": f32(0), "m": f32(0), "v": f32(1)}
    model = make([op("Conv", "x w", "c"), op("BatchNormalization", "c s b m v", "y")], (1, 1, 2, 2), weights)
    assert ops(FoldBatchNorm()(model)) == ["Conv", "Mul", "Add"]


def test_constants_are_folded_and_shapes_become_numbers(make: Make) -> None:
    nodes = [
        op("Transpose", "w", "t", perm=[1, 0]),
        op("MatMul", "x t", "m"),
        op("Shape", "m", "s"),
        op("Reshape", "m s", "y"),
    ]
    model = CLEANUP(make(nodes, (2, 3), {"w": noise(4, 3)}))
    assert ops(model) == ["MatMul"]


def test_small_constants_that_are_spread_out_stay_small(make: Make) -> None:
    nodes = [op("Expand", "c s", "e"), op("Add", "x e", "y")]
    model = make(nodes, (1, 1000, 1000), {"c": f32(2).reshape(1, 1, 1), "s": i64(1, 1000, 1000)})
    assert ops(FoldConstants()(model)) == ["Expand", "Add"]


def test_half_weights_cast_to_float_stay_half(make: Make) -> None:
    nodes = [op("Cast", "w", "f", to=FLOAT), op("MatMul", "x f", "y")]
    model = CLEANUP(make(nodes, (2, 100), {"w": noise(100, 3).astype(np.float16)}))
    assert ops(model) == ["Cast", "MatMul"]


def test_an_output_that_is_constant_keeps_its_name_and_gets_a_node(make: Make, run: Run) -> None:
    model = CLEANUP(make([op("Shape", "x", "s"), op("Cast", "s", "y", to=FLOAT)], (2, 3)))
    assert ops(model)[-1:] == ["Cast"] or ops(model) == ["Identity"]
    np.testing.assert_array_equal(run(model, {"x": np.zeros((2, 3), np.float32)})["y"], [2, 3])


def test_a_branch_whose_condition_is_known_is_inlined(
    write_onnx: Callable[..., Path], read: Callable[..., Imported], run: Run
) -> None:
    def branch(name: str, kind: str) -> onnx.GraphProto:
        return onnx.helper.make_graph(
            [op(kind, "x", name)], name, [], [onnx.helper.make_tensor_value_info(name, FLOAT, (2,))]
        )

    node = op("If", "c", "y", then_branch=branch("a", "Relu"), else_branch=branch("b", "Abs"))
    path = write_onnx([node], {"x": (FLOAT, (2,))}, {"y": (FLOAT, (2,))}, {"c": np.array(False)})
    model = CLEANUP(read(path).model)
    assert ops(model) == ["Abs"]
    np.testing.assert_array_equal(run(model, {"x": f32(-1, 2)})["y"], [1, 2])


def test_inlined_branches_with_the_same_names_inside_stay_apart(make: Make, run: Run) -> None:
    def branch(name: str, kind: str, number: float) -> onnx.GraphProto:
        weight = onnx.numpy_helper.from_array(f32(number), "k")
        nodes = [op(kind, "x k", "inner"), op("Neg", "inner", name)]
        return onnx.helper.make_graph(
            nodes, name, [], [onnx.helper.make_tensor_value_info(name, FLOAT, (2,))], [weight]
        )

    nodes = [
        op("If", "c", "p", then_branch=branch("a", "Add", 5), else_branch=branch("b", "Sub", 7)),
        op("If", "d", "q", then_branch=branch("a", "Add", 11), else_branch=branch("b", "Sub", 13)),
        op("Mul", "p q", "y"),
    ]
    model = CLEANUP(make(nodes, (2,), {"c": np.array(True), "d": np.array(False)}))
    assert sorted(ops(model)) == ["Add", "Mul", "Neg", "Neg", "Sub"]
    names = [value.name for node in model.graph for value in node.outputs]
    assert len(set(names)) == len(names)
    np.testing.assert_array_equal(run(model, {"x": f32(1, 2)})["y"], [6 * -12, 7 * -11])


def test_two_transposes_become_one_or_none(make: Make) -> None:
    turn = [op("Transpose", "x", "a", perm=[0, 2, 1]), op("Transpose", "a", "b", perm=[1, 0, 2]), op("Relu", "b", "y")]
    model = CancelTransposes()(make(turn, (2, 3, 4)))
    live = [node for node in model.graph if node.outputs[0].uses() or node.outputs[0].is_graph_output()]
    assert [node.op_type for node in live] == ["Transpose", "Relu"]
    assert list(live[0].attributes["perm"].as_ints()) == [2, 0, 1]
    back = [op("Transpose", "x", "a", perm=[0, 2, 1]), op("Transpose", "a", "b", perm=[0, 2, 1]), op("Relu", "b", "y")]
    assert ops(CLEANUP(make(back, (2, 3, 4)))) == ["Relu"]


def test_reshapes_in_a_row_become_one(make: Make) -> None:
    nodes = [op("Flatten", "x", "a"), op("Unsqueeze", "a one", "b"), op("Reshape", "b s", "c"), op("Relu", "c", "y")]
    model = CLEANUP(make(nodes, ("n", 2, 3), {"one": i64(1), "s": i64(-1, 3, 2)}))
    assert ops(model) == ["Reshape", "Relu"]
    assert [value.const_value.numpy().tolist() for value in model.graph.initializers.values()] == [[-1, 3, 2]]


def test_a_shape_computed_at_run_time_is_written_down(make: Make) -> None:
    nodes = [
        op("Shape", "x", "s"),
        op("Gather", "s zero", "n", axis=0),
        op("Unsqueeze", "n zeros", "k"),
        op("Concat", "k six", "t", axis=0),
        op("Reshape", "x t", "y"),
    ]
    weights = {"zero": np.array(0, np.int64), "zeros": i64(0), "six": i64(6)}
    assert ops(CLEANUP(make(nodes, ("n", 2, 3), weights, ("n", 6)))) == ["Reshape"]


def test_reshapes_that_come_back_vanish(make: Make) -> None:
    nodes = [op("Reshape", "x a", "p"), op("Reshape", "p b", "q"), op("Relu", "q", "y")]
    assert ops(CLEANUP(make(nodes, ("n", 2, 3), {"a": i64(-1, 6), "b": i64(-1, 2, 3)}, ("n", 2, 3)))) == ["Relu"]
    assert "Reshape" not in ops(MergeReshapes()(CLEANUP(make(nodes, (4, 2, 3), {"a": i64(-1, 6), "b": i64(-1, 2, 3)}))))


@pytest.mark.parametrize(
    ("node", "weights"),
    [
        (op("Identity", "x", "a"), {}),
        (op("Dropout", "x", "a"), {}),
        (op("Cast", "x", "a", to=FLOAT), {}),
        (op("Pad", "x p", "a"), {"p": i64(0, 0, 0, 0)}),
        (op("Slice", "x s e", "a"), {"s": i64(0, 0), "e": i64(2, 99)}),
        (op("Mul", "x c", "a"), {"c": f32(1)}),
        (op("Expand", "x s", "a"), {"s": i64(1, 3)}),
        (op("Concat", "x", "a", axis=0), {}),
        (op("Transpose", "x", "a", perm=[0, 1]), {}),
        (op("Reshape", "x s", "a"), {"s": i64(2, 3)}),
    ],
    ids=lambda value: value.op_type if isinstance(value, onnx.NodeProto) else "",
)
def test_nodes_that_do_nothing_vanish(node: onnx.NodeProto, weights: dict[str, np.ndarray], make: Make) -> None:
    assert ops(CLEANUP(make([node, op("Relu", "a", "y")], (2, 3), weights))) == ["Relu"]


@pytest.mark.parametrize(
    ("node", "weights"),
    [
        (op("Mul", "x c", "a"), {"c": np.ones((4, 2, 3), np.float32)}),
        (op("Add", "x c", "a"), {"c": f32(0)}),
        (op("Slice", "x s e t st", "a"), {"s": i64(0), "e": i64(1), "t": i64(1), "st": i64(1)}),
        (op("Slice", "x s e t st", "a"), {"s": i64(-1), "e": i64(-99), "t": i64(0), "st": i64(-1)}),
        (op("Expand", "x s", "a"), {"s": i64(2, 2, 3)}),
    ],
    ids=["grows", "negative zero", "cuts", "turns round", "grows by expand"],
)
def test_nodes_that_seem_to_do_nothing_stay(node: onnx.NodeProto, weights: dict[str, np.ndarray], make: Make) -> None:
    assert len(ops(EliminateIdentity()(make([node, op("Relu", "a", "y")], (2, 3), weights)))) == 2


def test_an_output_that_is_an_input_keeps_its_identity(make: Make) -> None:
    assert ops(CLEANUP(make([op("Dropout", "x", "y")], (2,)))) == ["Identity"]


def test_an_identity_behind_a_node_gives_its_name_away(make: Make) -> None:
    model = CLEANUP(make([op("Relu", "x", "a"), op("Identity", "a", "y")], (2,)))
    assert [(node.op_type, node.outputs[0].name) for node in model.graph] == [("Relu", "y")]


def test_one_value_can_be_two_outputs(write_onnx: Callable[..., Path], read: Callable[..., Imported], run: Run) -> None:
    nodes = [op("Relu", "x", "a"), op("Identity", "a", "b")]
    model = CLEANUP(read(write_onnx(nodes, {"x": (FLOAT, (2,))}, {"a": (FLOAT, (2,)), "b": (FLOAT, (2,))})).model)
    got = run(model, {"x": f32(-1, 1)})
    assert {name: array.tolist() for name, array in got.items()} == {"a": [0, 1], "b": [0, 1]}


def test_equal_constants_are_stored_once(make: Make) -> None:
    nodes = [op("Add", "x a", "p"), op("Add", "p b", "q"), op("Add", "q c", "y")]
    model = make(nodes, (2,), {"a": f32(1, 2), "b": f32(1, 2), "c": f32(1, 3)})
    assert list(DeduplicateConstants()(model).graph.initializers) == ["a", "c"]


def test_what_is_computed_twice_is_computed_once(make: Make) -> None:
    nodes = [
        op("Relu", "x", "a"),
        op("Relu", "x", "b"),
        op("Neg", "a", "c"),
        op("Neg", "b", "d"),
        op("Add", "c d", "y"),
    ]
    assert ops(CLEANUP(make(nodes, (2,)))) == ["Relu", "Neg", "Add"]


HALF, ONE, ROOT2 = np.float32(0.5), np.float32(1), np.float32(np.sqrt(2))
GELUS = {
    "torch": [
        op("Div", "x root2", "a"),
        op("Erf", "a", "b"),
        op("Add", "b one", "c"),
        op("Mul", "x c", "d"),
        op("Mul", "d half", "y"),
    ],
    "halved first": [
        op("Mul", "x inverse", "a"),
        op("Erf", "a", "b"),
        op("Add", "one b", "c"),
        op("Mul", "half x", "d"),
        op("Mul", "d c", "y"),
    ],
    "distributed": [
        op("Div", "x root2", "a"),
        op("Erf", "a", "b"),
        op("Mul", "b half", "c"),
        op("Add", "c half", "d"),
        op("Mul", "d x", "y"),
    ],
}


@pytest.mark.parametrize("nodes", GELUS.values(), ids=GELUS)
def test_gelu_is_found_however_it_is_written(nodes: list[onnx.NodeProto], make: Make, run: Run) -> None:
    weights = {"half": np.array(HALF), "one": np.array(ONE), "root2": np.array(ROOT2), "inverse": np.array(ONE / ROOT2)}
    model = make(nodes, ("n", 5), weights)
    fused = CLEANUP(model)
    assert ops(fused) == ["Gelu"]
    x = np.linspace(-6, 6, 50, dtype=np.float32).reshape(10, 5)
    np.testing.assert_allclose(run(fused, {"x": x})["y"], run(model, {"x": x})["y"], atol=1e-6)


def test_gelu_by_tanh_is_found(make: Make, run: Run) -> None:
    nodes = [
        op("Mul", "x x", "a"),
        op("Mul", "a x", "b"),
        op("Mul", "b k", "c"),
        op("Add", "x c", "d"),
        op("Mul", "d r", "e"),
        op("Tanh", "e", "f"),
        op("Add", "f one", "g"),
        op("Mul", "x half", "h"),
        op("Mul", "h g", "y"),
    ]
    weights = {
        "k": np.array(0.044715, np.float32),
        "r": np.array(np.sqrt(2 / np.pi), np.float32),
        "one": np.array(ONE),
        "half": np.array(HALF),
    }
    model = make(nodes, ("n", 5), weights)
    fused = CLEANUP(model)
    assert [(node.op_type, node.attributes["approximate"].as_string()) for node in fused.graph] == [("Gelu", "tanh")]
    x = np.linspace(-6, 6, 50, dtype=np.float32).reshape(10, 5)
    np.testing.assert_allclose(run(fused, {"x": x})["y"], run(model, {"x": x})["y"], atol=1e-6)


def test_what_is_nearly_gelu_stays(make: Make) -> None:
    weights = {"half": np.array(0.5001, np.float32), "one": np.array(ONE), "root2": np.array(ROOT2)}
    assert "Erf" in ops(CLEANUP(make(GELUS["torch"], (5,), weights)))


def test_hard_swish_is_found(make: Make) -> None:
    nodes = [op("Add", "x three", "a"), op("Clip", "a zero six", "b"), op("Mul", "x b", "c"), op("Div", "c six", "y")]
    weights = {"three": np.array(3, np.float32), "zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
    assert ops(CLEANUP(make(nodes, (5,), weights))) == ["HardSwish"]
    by_sigmoid = [op("HardSigmoid", "x", "a", alpha=1 / 6), op("Mul", "a x", "y")]
    assert ops(CLEANUP(make(by_sigmoid, (5,)))) == ["HardSwish"]


def test_layer_normalization_is_found(make: Make, run: Run) -> None:
    nodes = [
        op("ReduceMean", "x last", "m"),
        op("Sub", "x m", "d"),
        op("Mul", "d d", "q"),
        op("ReduceMean", "q last", "v"),
        op("Add", "v eps", "e"),
        op("Sqrt", "e", "r"),
        op("Reciprocal", "r", "i"),
        op("Mul", "d i", "n"),
        op("Mul", "n s", "p"),
        op("Add", "p b", "y"),
    ]
    weights = {"last": i64(-1), "eps": np.array(1e-5, np.float32), "s": noise(4), "b": noise(4)}
    model = make(nodes, ("n", 3, 4), weights)
    fused = CLEANUP(model)
    assert ops(fused) == ["LayerNormalization"]
    x = noise(2, 3, 4)
    np.testing.assert_allclose(run(fused, {"x": x})["y"], run(model, {"x": x})["y"], atol=1e-5)


def test_normalization_over_other_axes_stays(make: Make) -> None:
    nodes = [
        op("ReduceMean", "x axis", "m"),
        op("Sub", "x m", "d"),
        op("Mul", "d d", "q"),
        op("ReduceMean", "q axis", "v"),
        op("Add", "v eps", "e"),
        op("Sqrt", "e", "r"),
        op("Div", "d r", "y"),
    ]
    model = make(nodes, (2, 3, 4), {"axis": i64(1), "eps": np.array(1e-5, np.float32)})
    assert "LayerNormalization" not in ops(FuseLayerNorm()(model))


def test_dimensions_are_fixed_throughout(make: Make) -> None:
    nodes = [op("Shape", "x", "s"), op("Reshape", "x t", "a"), op("Relu", "a", "y")]
    model = FixDimensions({"n": 3})(make(nodes, ("n", 2, 3), {"t": i64(-1, 6)}, ("n", 6)))
    assert (model.signature.input("x").shape, model.signature.output("y").shape) == ((3, 2, 3), (3, 6))
    assert [list(node.outputs[0].shape) for node in model.graph][1:] == [[3, 6], [3, 6]]


def test_a_dimension_is_at_least_one() -> None:
    with pytest.raises(ConfigError, match="dimension 'n' cannot be 0"):
        FixDimensions({"n": 0})
