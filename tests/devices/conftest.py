"""A runtime made for tests, importable here and in child processes, whose artifacts are JSON files."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest

from edgewright.devices.base import Benchmark, Infer, Job
from edgewright.targets.tfjs.graph import Constant, DType, Graph, GraphNode, Sizes, Tensor
from edgewright.targets.tfjs.write import write
from edgewright.vocabulary.tensor_folder import TensorFolder

TOY_RUNTIME = '''
"""Multiplies the input x by the artifact's factor; on request it does what real runtimes do at their worst."""
import json, os, signal, time
import numpy as np

class Session:
    def __init__(self, settings):
        self.settings = settings

    def run(self, inputs):
        if set(inputs) != {"x"} or inputs["x"].dtype != np.float32:
            raise ValueError("expected the input x of float32")
        match self.settings.get("on_run"):
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(60)
            case "eat":
                self.kept = b"x" * 1_000_000_000
                time.sleep(60)
            case "lose_rows":
                return {"y": inputs["x"][:0]}
        x = inputs["x"]
        return {"y": x * np.float32(self.settings["factor"]), "rows": np.full(len(x), len(x))}

class Toy:
    name = "toy"

    def version(self):
        return "1.2.3"

    def prepare(self):
        pass

    def load(self, artifact, options):
        try:
            settings = json.loads(artifact.read_text())
        except ValueError as error:
            raise ValueError(f"{artifact.name}: no toy artifact") from error
        time.sleep(settings.get("load_s", 0.0))
        self.kept = np.ones(settings.get("load_bytes", 0), np.uint8)
        return Session(settings)

class Emulated(Toy):
    emulates = True

class Piped(Toy):
    measured_by = "Measure it on a toaster"
'''


ONNXRUNTIME = "edgewright.targets.onnxruntime.runtime:OnnxRuntime"

HANGS = """<ir_version: 10, opset_import: ["" : 20]>
    hangs (float[n, 2] x) => (float[n, 2] y) <int64 often = {9000000000000000000}, bool yes = {1}> {
        y = Loop(often, yes, x) <body = body (int64 i, bool go, float[n, 2] before)
            => (bool on, float[n, 2] after) { on = Identity(go)  after = Neg(before) }>
    }"""
"""A loop that no engine comes back from within this century."""

NEEDS_TOO_MUCH = """<ir_version: 10, opset_import: ["" : 20]>
    big (float[n, 2] x) => (float[n, 1] y) <int64[1] last = {-1}, int64[1] first = {0}, int64[1] one = {1},
                                            int64[2] size = {1, 1073700000}> {
        column = Slice(x, first, one, one)
        wide = Expand(column, size)
        y = ReduceSum(wide, last)
    }"""
"""A tensor of 4.29 GB, which is more than WebAssembly has beside what it holds already."""


ABANDONED = """
import sys
from pathlib import Path
from edgewright.devices.base import Infer, Job
from edgewright.devices.table import make_device

kind, inputs, artifact, runtime = sys.argv[1:]
task = Infer(inputs=Path(inputs), rows_per_call=1, batched=True)
output = Path(artifact).with_name("output")
make_device("web", {"kind": kind}, "test").run(
    Job(task=task, runtime=runtime, artifact=Path(artifact), threads=1, output=output)
)
"""


@pytest.fixture(scope="session")
def toy_runtime(tmp_path_factory):
    """The runtime's import path, `module:class`."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "edgewright_toy_runtime.py").write_text(TOY_RUNTIME, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield "edgewright_toy_runtime:Toy"


@pytest.fixture
def emulated_runtime(toy_runtime):
    """The same, as something that stands for a runtime that this machine does not have."""
    return toy_runtime.replace(":Toy", ":Emulated")


@pytest.fixture
def piped_runtime(toy_runtime):
    """The same, as something that computes in another process."""
    return toy_runtime.replace(":Toy", ":Piped")


@pytest.fixture
def inputs(tmp_path):
    """Seven rows of two numbers."""
    return TensorFolder.write(tmp_path / "inputs", {"x": np.arange(14, dtype=np.float32).reshape(7, 2)})


@pytest.fixture
def make_job(tmp_path, toy_runtime, inputs):
    """Make a job for the toy runtime: `make_job("infer", settings of the artifact, …fields of the job)`."""

    def make(task, settings=None, *, rows_per_call=3, batched=True, folder=inputs.path, **fields):
        artifact = tmp_path / "model.toy"
        artifact.write_text(json.dumps({"factor": 2.0, **(settings or {})}), "utf-8")
        calls = {"inputs": folder, "rows_per_call": rows_per_call, "batched": batched}
        measured = {"min_runs": 20, "min_seconds": 0.05, "warmup_runs": 1, "warmup_seconds": 0.0}
        return Job(
            task=Infer(**calls) if task == "infer" else Benchmark(**calls, **measured),
            **{
                "runtime": toy_runtime,
                "artifact": artifact,
                "threads": 1,
                "output": tmp_path / "output",
                "timeout_s": 30.0,
                **fields,
            },
        )

    return make


@pytest.fixture
def hanging_model():
    """Text of a model that never gives an answer."""
    return HANGS


@pytest.fixture
def hungry_model():
    """Text of a model that needs more memory than WebAssembly has."""
    return NEEDS_TOO_MUCH


@pytest.fixture
def temporary(monkeypatch):
    """The folder in which devices make their own, and by which the processes are known that they started."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def started(temporary):
    """Give the processes that a device has started and that still run."""

    def processes():
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                told = [process.environ().get("TMPDIR", ""), *process.cmdline()]  # a page's process has no environment
                if any(str(temporary) in each for each in told) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    return processes


@pytest.fixture
def once(started):
    """Do something in another thread as soon as a process runs whose command line holds all of these words."""
    threads = []

    def wait(words, act):
        def watch():
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                for process in started():
                    with suppress(psutil.Error):
                        command = process.cmdline()
                        if all(any(word in argument for argument in command) for word in words):
                            act(process)
                            return
                time.sleep(0.05)

        threads.append(threading.Thread(target=watch))
        threads[-1].start()

    yield wait
    for thread in threads:
        thread.join()


@pytest.fixture
def web_job(tmp_path, inputs):
    """Make an inference of an ONNX model, given as text, or of an artifact's file with its runtime."""

    def make(model, runtime=ONNXRUNTIME, *, folder=inputs.path, rows_per_call=1, **fields):
        artifact = model
        if isinstance(model, str):
            artifact = tmp_path / "model.onnx"
            onnx.save(onnx.parser.parse_model(model), artifact)
        return Job(
            task=Infer(inputs=folder, rows_per_call=rows_per_call, batched=True),
            runtime=runtime,
            artifact=artifact,
            threads=1,
            output=tmp_path / "output",
            **{"timeout_s": 60.0, **fields},
        )

    return make


@pytest.fixture
def graph_model(tmp_path):
    """The file of a TF.js artifact: `y = x + (1, 2)`, of one row a call."""
    graph = Graph(
        inputs={"x": Tensor("x", 0, (1, 2), DType.FLOAT)},
        outputs={"y": Tensor("sum", 0, (1, 2), DType.FLOAT)},
        constants=(Constant(name="w", array=np.array([1, 2], np.float32)),),
        nodes=(
            GraphNode(name="x", op="Placeholder", attributes={"dtype": DType.FLOAT, "shape": Sizes((1, 2))}),
            GraphNode(name="sum", op="AddV2", inputs=("x", "w"), attributes={"T": DType.FLOAT}),
        ),
    )
    folder = tmp_path / "graph"
    folder.mkdir()
    return write(graph, folder, {})[0]


@pytest.fixture
def abandon(temporary, started, once):
    """Run a job in a process that is killed as soon as a process runs whose command line holds the words."""

    def run(kind, job, words):
        command = [sys.executable, "-c", ABANDONED, kind, str(job.task.inputs), str(job.artifact), job.runtime]
        environment = {**os.environ, "TMPDIR": str(temporary)}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as parent:
            once(words, lambda _: parent.kill())
            assert parent.wait(60) == -signal.SIGKILL
        deadline = time.monotonic() + 20
        while left := started():
            assert time.monotonic() < deadline, left
            time.sleep(0.1)

    return run
