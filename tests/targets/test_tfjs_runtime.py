"""TF.js in Node: what it takes and gives, what it refuses, and what becomes of it when its process ends."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest

from edgewright.targets.runtime import RunOptions, Runtime, why_not_timed
from edgewright.targets.tfjs import runtime as module
from edgewright.targets.tfjs.graph import Constant, DType, Graph, GraphNode, Sizes, Tensor
from edgewright.targets.tfjs.runtime import TFJS
from edgewright.targets.tfjs.write import write
from edgewright.web import node_process
from edgewright.web.node_process import NodeError

X = np.array([[1, -4, 9], [np.nan, np.inf, -0.0]], np.float32)


def placeholder(name, dtype, shape):
    return GraphNode(name=name, op="Placeholder", attributes={"dtype": dtype, "shape": Sizes(shape)})


def model(folder: Path, op="Abs", *, weights=None) -> Path:
    """y = op(x), or y = x + weights, of float32[2, 3]."""
    nodes = [placeholder("x", DType.FLOAT, (2, 3))]
    constants = ()
    if weights is None:
        nodes.append(GraphNode(name="n", op=op, inputs=("x",), attributes={"T": DType.FLOAT}))
    else:
        constants = (Constant(name="w", array=weights),)
        nodes.append(GraphNode(name="n", op="AddV2", inputs=("x", "w"), attributes={"T": DType.FLOAT}))
    graph = Graph(
        inputs={"x": Tensor("x", 0, (2, 3), DType.FLOAT)},
        outputs={"y": Tensor("n", 0, (2, 3), DType.FLOAT)},
        constants=constants,
        nodes=tuple(nodes),
    )
    folder.mkdir(exist_ok=True)
    return write(graph, folder, {})[0]


def load(path: Path):
    return TFJS().load(path, RunOptions())


def held() -> int:
    answer, _ = module._process().ask({"do": "held", "engine": "tfjs"}, {}, 60)
    return answer["held"]["tensors"]


def test_it_is_a_runtime_that_nobody_times():
    runtime: Runtime = TFJS()
    assert runtime.version() == "4.22.0"
    assert "kinds browser and node" in why_not_timed(runtime)


def test_numbers_that_are_none_come_as_the_kernels_give_them(tmp_path):
    y = load(model(tmp_path)).run({"x": X})["y"]
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.array([[1, 4, 9], [np.nan, np.inf, 0]], np.float32))
    assert not np.signbit(y).any()


def test_integers_and_bools_go_in_and_come_out(tmp_path):
    graph = Graph(
        inputs={
            "a": Tensor("a", 0, (2,), DType.INT),
            "b": Tensor("b", 0, (2,), DType.BOOL),
            "c": Tensor("c", 0, (), DType.FLOAT),
        },
        outputs={
            "sum": Tensor("s", 0, (2,), DType.INT),
            "not": Tensor("l", 0, (2,), DType.BOOL),
            "same": Tensor("c", 0, (), DType.FLOAT),
        },
        constants=(),
        nodes=(
            placeholder("a", DType.INT, (2,)),
            placeholder("b", DType.BOOL, (2,)),
            placeholder("c", DType.FLOAT, ()),
            GraphNode(name="s", op="AddV2", inputs=("a", "a"), attributes={"T": DType.INT}),
            GraphNode(name="l", op="LogicalNot", inputs=("b",)),
        ),
    )
    session = load(write(graph, tmp_path, {})[0])
    given = {"a": np.array([3, -(2**30)], np.int32), "b": np.array([True, False]), "c": np.array(2.5, np.float32)}
    for _ in range(2):
        results = session.run(given)
        assert {name: (array.dtype.name, array.shape) for name, array in results.items()} == {
            "sum": ("int32", (2,)),
            "not": ("bool", (2,)),
            "same": ("float32", ()),
        }
        assert results["sum"].tolist() == [6, -(2**31)]
        assert results["not"].tolist() == [False, True]
        assert results["same"] == 2.5


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"z": X},
        {"x": X, "z": X},
        {"x": X.astype(np.float64)},
        {"x": np.zeros((2, 3), np.int32)},
        {"x": X[0]},
        {"x": X.T},
    ],
)
def test_inputs_of_another_name_dtype_or_shape_are_refused(tmp_path, inputs):
    with pytest.raises(ValueError, match="x"):
        load(model(tmp_path)).run(inputs)


def test_results_belong_to_the_caller(tmp_path):
    session = load(model(tmp_path))
    first = session.run({"x": X})["y"]
    first += 1
    assert session.run({"x": X})["y"][0, 0] == 1


def test_two_sessions_keep_their_own_weights(tmp_path):
    one = load(model(tmp_path / "one", weights=np.full((2, 3), 1, np.float32)))
    two = load(model(tmp_path / "two", weights=np.full((2, 3), 2, np.float32)))
    zeros = np.zeros((2, 3), np.float32)
    for _ in range(2):
        assert one.run({"x": zeros})["y"].max() == 1
        assert two.run({"x": zeros})["y"].max() == 2


def test_nothing_is_left_behind_by_runs_nor_by_sessions_that_are_gone(tmp_path):
    load(model(tmp_path / "first")).run({"x": X})
    before = held()
    session = load(model(tmp_path / "second", weights=np.ones((2, 3), np.float32)))
    session.run({"x": X})
    during = held()
    for _ in range(200):
        session.run({"x": X})
    assert held() == during == before + 1
    del session
    load(model(tmp_path / "third"))
    assert held() == before


def test_a_missing_shard_is_named(tmp_path):
    path = model(tmp_path, weights=np.ones((2, 3), np.float32))
    (tmp_path / "group1-shard1of1.bin").unlink()
    with pytest.raises(ValueError, match=r"group1-shard1of1\.bin: it cannot be read \(ENOENT\)"):
        load(path)


def test_a_short_shard_is_named(tmp_path):
    path = model(tmp_path, weights=np.ones((2, 3), np.float32))
    shard = tmp_path / "group1-shard1of1.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"group1-shard1of1\.bin: 23 bytes, model\.json needs 24"):
        load(path)


def test_a_shard_outside_the_artifact_is_not_read(tmp_path):
    path = model(tmp_path / "model", weights=np.ones((2, 3), np.float32))
    (tmp_path / "model" / "group1-shard1of1.bin").rename(tmp_path / "secret.bin")
    path.write_text(path.read_text().replace("group1-shard1of1.bin", "../secret.bin"))
    with pytest.raises(ValueError, match="outside the artifact"):
        load(path)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[:-20], "no JSON"),
        (lambda text: "[]", "no graph model"),
        (lambda text: '{"modelTopology": {}}', "no graph model"),
        (lambda text: text.replace('"input":["x"]', '"input":["gone"]'), "node n takes gone, and there is none"),
        (lambda text: text.replace('"name":"n:0"', '"name":"gone:0"'), "y of the signature is gone:0"),
        (lambda text: text.replace('"size":"2"', '"size":"-1"'), "open shape"),
    ],
)
def test_a_damaged_model_is_refused(tmp_path, damage, reason):
    path = model(tmp_path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ValueError, match=reason):
        load(path)


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"model\.json: it cannot be read"):
        load(tmp_path / "model.json")


def test_an_operator_that_tfjs_does_not_know_is_refused_when_the_model_is_opened(tmp_path):
    with pytest.raises(ValueError, match=r"node n: TF\.js has no operator Betainc"):
        load(model(tmp_path, "Betainc"))


def test_a_kernel_that_fails_is_no_fault_of_the_inputs_and_others_go_on(tmp_path):
    good, bad = load(model(tmp_path / "good")), load(model(tmp_path / "bad", "FFT"))
    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"TF\.js failed"):
            bad.run({"x": X})
        assert good.run({"x": X})["y"][0, 1] == 4


@pytest.mark.parametrize("count", [1_073_741_000, 1_200_000_000])
def test_a_tensor_that_memory_does_not_hold_is_said_and_harms_no_other(tmp_path, count):
    """WebAssembly addresses 4 GiB. Of the first only a few pages are too much."""
    good = load(model(tmp_path / "good", weights=np.ones((2, 3), np.float32)))
    large = Graph(
        inputs={"x": Tensor("x", 0, (), DType.FLOAT)},
        outputs={"y": Tensor("y", 0, (count,), DType.FLOAT)},
        constants=(Constant(name="shape", array=np.array([count], np.int32)),),
        nodes=(placeholder("x", DType.FLOAT, ()), GraphNode(name="y", op="Fill", inputs=("shape", "x"))),
    )
    (tmp_path / "large").mkdir()
    session = load(write(large, tmp_path / "large", {})[0])
    before = held()
    with pytest.raises(RuntimeError, match=r"WebAssembly is out of memory: 4[0-9]{9} more bytes"):
        session.run({"x": np.array(3, np.float32)})
    assert held() == before
    assert good.run({"x": X})["y"][0].tolist() == [2, -3, 10]


def test_a_kernel_that_says_it_computed_nothing_has_failed(tmp_path):
    """By itself TF.js gives what lay in memory before."""
    graph = Graph(
        inputs={"x": Tensor("x", 0, (2,), DType.BOOL)},
        outputs={"y": Tensor("y", 0, (2,), DType.BOOL)},
        constants=(),
        nodes=(placeholder("x", DType.BOOL, (2,)), GraphNode(name="y", op="Neg", inputs=("x",))),
    )
    session = load(write(graph, tmp_path, {})[0])
    with pytest.raises(RuntimeError, match=r"a kernel computed nothing: Neg for tensor ids .* failed"):
        session.run({"x": np.array([True, False])})


def test_one_process_serves_all_sessions(tmp_path):
    one, two = load(model(tmp_path / "one")), load(model(tmp_path / "two"))
    assert one._process is two._process


def test_a_killed_process_is_told_and_the_next_model_has_a_new_one(tmp_path):
    session, other = load(model(tmp_path / "one")), load(model(tmp_path / "two"))
    os.kill(session._process.pid, signal.SIGKILL)
    with pytest.raises(NodeError, match="was killed by signal 9"):
        session.run({"x": X})
    with pytest.raises(NodeError, match="has ended"):
        other.run({"x": X})
    assert load(tmp_path / "one" / "model.json").run({"x": X})["y"][0, 1] == 4


def test_a_process_that_hangs_is_ended(tmp_path, monkeypatch):
    session = load(model(tmp_path))
    pid = session._process.pid
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(NodeError, match=r"gave no answer for 0\.5 s"):
        session.run({"x": X})
    assert not psutil.pid_exists(pid)


def test_after_a_run_that_was_interrupted_nobody_gets_its_answer(tmp_path):
    slow, other = load(slow_model(tmp_path / "slow")), load(model(tmp_path / "other"))
    pid = slow._process.pid
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            slow.run({"x": np.zeros((1200, 1200), np.float32)})
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not psutil.pid_exists(pid)
    with pytest.raises(NodeError, match="has ended"):
        other.run({"x": X})
    assert load(tmp_path / "other" / "model.json").run({"x": X})["y"][0, 1] == 4


def test_a_fork_does_not_read_its_parents_answers(tmp_path):
    then = """
import os
x = {"x": np.array([[1, -4, 9], [2, 3, 4]], np.float32)}
if os.fork() == 0:
    try:
        session.run(x)
    except RuntimeError as error:
        print(error, TFJS().load(Path(sys.argv[1]), RunOptions()).run(x)["y"][0, 1], flush=True)
    os._exit(0)
os.wait()
print(session.run(x)["y"][0, 1])
"""
    child, _ = python_with_a_model(model(tmp_path), then)
    with child:
        forked, own = child.stdout.read().splitlines()
    assert (forked, own) == (
        "the Node process belongs to the process that this one was forked from; load the model here 4.0",
        "4.0",
    )


def test_the_last_lines_of_the_log_are_in_the_message(tmp_path):
    script = tmp_path / "crash.mjs"
    script.write_text("process.stdin.once('data', () => { console.error('out of luck'); process.exit(7); });")
    process = node_process.NodeProcess(module._node(), script)
    with pytest.raises(NodeError, match=r"ended with exit code 7\nout of luck"):
        process.ask({"do": "prepare"}, {}, 60)


@pytest.mark.parametrize("call", ["version", "prepare", "load"])
def test_no_node_is_said(tmp_path, monkeypatch, call):
    path = model(tmp_path)
    monkeypatch.setenv("EDGEWRIGHT_NODE", "/nonexistent/node")
    monkeypatch.setattr(module, "_current", None)
    runtime = TFJS()
    arguments = (path, RunOptions()) if call == "load" else ()
    with pytest.raises(ImportError, match="EDGEWRIGHT_NODE names /nonexistent/node"):
        getattr(runtime, call)(*arguments)


def test_what_is_not_built_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("edgewright.web.assets.DIST", tmp_path)
    with pytest.raises(ImportError, match="make web"):
        TFJS().version()


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def python_with_a_model(path: Path, then: str) -> tuple[subprocess.Popen[str], int]:
    code = """
        import sys
        from pathlib import Path
        import numpy as np
        from edgewright.targets.runtime import RunOptions
        from edgewright.targets.tfjs.runtime import TFJS
        session = TFJS().load(Path(sys.argv[1]), RunOptions())
        print(session._process.pid, flush=True)
    """
    program = textwrap.dedent(code) + then
    child = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True)
    return child, int(child.stdout.readline())


def test_nothing_is_left_running_when_python_ends(tmp_path):
    child, pid = python_with_a_model(model(tmp_path), "")
    with child:
        assert child.wait(20) == 0
    assert gone_within(pid, 1)


def test_nothing_is_left_running_when_python_is_killed(tmp_path):
    child, pid = python_with_a_model(model(tmp_path), "input()")
    with child:
        child.kill()
    assert gone_within(pid, 5)


def test_nothing_is_left_running_when_python_is_killed_while_a_kernel_computes(tmp_path):
    path = slow_model(tmp_path)
    child, pid = python_with_a_model(path, "session.run({'x': np.zeros((1200, 1200), np.float32)})")
    with child:
        busy = psutil.Process(pid).cpu_times().user + 0.5
        while psutil.Process(pid).cpu_times().user < busy:
            time.sleep(0.05)
        child.kill()
    assert gone_within(pid, 5)


def slow_model(folder: Path) -> Path:
    """Sixty products of large matrices: half a minute."""
    shape = (1200, 1200)
    names = ["x", *(f"n{index}" for index in range(60))]
    products = [
        GraphNode(name=name, op="MatMul", inputs=(before, "x"), attributes={"transpose_a": False, "transpose_b": False})
        for before, name in pairwise(names)
    ]
    graph = Graph(
        inputs={"x": Tensor("x", 0, shape, DType.FLOAT)},
        outputs={"y": Tensor(names[-1], 0, shape, DType.FLOAT)},
        constants=(),
        nodes=(placeholder("x", DType.FLOAT, shape), *products),
    )
    folder.mkdir(exist_ok=True)
    return write(graph, folder, {})[0]


@pytest.mark.parametrize("name", ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"])
def test_names_that_every_object_of_javascript_has_are_names(tfjs, make_hub, name):
    nodes = [
        onnx.helper.make_node("Neg", [name], ["inside"], "first"),
        onnx.helper.make_node("Abs", ["inside"], [f"{name}."], name),
    ]
    assert list(tfjs("", model=make_hub(nodes, {name: [2]}, {f"{name}.": [2]})).outputs) == [f"{name}."]
    nodes = [onnx.helper.make_node("Neg", ["x"], [name], "first"), onnx.helper.make_node("Abs", [name], ["y"], "last")]
    assert list(tfjs("", model=make_hub(nodes, {"x": [2]}, {name: [2], "y": [2]})).outputs) == [name, "y"]
