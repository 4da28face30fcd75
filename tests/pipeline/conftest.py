from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

PROJECT = """
[model]
source = "tiny.onnx"

[data]
calibration = { file = "tiny.npz", rows = "0:8" }
evaluation = { file = "tiny.npz", rows = "8:40", labels = "label" }

[metric]
name = "top1"

[recipes]
fp32 = []
fp16 = ["float16"]

[targets.onnxruntime]
[targets.tflite]
recipes = ["fp32", "fp16"]

[gates]
max_drop = "1.0 pp"
max_size = "1 MB"

[bundle]
name = "tiny"
version = "1.0.0"
signing_key = "key.pem"
"""


def tiny_model() -> onnx.ModelProto:
    """Convolution, Relu, mean over the picture, softmax over four classes; the batch is symbolic."""
    generator = np.random.default_rng(7)
    weights = {
        "kernel": generator.standard_normal((4, 2, 3, 3)).astype(np.float32),
        "bias": generator.standard_normal(4).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["c"], name="conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flatten"),
        helper.make_node("Softmax", ["f"], ["score"], name="softmax"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 2, 8, 8])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def make_project(folder: Path) -> Path:
    onnx.save(tiny_model(), folder / "tiny.onnx")
    images = np.random.default_rng(3).standard_normal((40, 2, 8, 8)).astype(np.float32)
    np.savez(folder / "tiny.npz", image=images, label=np.arange(40) % 4)
    (folder / "edgewright.toml").write_text(PROJECT)
    return folder


@pytest.fixture(scope="session")
def write_project() -> Callable[[Path], Path]:
    """Write the tiny project into a folder."""
    return make_project


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    from edgewright.bundle.keys import generate

    folder = tmp_path_factory.mktemp("key")
    generate(folder / "key.pem", folder / "key.pub")
    return folder / "key.pem", folder / "key.pub"


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, key: tuple[Path, Path]) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "key.pem").write_bytes(key[0].read_bytes())
    return make_project(folder)


@pytest.fixture(scope="session")
def edgewright(cache_folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line as a user does; a cache of the test session's own."""

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("EDGEWRIGHT_")}

    def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edgewright", *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**inherited, "EDGEWRIGHT_CACHE_DIR": str(cache_folder), "COLUMNS": "140", **environment},
            timeout=300,
        )

    return run


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory,
    key: tuple[Path, Path],
    edgewright: Callable[..., subprocess.CompletedProcess[str]],
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The tiny project, built through the command line."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "key.pem").write_bytes(key[0].read_bytes())
    make_project(folder)
    return folder, edgewright("build", "--project", folder, "--out", folder / "out", "--json")


@pytest.fixture
def entry():
    """An entry of an fp32 artifact that ran."""
    from edgewright.profiles.report import Entry, Parity, TensorParity, Verdict
    from edgewright.targets.artifact import File
    from edgewright.vocabulary.evidence import Evidence

    equal = TensorParity(
        max_abs=0.0,
        cosine=1.0,
        psnr_db=None,
        snr_db=None,
        equal_fraction=1.0,
        reference_max_abs=1.0,
        dtype="float32",
        nonfinite=0,
    )
    return Entry(
        artifact="tflite-fp32",
        runtime="ai-edge-litert",
        runtime_version="2.3.0",
        device="here",
        threads=1,
        batch=1,
        target="tflite",
        variant="fp32",
        precision="fp32",
        files=(File(path="model.tflite", sha256="0" * 64, size_bytes=1000),),
        size_bytes=1000,
        evidence=Evidence.MEASURED_HOST,
        parity=Parity(outputs={"y": equal}, rows=1, inputs="evaluation"),
        profile=None,
        coverage=None,
        toolchain={},
        verdict=Verdict.NOT_RUN,
        reasons=(),
    )
