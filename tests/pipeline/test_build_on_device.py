"""A target of whose artifacts the device makes what runs there: TensorRT, and one that stands in for it in tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FAKE = Path(__file__).parents[1] / "targets" / "fake_tensorrt"


def build(project: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Build for TensorRT instead of TFLite; gives what was said, and the entries of the report by artifact."""
    file = project / "edgewright.toml"
    text = file.read_text()
    start, end = text.index("[targets.tflite]"), text.index("[gates]")
    file.write_text(f"{text[:start]}[targets.tensorrt]\n[devices.here]\nkind = 'local'\n{text[end:]}")
    done = subprocess.run(
        [sys.executable, "-m", "edgewright", "build", "--project", project, "--out", project / "out"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    report = json.loads((project / "out" / "report.json").read_bytes())
    return done, {entry["artifact"]: entry for entry in report["entries"]}


def rungs(project: Path) -> dict[str, list[str]]:
    ladders = json.loads((project / "out" / "bundle" / "evidence" / "ladder.json").read_bytes())["ladders"]
    return {ladder["evidence"]: [rung["artifact"] for rung in ladder["rungs"]] for ladder in ladders}


def test_without_the_device_the_model_is_emulated_and_the_engine_not_run(project: Path, key: tuple[Path, Path]) -> None:
    done, entries = build(project)

    assert done.returncode == 0, done.stdout + done.stderr
    model, engine = entries["tensorrt-fp32"], entries["tensorrt-fp32-engine"]
    assert (model["verdict"], model["evidence"], model["labels"]) == ("pass", "emulated", ["to-be-built"])
    assert model["parity"]["outputs"]["score"]["max_abs"] <= 1e-5  # it is the same arithmetic in another order
    assert (engine["verdict"], engine["evidence"], engine["parity"]) == ("not-run", "not-run", None)
    assert "to be built on a device with tensorrt" in engine["reasons"][0]
    assert rungs(project) == {"measured-host": ["onnxruntime-fp32", "reference"]}


@pytest.mark.skipif(sys.platform != "linux", reason="what stands in for CUDA is a library of Linux")
def test_where_tensorrt_is_the_artifact_becomes_the_engine_bound_to_that_gpu(
    project: Path, key: tuple[Path, Path]
) -> None:
    done, entries = build(
        project, PYTHONPATH=str(FAKE), FAKE_TENSORRT_VERSION="10.6.0", FAKE_TENSORRT_GPU="Fake A10,8.6"
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "tensorrt-fp32" not in entries
    engine = entries["tensorrt-fp32-engine"]
    assert (engine["verdict"], engine["evidence"], engine.get("labels", [])) == ("pass", "measured-host", [])
    assert engine["profile"]["latency_ms"]["p50"] > 0
    assert sorted(rungs(project)["measured-host"][:-1]) == ["onnxruntime-fp32", "tensorrt-fp32-engine"]
    manifest = json.loads((project / "out" / "bundle" / "content" / "manifest.json").read_bytes())
    needs = manifest["update"]["requirements"]["tensorrt-fp32-engine"]
    assert (needs["runtime"], needs["accelerator"], needs["min_runtime_version"]) == (
        "tensorrt",
        "cuda sm_86",
        "10.6.0",
    )
