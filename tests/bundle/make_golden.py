"""Makes a small bundle: `python tests/bundle/make_golden.py` writes the committed one, and tests make their own.

The model is y = relu(x·W + b). It comes three times: the reference, a copy for onnxruntime, and one whose weights are
rounded to float16. The figures of its report are made up; nothing was measured.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgewright.bundle.compose import Built, Evidence, GoldenVectors, compose
from edgewright.bundle.manifest import GoldenKind, Tolerance, ToleranceKind
from edgewright.bundle.pack import Content, write
from edgewright.bundle.sign import sign
from edgewright.devices.base import Facts
from edgewright.fallback.rules import make_ladders
from edgewright.profiles.report import Entry, Latency, Profile, Report, Verdict
from edgewright.targets.artifact import Artifact, Coverage, File, Requirements
from edgewright.vocabulary import evidence
from edgewright.vocabulary.digest import digest_file
from edgewright.vocabulary.signature import Signature, TensorSpec
from edgewright.vocabulary.tensor_folder import TensorFolder

WEIGHTS = np.array([[0.1, -0.2], [0.3, 0.7], [-0.5, 0.9]], "float32")
BIAS = np.array([0.05, -0.01], "float32")
INPUTS = np.array([[1, 2, 3], [-1, 0.5, 2], [0, 0, 0], [3, -2, 1]], "float32")

SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=("batch", 3)),),
    outputs=(TensorSpec(name="y", dtype="float32", shape=("batch", 2)),),
)

FACTS = Facts(
    kind="local",
    arch="x86_64",
    os="linux",
    cpu="a CPU of the tests",
    features=(),
    cores=2,
    ram_bytes=8 * 2**30,
    runtimes={"onnxruntime": "1.31.1"},
)


def make_files(scratch: Path) -> dict[str, Content]:
    """Give the files of the bundle; some are written to `scratch` first."""
    reference = make_artifact(scratch, "reference", "", WEIGHTS, 1e-6)
    exact = make_artifact(scratch, "onnxruntime", "fp32", WEIGHTS, 1e-6)
    rounded = make_artifact(scratch, "onnxruntime", "fp16", WEIGHTS.astype("float16").astype("float32"), 1e-2)
    TensorFolder.write(scratch / "inputs", {"x": INPUTS})
    TensorFolder.write(scratch / "outputs", {"y": np.maximum(INPUTS @ WEIGHTS + BIAS, 0)})
    built = [reference, exact, rounded]
    entries = tuple(make_entry(part.artifact, p50) for part, p50 in zip(built, (0.4, 0.3, 0.2), strict=True))
    return compose(
        name="golden",
        version="1.0.0",
        source_digest="5" * 64,
        signature=SIGNATURE,
        built=built,
        golden=GoldenVectors(kind=GoldenKind.SYNTHETIC, inputs=scratch / "inputs", outputs=scratch / "outputs"),
        evidence=Evidence(
            report=Report(name="golden", version="1.0.0", devices={"here": FACTS}, entries=entries),
            ladders=make_ladders(entries, {"here": FACTS}, reference.artifact.size_bytes),
        ),
    )


def make_artifact(scratch: Path, target: str, variant: str, weights: np.ndarray, bound: float) -> Built:
    folder = scratch / f"{target}-{variant}"
    folder.mkdir()
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in (("x", 3), ("y", 2))
    ]
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(BIAS, "b")]
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"]), helper.make_node("Relu", ["h"], ["y"])]
    graph = helper.make_graph(nodes, "golden", tensors[:1], tensors[1:], constants)
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    artifact = Artifact(
        target=target,
        variant=variant,
        precision=variant or "fp32",
        format="",
        files=(
            File(
                path="model.onnx",
                sha256=digest_file(folder / "model.onnx"),
                size_bytes=(folder / "model.onnx").stat().st_size,
            ),
        ),
        requires=Requirements(runtime="onnxruntime", min_runtime_version="1.20"),
        signature=SIGNATURE,
        narrowed={},
        coverage=Coverage(nodes=()),
        ops={"Gemm": 1, "Relu": 1},
        toolchain={"onnx": "1.23.2"},
    )
    return Built(
        artifact=artifact, folder=folder, tolerances={"y": (Tolerance(kind=ToleranceKind.MAX_ABS, bound=bound),)}
    )


def make_entry(artifact: Artifact, p50_ms: float) -> Entry:
    return Entry(
        artifact=artifact.name,
        runtime="onnxruntime",
        runtime_version="1.31.1",
        device="here",
        threads=1,
        batch=1,
        target=artifact.target,
        variant=artifact.variant,
        precision=artifact.precision,
        files=artifact.files,
        size_bytes=artifact.size_bytes,
        evidence=evidence.Evidence.MEASURED_HOST,
        parity=None,
        profile=Profile(
            load_ms=1.0,
            first_ms=1.0,
            latency_ms=Latency(p50=p50_ms, p90=p50_ms, p99=p50_ms, n=50),
            peak_memory_bytes=1,
            context={},
        ),
        coverage=None,
        toolchain={},
        verdict=Verdict.PASS,
        reasons=(),
    )


def main() -> int:
    data = Path(__file__).parent / "data"
    with tempfile.TemporaryDirectory() as scratch:
        files = make_files(Path(scratch))
        write(data / "golden", files, lambda folder: sign(folder, str(data / "TEST-ONLY-private-key.pem")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
