"""The bytes of a package, its names, and what stands at its border."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from edgewright.bundle.interface import Interface
from edgewright.targets.base import Options
from edgewright.targets.coreml import package as writer
from edgewright.targets.coreml.names import naming
from edgewright.targets.coreml.runtime import CoreML as CoreMLRuntime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import RefusedError, ToolError


@pytest.fixture
def build(tmp_path):
    """Compile; gives the artifact, its folder, and a function that calls it as the source is called."""

    def build_(model):
        (out := tmp_path / f"out{len(list(tmp_path.iterdir()))}").mkdir()
        artifact = CoreML().compile(model, Options(variant="fp32"), out)
        session = CoreMLRuntime().load(out / artifact.files[0].path, RunOptions())
        interface = Interface(original=model.signature, artifact=artifact.signature)
        return artifact, out, lambda **inputs: interface.run(session, inputs)

    return build_


# bytes


def test_the_manifest_is_the_first_file_and_names_its_items_by_what_they_hold(build, perceptron):
    artifact, out, _ = build(perceptron)
    data = "model.mlpackage/Data/com.apple.CoreML"
    assert [file.path for file in artifact.files] == [
        "model.mlpackage/Manifest.json",
        f"{data}/model.mlmodel",
        f"{data}/weights/weight.bin",
    ]
    manifest = json.loads((out / "model.mlpackage" / "Manifest.json").read_bytes())
    assert manifest["fileFormatVersion"] == "1.0.0"
    entries = manifest["itemInfoEntries"]
    assert {entry["path"] for entry in entries.values()} == {
        "com.apple.CoreML/model.mlmodel",
        "com.apple.CoreML/weights",
    }
    assert entries[manifest["rootModelIdentifier"]]["name"] == "model.mlmodel"
    assert all(identifier[14] == "5" for identifier in entries)  # a UUID of a name, version 5 of RFC 9562


def test_other_weights_are_another_item(build, make_hub):
    from onnx import helper

    def model(seed):
        weight = np.random.default_rng(seed).standard_normal((8, 8))
        return make_hub(
            [helper.make_node("MatMul", ["x", "w"], ["y"], "m")], {"x": [1, 8]}, {"y": [1, 8]}, {"w": weight}
        )

    def identifiers(out):
        entries = json.loads((out / "model.mlpackage" / "Manifest.json").read_bytes())["itemInfoEntries"]
        return {entry["name"]: identifier for identifier, entry in entries.items()}

    first, second = (identifiers(build(model(seed))[1]) for seed in (0, 1))
    assert first["weights"] != second["weights"]


WRITE_ELSEWHERE = """
import sys
from pathlib import Path
from edgewright.compiler.model import Model
from edgewright.targets.base import Options
from edgewright.targets.coreml.target import CoreML
hub, out, first = sys.argv[1:]
if first == "another before":
    (Path(out) / "before").mkdir()
    CoreML().compile(Model.load(Path(hub)), Options(variant="fp32", dims={"batch": 2}), Path(out) / "before")
(Path(out) / "it").mkdir()
artifact = CoreML().compile(Model.load(Path(hub)), Options(variant="fp32"), Path(out) / "it")
print([file.sha256 for file in artifact.files])
"""


def test_bytes_are_equal_in_every_process_and_folder_whatever_was_compiled_before(tmp_path, convnet):
    (tmp_path / "hub").mkdir()
    convnet.save(tmp_path / "hub")
    said = set()
    for seed, first in (("1", "nothing before"), ("2", "another before")):
        (out := tmp_path / first).mkdir()
        command = [sys.executable, "-c", WRITE_ELSEWHERE, str(tmp_path / "hub"), str(out), first]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC{seed}"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        assert done.stderr == ""  # no bars and no warnings
        said.add(done.stdout)
    assert len(said) == 1


def test_what_coremltools_changes_of_an_interface_is_an_error(tmp_path, perceptron, monkeypatch):
    serialized = writer.serialized

    def renaming(*arguments):
        model = serialized(*arguments)
        model.description.output[0].name = "renamed"
        return model

    monkeypatch.setattr(writer, "serialized", renaming)
    with pytest.raises(ToolError, match=r"coremltools has made the outputs .*renamed"):
        CoreML().compile(perceptron, Options(variant="fp32"), tmp_path)


# names


def test_names_that_are_legal_stay_and_the_others_give_way():
    found = naming(["a.b", "a_b", "tensor", "1st", "x"], ["a b", "x"])
    assert found.inputs == {"a.b": "a_b_2", "a_b": "a_b", "tensor": "tensor_", "1st": "_1st", "x": "x"}
    assert found.outputs == {"a b": "a_b_3", "x": "x_2"}


def test_no_value_inside_takes_the_name_of_an_input_or_output(build, hub_of_text):
    model = hub_of_text(
        '(float[2] "in.1") => (float[2] "out.1") { in_1 = Neg("in.1") out_1 = Exp(in_1) "out.1" = Neg(out_1) }'
    )
    artifact, _, run = build(model)
    assert [spec.known_as for spec in artifact.signature.inputs] == ["in_1"]
    assert [spec.known_as for spec in artifact.signature.outputs] == ["out_1"]
    np.testing.assert_allclose(run(**{"in.1": np.float32([0, 1])})["out.1"], -np.exp(np.float32([0, -1])), rtol=1e-6)


def test_a_name_that_is_legal_is_not_said_twice(build, perceptron):
    artifact, _, _ = build(perceptron)
    assert [spec.known_as for spec in (*artifact.signature.inputs, *artifact.signature.outputs)] == [None, None]


# outputs that are hardly computed


def test_an_input_may_be_an_output_and_a_constant_too(build, hub_of_text):
    model = hub_of_text(
        "(float[2] x) => (float[2] same, float[2] one) { same = Identity(x) one = Constant<value_floats=[1.0,1.0]>() }"
    )
    _, _, run = build(model)
    outputs = run(x=np.float32([3, 4]))
    assert outputs["same"].tolist() == [3, 4]
    assert outputs["one"].tolist() == [1, 1]


def test_two_outputs_that_are_equal_stay_two(build, hub_of_text):
    _, _, run = build(hub_of_text("(float[2] x) => (float[2] a, float[2] b) { a = Relu(x) b = Relu(a) }"))
    assert {name: array.tolist() for name, array in run(x=np.float32([-1, 2])).items()} == {"a": [0, 2], "b": [0, 2]}


# dtypes


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool"])
def test_integers_and_booleans_are_int32_outside_and_the_sources_to_who_calls_it(build, hub_of_text, dtype):
    onnx_name = {"bool": "bool"}.get(dtype, dtype)
    model = hub_of_text(f"({onnx_name}[2] x) => ({onnx_name}[2] y) {{ y = Identity(x) }}")
    artifact, _, run = build(model)
    assert [spec.dtype for spec in (*artifact.signature.inputs, *artifact.signature.outputs)] == ["int32", "int32"]
    narrowed = dict.fromkeys(("x", "y"), f"{dtype} → int32") if dtype != "int32" else {}
    assert artifact.narrowed == narrowed
    x = np.array([0, 1], dtype)
    outputs = run(x=x)
    assert outputs["y"].dtype == x.dtype
    np.testing.assert_array_equal(outputs["y"], x)


def test_a_scalar_is_one_element_outside(build, hub_of_text):
    artifact, _, run = build(hub_of_text("(float x) => (float y) { y = Neg(x) }"))
    assert [spec.shape for spec in (*artifact.signature.inputs, *artifact.signature.outputs)] == [(1,), (1,)]
    outputs = run(x=np.float32(2.5).reshape(()))
    assert (outputs["y"].shape, float(outputs["y"])) == ((), -2.5)


def test_a_value_beyond_int32_is_an_error_and_not_wrapped(build, hub_of_text):
    _, _, run = build(hub_of_text("(int64[1] x) => (int64[1] y) { y = Identity(x) }"))
    assert run(x=np.int64([2**31 - 1]))["y"].tolist() == [2**31 - 1]
    with pytest.raises(ValueError, match="values of int64 do not fit into int32"):
        run(x=np.int64([2**31]))


def test_float16_needs_a_later_system(build, hub_of_text):
    artifact, _, run = build(hub_of_text("(float16[2] x) => (float16[2] y) { y = Neg(x) }"))
    assert artifact.requires.min_runtime_version == "6"
    assert run(x=np.float16([1, -2]))["y"].tolist() == [-1, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(double[2] x) => (double[2] y) { y = Identity(x) }", "no inputs or outputs of float64"),
        ("(bfloat16[2] x) => (bfloat16[2] y) { y = Identity(x) }", "no inputs or outputs of bfloat16"),
        ("(float[1,1,1,1,1,2] x) => (float[1,1,1,1,1,2] y) { y = Relu(x) }", "it has 6 axes"),
        ("(float[0,2] x) => (float[0,2] y) { y = Relu(x) }", "it holds no elements"),
    ],
)
def test_what_core_ml_has_no_inputs_of_is_refused(tmp_path, hub_of_text, text, said):
    with pytest.raises(RefusedError, match=said):
        CoreML().compile(hub_of_text(text), Options(variant="fp32"), tmp_path)
    assert list(tmp_path.iterdir()) == []
