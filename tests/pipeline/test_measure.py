import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.pipeline.measure import profile
from edgewright.pipeline.progress import Silent
from edgewright.vocabulary.errors import ModelError, RequestError
from edgewright.vocabulary.evidence import Evidence

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"


def measured(path, **changes):
    return profile(path, **({"threads": 1, "min_runs": 3, "min_seconds": 0.0, "progress": Silent()} | changes))


def test_an_onnx_file_is_measured_on_inputs_drawn_from_what_it_takes():
    result = measured(DIGITS, min_runs=7)
    assert (result.runtime, result.evidence, result.threads) == ("onnxruntime", Evidence.MEASURED_HOST, 1)
    assert result.inputs == ("image float32[1, 1, 8, 8]",)
    assert result.size_bytes == DIGITS.stat().st_size
    assert result.profile.latency_ms.n >= 7
    assert 0 < result.profile.latency_ms.p50 <= result.profile.latency_ms.p99
    assert result.profile.load_ms > 0
    assert result.profile.peak_memory_bytes > 0


def test_indices_are_drawn_from_the_table_that_they_index(tmp_path):
    table = numpy_helper.from_array(np.zeros((2, 4), np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["y"])],
        "lookup",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3, 4])],
        [table],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "m.onnx")
    assert measured(tmp_path / "m.onnx").inputs == ("ids int64[1, 3]",)  # an index out of range would fail the run


def test_a_fixed_batch_stays(tmp_path):
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "relu",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "m.onnx")
    assert measured(tmp_path / "m.onnx").inputs == ("x float32[4, 3]",)


def test_a_file_that_is_not_there_is_a_wrong_request(tmp_path):
    with pytest.raises(RequestError, match="there is no such file"):
        measured(tmp_path / "m.onnx")


def test_a_file_of_no_known_kind_is_a_wrong_request(tmp_path):
    shutil.copy(DIGITS, tmp_path / "model.bin")
    with pytest.raises(RequestError, match="no runtime opens this kind of file"):
        measured(tmp_path / "model.bin")


@pytest.mark.parametrize("name", ["m.onnx", "m.ort", "m.tflite"])
def test_a_file_that_is_no_artifact_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no artifact at all")
    with pytest.raises(ModelError, match="cannot open it"):
        measured(tmp_path / name)


def graph_model(folder):
    """`y = x + x`, as TF.js reads it; no weights."""
    shape = {"dim": [{"size": "1"}, {"size": "3"}]}
    place = {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": shape}}
    nodes = [
        {"name": "x", "op": "Placeholder", "input": [], "attr": place},
        {"name": "y", "op": "AddV2", "input": ["x", "x"], "attr": {"T": {"type": "DT_FLOAT"}}},
    ]
    record = {
        "format": "graph-model",
        "modelTopology": {"node": nodes, "library": {}, "versions": {"producer": 1087}},
        "signature": {
            way: {name: {"name": f"{name}:0", "dtype": "DT_FLOAT", "tensorShape": shape}}
            for way, name in (("inputs", "x"), ("outputs", "y"))
        },
        "weightsManifest": [],
    }
    (folder / "model.json").write_text(json.dumps(record))
    return folder


def test_a_graph_model_is_measured_in_node_by_its_folder(tmp_path):
    result = measured(graph_model(tmp_path), on={"kind": "node"})
    assert (result.runtime, result.device, result.evidence) == ("tfjs/wasm", "node", Evidence.MEASURED_HOST)
    assert result.inputs == ("x float32[1, 3]",)
    assert result.size_bytes == (tmp_path / "model.json").stat().st_size
    assert result.profile.latency_ms.n >= 3


def test_a_graph_model_is_not_timed_through_a_pipe(tmp_path):
    with pytest.raises(RequestError, match="the pipe's time") as caught:
        measured(graph_model(tmp_path) / "model.json")
    assert caught.value.hint == "say --on browser or --on node"


def test_a_device_that_does_not_open_the_file_says_why():
    with pytest.raises(RequestError, match="onnxruntime-web does not compute on webgl in a browser"):
        measured(DIGITS, on={"kind": "browser", "backend": "webgl"})


def test_json_that_is_no_graph_model_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": "layers-model"}')
    with pytest.raises(ModelError, match=r"no graph model of TF\.js"):
        measured(tmp_path, on={"kind": "node"})
