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
