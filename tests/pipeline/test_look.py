from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.pipeline.adhoc import model_section
from edgewright.pipeline.look import inspect, options_for
from edgewright.pipeline.progress import Silent
from edgewright.targets.artifact import Handling
from edgewright.vocabulary.errors import ModelError

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def looked(source, folder, targets=()):
    section = model_section(source)
    return inspect(section, folder=folder, targets=options_for(targets), progress=Silent())


def test_a_model_is_counted():
    found = looked("digits.onnx", DIGITS)
    assert (found.source, found.framework, found.opset) == ("digits.onnx", "onnx", 20)
    assert found.signature.input("image").shape == ("batch", 1, 8, 8)
    assert found.parameters == 8747
    assert found.parameter_bytes == 4 * found.parameters
    assert found.size_bytes == (DIGITS / "digits.onnx").stat().st_size
    assert found.macs_complete
    assert found.ops["Conv"] == 7
    assert found.targets == {}


def test_every_target_is_asked_about_every_node():
    outlook = looked("digits.onnx", DIGITS, ["onnxruntime"]).targets["onnxruntime"]
    assert outlook.problem is None
    assert outlook.coverage.count(Handling.NATIVE) == len(outlook.coverage.nodes) > 0


def save(path, op, opset):
    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "length"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "length"])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)


def test_the_opset_is_that_of_the_file_whatever_the_import_makes_of_it(tmp_path):
    save(tmp_path / "m.onnx", "Relu", 11)
    assert looked("m.onnx", tmp_path).opset == 11


def test_what_keeps_one_target_from_answering_is_that_targets_matter(tmp_path):
    save(tmp_path / "m.onnx", "Relu", 20)
    found = looked("m.onnx", tmp_path, ["onnxruntime", "tflite"])
    assert found.targets["onnxruntime"].coverage is not None
    assert found.targets["tflite"].coverage is None
    assert "length" in found.targets["tflite"].problem


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"m\.onnx"):
        looked("m.onnx", tmp_path)
