"""A runtime made for tests, importable here and in child processes, whose artifacts are JSON files."""

import json
import sys

import numpy as np
import pytest

from edgewright.devices.base import Benchmark, Infer, Job
from edgewright.devices.web.find import find_chromium
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


@pytest.fixture(scope="session")
def toy_runtime(tmp_path_factory):
    """The runtime's import path, `module:class`."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "edgewright_toy_runtime.py").write_text(TOY_RUNTIME, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield "edgewright_toy_runtime:Toy"


@pytest.fixture(scope="session")
def chromium():
    """The browser of this machine; None without one."""
    pytest.importorskip("playwright")
    return find_chromium()


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
