"""The `.ort` file is written again in one order, and stays the same model."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from edgewright.targets.onnxruntime.ort_format import canonical
from edgewright.vocabulary.errors import ToolError

UNARY = ["Abs", "Ceil", "Cos", "Exp", "Floor", "Neg", "Relu", "Sigmoid", "Sin", "Sqrt", "Tanh", "Erf", "Softplus"]


def ort_file(ops, path):
    """A chain of unary operators in onnxruntime's format, as onnxruntime writes it."""
    names = [f"v{index}" for index in range(len(ops))] + ["y"]
    nodes = [helper.make_node(op, [names[i]], [names[i + 1]], f"n{i}") for i, op in enumerate(ops)]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("v0", TensorProto.FLOAT, [4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(model.SerializeToString(), options)
    return path.read_bytes()


@given(st.lists(st.sampled_from(UNARY), min_size=1, max_size=20))
@settings(deadline=None, max_examples=25)
def test_one_model_is_one_file_and_runs_as_before(tmp_path_factory, ops):
    folder = tmp_path_factory.mktemp("chain")
    written = [ort_file(ops, folder / f"{turn}.ort") for turn in range(4)]
    (data,) = {canonical(file) for file in written}
    assert canonical(data) == data
    values = np.float32([0.1, 0.5, -1.0, 2.0])
    before, after = (onnxruntime.InferenceSession(file).run(None, {"v0": values})[0] for file in (written[0], data))
    np.testing.assert_array_equal(before, after)


def test_onnxruntime_itself_writes_in_no_certain_order(tmp_path):
    """Should this fail one day, there is nothing left to make canonical."""
    assert len({ort_file(UNARY, tmp_path / f"{turn}.ort") for turn in range(30)}) > 1


@pytest.mark.parametrize("data", [b"", b"\x08\x00\x00\x00TFL3" + bytes(64), bytes(100)])
def test_other_files_are_refused(data):
    with pytest.raises(ToolError, match="no file in its own format"):
        canonical(data)
