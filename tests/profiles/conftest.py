"""A report with an entry of every kind: passing, failing, refused, and not run."""

import msgspec
import pytest

from edgewright.devices.base import Facts
from edgewright.profiles.report import (
    Entry,
    Latency,
    MetricResult,
    Parity,
    Profile,
    Report,
    TensorParity,
    Verdict,
)
from edgewright.targets.artifact import Coverage, File, Handling, NodeCoverage
from edgewright.vocabulary.evidence import Evidence


@pytest.fixture
def parity():
    """One float32 output, off by 2e-7."""
    probability = TensorParity(
        max_abs=2e-7,
        cosine=1.0,
        psnr_db=131.2,
        snr_db=128.9,
        equal_fraction=0.5,
        reference_max_abs=0.998,
        dtype="float32",
    )
    return Parity(outputs={"probability": probability}, rows=800, inputs="evaluation")


@pytest.fixture
def entry(parity):
    """An entry in which everything was run; its verdict is still to come."""
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
        files=(File(path="model.tflite", sha256="ab" * 32, size_bytes=41_433),),
        size_bytes=41_433,
        evidence=Evidence.MEASURED_HOST,
        parity=msgspec.structs.replace(
            parity,
            metric=MetricResult(
                name="top1", value=0.8975, reference=0.8975, drop_pp=0.0, ci95=(-0.125, 0.125), rows=800
            ),
        ),
        profile=Profile(
            load_ms=3.2,
            first_ms=0.58,
            latency_ms=Latency(p50=0.043, p90=0.047, p99=0.073, n=22_143),
            peak_memory_bytes=11_681_792,
            context={"cpu": "AMD EPYC", "governor": None, "load_before": 0.38, "threads": 1},
        ),
        coverage=Coverage(nodes=(NodeCoverage(node="conv", op="Conv", handling=Handling.NATIVE),)),
        toolchain={"onnx": "1.23.2"},
        verdict=Verdict.NOT_RUN,
        reasons=(),
    )


@pytest.fixture
def report(entry, parity):
    """Four entries on one device."""
    refused = NodeCoverage(node="grid", op="GridSample", handling=Handling.REFUSED, detail="no such operator")
    change = msgspec.structs.replace
    return Report(
        name="kws",
        version="1.0.0",
        devices={
            "here": Facts(
                kind="local",
                arch="x86_64",
                os="linux",
                cpu="AMD EPYC <9004>",
                features=("avx2", "avx512-vnni"),
                cores=2,
                ram_bytes=25_276_510_208,
                runtimes={"onnxruntime": "1.31.1", "ai-edge-litert": "2.3.0"},
            )
        },
        entries=(
            change(entry, verdict=Verdict.PASS, reasons=("max_drop: underpowered: with 800 rows",)),
            change(entry, artifact="tflite-fp16", verdict=Verdict.FAIL, reasons=("max_size: 41.43 kB, over 40 kB",)),
            change(entry, artifact="onnxruntime-fp32", profile=None, parity=parity, evidence=Evidence.EMULATED),
            change(
                entry,
                artifact="tflite-grid",
                runtime="",
                runtime_version=None,
                files=(),
                size_bytes=0,
                evidence=Evidence.NOT_RUN,
                parity=None,
                profile=None,
                coverage=Coverage(nodes=(refused,)),
                reasons=("tflite cannot say node 'grid'",),
            ),
        ),
    )
