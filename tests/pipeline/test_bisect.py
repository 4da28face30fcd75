"""The first tensor where an artifact and the reference part is named, whatever the runtime can show."""

import json
import os

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgewright.pipeline.rows_compared import rows_compared

WIDTH = 4

PROJECT = """
[model]
source = "chain.onnx"

[data]
evaluation = "chain.npz"

[targets.onnxruntime]
formats = ["", "ort"]
[targets.tflite]

[bundle]
name = "chain"
version = "1.0.0"
"""

FAULTY = '''
"""A target that spoils the weights of the third convolution, and a runtime that shows nothing of its inside."""
import msgspec, onnx
from onnx import numpy_helper
from edgewright.targets.artifact import File
from edgewright.targets.onnxruntime.runtime import OnnxRuntime as Shown
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.vocabulary.digest import digest_file

class Target(OnnxRuntime):
    name = "faulty"
    formats = {"": "edgewright_faulty:Opaque"}

    def compile(self, model, options, out):
        artifact = super().compile(model, options, out)
        path = out / "model.onnx"
        loaded = onnx.load(path)
        for tensor in loaded.graph.initializer:
            if tensor.name == "w2":
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * 1.01, "w2"))
        onnx.save(loaded, path)
        return msgspec.structs.replace(
            artifact, files=(File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size),)
        )

class Opaque:
    name = "onnxruntime"
    version = Shown.version
    prepare = Shown.prepare

    def load(self, artifact, options):
        return Shown().load(artifact, options)
'''


def chain():
    """Five convolutions, each with a sigmoid behind it: `c0`, `s0` … `c4`, `s4`; then the mean, `y`."""
    generator = np.random.default_rng(5)
    nodes, weights, last = [], {}, "x"
    for index in range(5):
        weights[f"w{index}"] = (generator.standard_normal((WIDTH, WIDTH, 3, 3)) * 0.5).astype(np.float32)
        nodes += [
            helper.make_node("Conv", [last, f"w{index}"], [f"c{index}"], f"conv{index}", pads=[1, 1, 1, 1]),
            helper.make_node("Sigmoid", [f"c{index}"], [f"s{index}"], f"sigmoid{index}"),
        ]
        last = f"s{index}"
    nodes.append(helper.make_node("ReduceMean", [last, "axes"], ["y"], "mean", keepdims=0))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", WIDTH, 6, 6])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", WIDTH])],
        [
            *(numpy_helper.from_array(array, name) for name, array in weights.items()),
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    onnx.save(chain(), folder / "chain.onnx")
    np.savez(folder / "chain.npz", x=np.random.default_rng(0).standard_normal((12, WIDTH, 6, 6)).astype(np.float32))
    (folder / "edgewright.toml").write_text(PROJECT)
    return folder


@pytest.fixture(scope="module")
def bisect(project, edgewright):
    """Run the verb in the project; gives the exit code and the document."""

    def run(*arguments, **environment):
        done = edgewright("bisect", *arguments, "-C", project, "--json", **environment)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture(scope="module")
def built(project, edgewright):
    """The files of the artifacts, by name."""
    done = edgewright("build", "-C", project, "-o", project / "out", "--json")
    assert done.returncode == 0, done.stdout
    folder = project / "out" / "bundle" / "content" / "artifacts"
    return {path.name: next(path.glob("model.*")) for path in folder.iterdir()}


def spoiled(path, folder, array):
    """Give a copy of an artifact's file in which a weight is a hundredth larger."""
    data = path.read_bytes()
    assert data.count(array.tobytes()) == 1
    data = data.replace(array.tobytes(), (array * np.float32(1.01)).tobytes())
    (copy := folder / path.name).write_bytes(data)
    return copy


def weight(index):
    return numpy_helper.to_array(next(each for each in chain().graph.initializer if each.name == f"w{index}"))


@pytest.mark.parametrize("artifact", ["tflite-fp32", "onnxruntime-fp32"])
def test_of_a_right_artifact_no_tensor_parts(bisect, artifact):
    code, found = bisect(artifact)
    assert code == 0
    assert found["first"] is None
    assert found["way"] == "shown"
    assert found["calls"] == 8
    assert found["evidence"] == "measured-host"
    shown = [tensor["name"] for tensor in found["tensors"] if tensor["parity"] is not None]
    assert {"s0", "s1", "s2", "s3", "s4", "y"} <= set(shown)


def test_a_spoiled_weight_is_found_where_it_is(bisect, built, tmp_path):
    file = spoiled(built["tflite-fp32"], tmp_path, np.ascontiguousarray(weight(2).transpose(0, 2, 3, 1)))
    code, found = bisect("tflite-fp32", "--file", file)
    assert code == 1
    assert found["first"] == "c2"
    assert found["findings"][0].startswith("The error is born at conv2 (Conv): the reference makes another result")
    walked = {tensor["name"]: tensor for tensor in found["tensors"]}
    assert walked["s1"]["broken"] == []
    assert walked["c2"]["own_broken"] != []
    assert walked["s2"]["own_broken"] == [], "it computes rightly of what it is given"


def test_the_row_where_an_artifact_is_furthest_off_is_looked_at(bisect, built, project):
    """It is the one that the build kept, whichever the others are."""
    report = json.loads((project / "out" / "report.json").read_bytes())
    entry = next(each for each in report["entries"] if each["artifact"] == "tflite-fp32")
    worst = entry["parity"]["outputs"]["y"]
    _, found = bisect("tflite-fp32", "--calls", "1")
    assert found["rows"] == [worst["worst_row"]]
    assert found["outputs"]["y"]["max_abs"] == worst["max_abs"]


def test_so_is_that_of_a_file_that_was_given(bisect, built, tmp_path):
    file = spoiled(built["tflite-fp32"], tmp_path, np.ascontiguousarray(weight(2).transpose(0, 2, 3, 1)))
    _, everywhere = bisect("tflite-fp32", "--file", file, *(text for row in range(12) for text in ("--row", row)))
    _, found = bisect("tflite-fp32", "--file", file, "--calls", "1")
    assert everywhere["calls"] == 12
    assert found["outputs"]["y"]["max_abs"] == everywhere["outputs"]["y"]["max_abs"]


@pytest.mark.parametrize(
    ("worst", "calls", "rows_per_call", "expected"),
    [
        ([], 3, 1, (0, 1, 2)),
        ([9], 3, 1, (0, 1, 9)),
        ([1], 3, 1, (0, 1, 2)),
        ([9, 7], 1, 1, (9,)),
        ([9], 2, 4, (0, 1, 2, 3, 8, 9, 10, 11)),
        ([], 100, 1, tuple(range(12))),
    ],
)
def test_rows_are_those_of_whole_calls(worst, calls, rows_per_call, expected):
    assert rows_compared(worst, calls=calls, rows_per_call=rows_per_call, row_count=12) == expected


def test_a_row_that_is_not_there_is_refused(project, edgewright):
    done = edgewright("bisect", "tflite-fp32", "-C", project, "--row", 12)
    assert done.returncode == 2
    assert "there is no row 12" in done.stderr
    assert "there are 12, counted from 0" in done.stderr


def test_of_fused_nodes_all_are_named(bisect, built, tmp_path):
    """onnxruntime makes one of a convolution and the sigmoid behind it: what lies between is not there."""
    file = spoiled(built["onnxruntime-fp32"], tmp_path, weight(2))
    code, found = bisect("onnxruntime-fp32", "--file", file)
    assert (code, found["first"]) == (1, "s2")
    assert found["findings"][0].startswith("The error is born at conv2 (Conv), sigmoid2 (Sigmoid): ")


@pytest.fixture
def faulty(project, tmp_path):
    """Add the target `faulty` to the project; gives the environment that it is found in."""
    (tmp_path / "edgewright_faulty.py").write_text(FAULTY)
    (info := tmp_path / "edgewright_faulty-1.0.dist-info").mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edgewright-faulty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[edgewright.targets]\nfaulty = edgewright_faulty:Target\n")
    text = (project / "edgewright.toml").read_text()
    (project / "edgewright.toml").write_text(text + "\n[targets.faulty]\n")
    yield {"PYTHONPATH": os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))}
    (project / "edgewright.toml").write_text(text)


def test_where_nothing_is_shown_the_model_is_cut(bisect, faulty):
    code, found = bisect("faulty-fp32", **faulty)
    assert code == 1
    assert found["way"] == "cut"
    assert found["first"] == "c2"
    looked = [tensor["name"] for tensor in found["tensors"] if tensor["parity"] is not None]
    assert {"c2", "s1"} <= set(looked)
    assert len(looked) <= 6, "halving 11 tensors looks at few of them"


def test_an_ort_file_is_cut(bisect):
    code, found = bisect("onnxruntime-fp32-ort")
    assert (code, found["way"], found["first"]) == (0, "cut", None)


def test_the_graph_can_be_cut_though_its_tensors_could_be_shown(bisect):
    code, found = bisect("tflite-fp32", "--cut")
    assert (code, found["way"], found["first"]) == (0, "cut", None)


def test_an_unknown_artifact_is_refused_with_those_that_there_are(project, edgewright):
    done = edgewright("bisect", "tflite-fp64", "-C", project)
    assert done.returncode == 2
    assert "makes no artifact named 'tflite-fp64'" in done.stderr
    assert "it makes: onnxruntime-fp32, onnxruntime-fp32-ort, tflite-fp32" in done.stderr


def test_a_file_of_another_model_is_refused(project, edgewright, tmp_path, built):
    (other := tmp_path / "model.tflite").write_bytes(built["onnxruntime-fp32"].read_bytes())
    done = edgewright("bisect", "tflite-fp32", "-C", project, "--file", other)
    assert done.returncode == 2
    assert "this is no .tflite file" in done.stderr


@pytest.mark.parametrize("columns", [80, 140])
def test_what_a_person_is_told_fits(bisect, built, tmp_path, edgewright, project, columns):
    file = spoiled(built["tflite-fp32"], tmp_path, np.ascontiguousarray(weight(2).transpose(0, 2, 3, 1)))
    done = edgewright("bisect", "tflite-fp32", "-C", project, "--file", file, COLUMNS=str(columns))
    assert done.returncode == 1
    assert "first to part: c2" in done.stdout
    table = done.stdout.partition("\n\ntensor")[2].splitlines()
    assert max(map(len, table)) <= columns
