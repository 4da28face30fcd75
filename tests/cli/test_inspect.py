import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(path, *ops):
    names = ["x", *(f"t{index}" for index in range(len(ops) - 1)), "y"]
    graph = helper.make_graph(
        [
            helper.make_node(op, [names[at]], [names[at + 1]], name=f"node_{at}", domain=domain)
            for at, (op, domain) in enumerate(ops)
        ],
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


def test_a_model_is_shown_with_its_cost_and_every_target(edgewright, digits_here):
    said = edgewright("inspect", "digits.onnx")
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[0] == "digits.onnx  onnx, opset 20"
    assert "  in  image        float32[batch, 1, 8, 8]" in lines
    assert "  parameters   8.75 k in 35.0 kB" in lines
    assert [line.split()[0] for line in lines if line.startswith(("onnxruntime ", "tflite "))] == [
        "onnxruntime",
        "tflite",
    ]


def test_json_holds_the_coverage_of_every_node(edgewright, digits_here):
    found = edgewright("inspect", "digits.onnx", "-t", "onnxruntime", "--json").document
    assert list(found["targets"]) == ["onnxruntime"]
    assert {node["handling"] for node in found["targets"]["onnxruntime"]["coverage"]["nodes"]} == {"native"}


def test_a_refusal_names_operator_reason_and_node_and_is_exit_2_when_the_target_was_asked_for(edgewright, tmp_path):
    save(tmp_path / "m.onnx", ("Relu", ""), ("Binarizer", "ai.onnx.ml"))
    said = edgewright("inspect", "m.onnx", "-t", "tflite")
    assert said.exit_code == 2
    assert "tflite refuses\n" in said.stdout
    assert "Binarizer" in said.stdout.partition("tflite refuses")[2]
    assert edgewright("inspect", "m.onnx").exit_code == 0


def test_nodes_that_a_backend_of_tfjs_has_no_kernels_for_are_named(edgewright, tmp_path):
    graph = helper.make_graph(
        [helper.make_node("CumSum", ["x", "axis"], ["y"], name="sum")],
        "five axes",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 2, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 2, 2, 2])],
        [numpy_helper.from_array(np.array(1, np.int64), "axis")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), tmp_path / "m.onnx")
    said = edgewright("inspect", "m.onnx", "-t", "tfjs")
    assert said.exit_code == 0
    assert "tfjs on webgl cannot compute sum (CumSum)\n" in said.stdout
    assert "tfjs on wasm" not in said.stdout


def test_a_truncated_model_is_a_wrong_request(edgewright, digits_here):
    data = (digits_here / "digits.onnx").read_bytes()
    (digits_here / "digits.onnx").write_bytes(data[: len(data) // 2])
    said = edgewright("inspect", "digits.onnx", "--json")
    assert (said.exit_code, said.document["error"]["kind"]) == (2, "ModelError")


def test_a_model_that_is_not_there_is_a_wrong_request(edgewright):
    said = edgewright("inspect", "model.onnx")
    assert said.exit_code == 2
    assert "model.onnx" in said.stderr
