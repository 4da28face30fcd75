"""The engines in Node, through the process that keeps their sessions."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.web.assets import built, find_node
from edgewright.web.node_process import NodeProcess, RefusedRequestError


@pytest.fixture(scope="module")
def process():
    process = NodeProcess(find_node(), built("worker.mjs"))
    yield process
    process.close()


def options(**changed):
    return {"backend": "wasm", "threads": 1, "optimize": True, "assets": f"{built('assets')}/", **changed}


def load(process, engine, path, **changed):
    request = {"do": "load", "engine": engine, "path": str(path), "options": options(**changed)}
    return process.ask(request, {}, 60)[0]["session"]


def run(process, session, **inputs):
    return process.ask({"do": "run", "session": session}, inputs, 60)[1]


def onnx_model(folder, nodes, inputs, outputs, weights=(), **saved):
    values = [
        [helper.make_tensor_value_info(name, dtype, shape) for name, dtype, shape in side] for side in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "g", *values, list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, folder / "model.onnx", **saved)
    return folder / "model.onnx"


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "int8", "int32", "bool"])
def test_onnxruntime_web_takes_and_gives_every_dtype_to_the_bit(process, tmp_path, dtype):
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    node = helper.make_node("Concat", ["x", "x"], ["y"], axis=0)
    session = load(process, "onnxruntime-web", onnx_model(tmp_path, [node], [("x", kind, [2])], [("y", kind, [4])]))
    x = np.array([1.5, -3], dtype).astype(dtype) if dtype[0] == "f" else np.array([3, 0]).astype(dtype)
    if dtype == "int64":
        x = np.array([2**62 + 1, -(2**63)])
    y = run(process, session, x=x)["y"]
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.concatenate([x, x]))


def test_onnxruntime_web_finds_weights_that_lie_beside_the_model(process, tmp_path):
    weights = onnx.numpy_helper.from_array(np.arange(2000, dtype=np.float32), "w")
    path = onnx_model(
        tmp_path,
        [helper.make_node("Add", ["x", "w"], ["y"])],
        [("x", TensorProto.FLOAT, ["n", 2000])],
        [("y", TensorProto.FLOAT, ["n", 2000])],
        [weights],
        save_as_external_data=True,
        location="weights.bin",
    )
    session = load(process, "onnxruntime-web", path)
    assert run(process, session, x=np.ones((3, 2000), np.float32))["y"][2, 1999] == 2000
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(RefusedRequestError, match=r"weights\.bin: it cannot be read"):
        load(process, "onnxruntime-web", path)


def test_onnxruntime_web_runs_the_reference_node_by_node(process, tmp_path):
    """An Identity that any optimisation would take away computes all the same."""
    float32 = TensorProto.FLOAT
    nodes = [helper.make_node("Identity", ["x"], ["i"]), helper.make_node("Neg", ["i"], ["y"])]
    path = onnx_model(tmp_path, nodes, [("x", float32, [2])], [("y", float32, [2])])
    session = load(process, "onnxruntime-web", path, optimize=False)
    assert run(process, session, x=np.array([1, -2], np.float32))["y"].tolist() == [-1, 2]


def test_onnxruntime_web_says_which_inputs_it_takes(process, tmp_path):
    node = helper.make_node("Neg", ["x"], ["y"])
    float32 = TensorProto.FLOAT
    path = onnx_model(tmp_path, [node], [("x", float32, ["n", 2])], [("y", float32, ["n", 2])])
    session = load(process, "onnxruntime-web", path)
    for wrong in ({"z": np.zeros((1, 2), np.float32)}, {"x": np.zeros((1, 2))}, {"x": np.zeros((1, 3), np.float32)}):
        with pytest.raises(RefusedRequestError, match="x") as caught:
            run(process, session, **wrong)
        assert caught.value.wrong_inputs


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x3a\xff\x01"])
def test_onnxruntime_web_refuses_what_is_no_model(process, tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(RefusedRequestError):
        load(process, "onnxruntime-web", path)


@pytest.mark.parametrize(
    ("engine", "backend", "reason"),
    [
        ("tfjs", "webgl", "Node has no WebGL"),
        ("tfjs", "webgpu", "Node has no WebGPU"),
        ("onnxruntime-web", "webgpu", "Node has no WebGPU"),
        ("onnxruntime-web", "cpu", "onnxruntime-web has no backend cpu"),
        ("litertjs", "wasm", "LiteRT.js runs in pages of browsers only"),
    ],
)
def test_a_backend_that_is_not_there_is_said(process, engine, backend, reason):
    with pytest.raises(RefusedRequestError, match=reason):
        process.ask({"do": "prepare", "engine": engine, "options": options(backend=backend)}, {}, 60)


def test_threads_that_are_not_there_are_said(process):
    with pytest.raises(RefusedRequestError, match=r"TF\.js has no threads here, 4 are asked for"):
        process.ask({"do": "prepare", "engine": "tfjs", "options": options(threads=4)}, {}, 60)


def test_the_plain_backend_computes_beside_wasm(process, tmp_path):
    from edgewright.targets.tfjs.graph import DType, Graph, GraphNode, Sizes, Tensor
    from edgewright.targets.tfjs.write import write

    x = GraphNode(name="x", op="Placeholder", attributes={"dtype": DType.FLOAT, "shape": Sizes((2,))})
    node = GraphNode(name="y", op="Neg", inputs=("x",), attributes={"T": DType.FLOAT})
    place = Tensor("x", 0, (2,), DType.FLOAT), Tensor("y", 0, (2,), DType.FLOAT)
    path = write(Graph(inputs={"x": place[0]}, outputs={"y": place[1]}, constants=(), nodes=(x, node)), tmp_path, {})[0]
    sessions = [load(process, "tfjs", path, backend=backend) for backend in ("wasm", "cpu")]
    for _ in range(2):
        for session in sessions:
            assert run(process, session, x=np.array([1, -2], np.float32))["y"].tolist() == [-1, 2]
