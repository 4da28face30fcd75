"""Of integer artifacts it is told what the integers do, and what the target does."""

import json

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

PROJECT = """
[model]
source = "net.onnx"

[data]
calibration = { file = "net.npz", rows = "0:32" }
evaluation = { file = "net.npz", rows = "32:48" }

[recipes]
static_wi8_ai8 = [{ quantize = { precision = "static_wi8_ai8" } }]

[targets.tflite]
recipes = ["static_wi8_ai8"]
[targets.onnxruntime]
recipes = ["static_wi8_ai8"]

[bundle]
name = "net"
version = "1.0.0"
"""


def net(outlier):
    """Three convolutions with Relus: `r0`, `r1`, `r2`. One channel of `r1` is `outlier` times as large as it would be,
    and the third convolution takes that back: in float nothing changes."""
    generator = np.random.default_rng(5)
    weights = {f"w{index}": generator.standard_normal((8, 8, 3, 3)) * 0.2 for index in range(3)}
    weights["w1"][0] *= outlier
    weights["w2"][:, 0] /= outlier
    nodes, last = [], "x"
    for index in range(3):
        nodes += [
            helper.make_node("Conv", [last, f"w{index}"], [f"c{index}"], f"conv{index}", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"c{index}"], [f"r{index}"], f"relu{index}"),
        ]
        last = f"r{index}"
    nodes.append(helper.make_node("ReduceMean", [last, "axes"], ["y"], "mean", keepdims=0))
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 8, 6, 6])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 8])],
        [
            *(numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()),
            numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="module")
def bisect(tmp_path_factory, edgewright):
    """Bisect the integer artifact of a target, of the net with this outlier; gives the exit code and the document."""

    def run(target, outlier, *arguments):
        folder = tmp_path_factory.mktemp("net")
        onnx.save(net(outlier), folder / "net.onnx")
        rows = np.random.default_rng(0).standard_normal((48, 8, 6, 6)).astype(np.float32)
        np.savez(folder / "net.npz", x=rows)
        (folder / "edgewright.toml").write_text(PROJECT)
        done = edgewright("bisect", f"{target}-static_wi8_ai8", "-C", folder, "--json", *arguments)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.mark.parametrize("target", ["tflite", "onnxruntime"])
def test_integers_that_fit_do_not_part(bisect, target):
    code, found = bisect(target, 1.0)
    assert (code, found["first"], found["way"]) == (0, None, "shown")
    walked = {tensor["name"]: tensor for tensor in found["tensors"]}
    assert {"r0", "r1"} <= {name for name, tensor in walked.items() if tensor["parity"] is not None}
    assert walked["r1"]["parity"]["snr_db"] > 25.0
    assert walked["r1"]["grid"]["lost"] < 0.2


@pytest.mark.parametrize("target", ["tflite", "onnxruntime"])
def test_an_outlier_is_told_from_what_the_target_does(bisect, target):
    """On the grid of `r1` nothing is left of the other channels, so what is made of them parts."""
    code, found = bisect(target, 1000.0)
    assert code == 1
    assert found["first"] == "r2"
    told = " ".join(found["findings"])
    assert "parts here in onnxruntime too" in told
    assert "r1 has a coarse grid" in told
    walked = {tensor["name"]: tensor for tensor in found["tensors"]}
    assert walked["r1"]["broken"] == [], "by itself it looks well: the outlier is most of its energy"
    assert walked["r1"]["grid"]["lost"] > 0.8, "all but the eighth of the values that the outlier is"


def test_the_same_is_found_by_cutting(bisect):
    code, found = bisect("tflite", 1000.0, "--cut")
    assert (code, found["way"]) == (1, "cut")
    assert found["first"] in ("c2", "r2")
