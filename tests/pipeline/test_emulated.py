"""A target whose runtime is emulated: outputs are evidence of that tier, and nothing is measured."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import onnx
import onnx.parser
import pytest

from edgewright.bundle.session import open_bundle
from edgewright.pipeline.measure import profile
from edgewright.pipeline.progress import Silent
from edgewright.targets.coreml import apple
from edgewright.targets.runtimes import installed_runtimes
from edgewright.vocabulary.errors import RequestError

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(apple.is_here(), reason="Core ML itself runs here")


def with_coreml(project: Path, more: str = "") -> None:
    file = project / "edgewright.toml"
    text = file.read_text()
    start, end = text.index("[targets.tflite]"), text.index("[gates]")
    file.write_text(f"{text[:start]}[targets.coreml]\n{more}\n{text[end:]}")


def build(project: Path, edgewright: Run) -> tuple[subprocess.CompletedProcess[str], dict[str, dict]]:
    done = edgewright("build", "--project", project, "--out", project / "out")
    report = json.loads((project / "out" / "report.json").read_bytes())
    return done, {entry["artifact"]: entry for entry in report["entries"]}


def test_an_emulated_artifact_passes_by_its_outputs_and_size_and_says_so(
    project: Path, edgewright: Run, key: tuple[Path, Path]
) -> None:
    with_coreml(project)

    done, entries = build(project, edgewright)

    assert done.returncode == 0, done.stderr
    entry = entries["coreml-fp32"]
    assert (entry["verdict"], entry["evidence"], entry["profile"]) == ("pass", "emulated", None)
    assert (entry["runtime"], entry["parity"]["metric"]["drop_pp"]) == ("coreml", 0.0)
    assert entry["size_bytes"] == sum(file["size_bytes"] for file in entry["files"]) > 0
    told = "latency and memory: not run: coreml is emulated, and how fast an emulation is says nothing"
    assert entry["reasons"] == [told]
    [line] = [line for line in done.stdout.splitlines() if line.startswith("coreml-fp32 ") and "pass" in line]
    assert line.split()[-1] == "emulated"
    ladders = json.loads((project / "out" / "bundle" / "evidence" / "ladder.json").read_bytes())["ladders"]
    rungs = {ladder["evidence"]: [rung["artifact"] for rung in ladder["rungs"]] for ladder in ladders}
    assert rungs == {
        "measured-host": ["onnxruntime-fp32", "reference"],
        "emulated": ["coreml-fp32", "reference"],
    }
    with open_bundle(project / "out" / "bundle", key[1]) as session:
        assert session.rung.artifact == "onnxruntime-fp32"
    verified = edgewright("verify", project / "out" / "bundle", "--key", key[1], "--json")
    [bundle] = json.loads(verified.stdout)["bundles"]
    assert {row["artifact"]: (row["verdict"], row["evidence"]) for row in bundle["rows"]} == {
        "coreml-fp32": ("pass", "emulated"),
        "onnxruntime-fp32": ("pass", "measured-host"),
        "reference": ("pass", "measured-host"),
    }


def test_a_gate_on_latency_is_not_run_and_fails_unless_that_is_allowed(project: Path, edgewright: Run) -> None:
    with_coreml(project, 'gates = { max_latency_p90 = "1 s" }')

    done, entries = build(project, edgewright)

    assert done.returncode == 1
    assert entries["coreml-fp32"]["verdict"] == "fail"
    assert entries["coreml-fp32"]["reasons"][0] == (
        "max_latency_p90 not run: no latency was measured; allow_not_run in [targets.coreml.gates] can name it"
    )


def test_settings_of_a_target_are_read_strictly(project: Path, edgewright: Run) -> None:
    with_coreml(project, "settings = { deploment_target = 'iOS17' }")

    done = edgewright("build", "--project", project, "--out", project / "out")

    assert done.returncode == 2
    assert "unknown key targets.coreml.settings.deploment_target" in done.stderr
    assert "did you mean 'deployment_target'?" in done.stderr


def test_an_emulated_artifact_is_not_profiled(tmp_path: Path) -> None:
    (tmp_path / "x.mlpackage").mkdir()
    with pytest.raises(RequestError, match="emulated on this machine, and how fast an emulation is says nothing"):
        profile(tmp_path / "x.mlpackage", threads=1, min_runs=3, min_seconds=0.0, progress=Silent())


def test_a_machine_does_not_have_what_it_emulates() -> None:
    assert "coreml" not in installed_runtimes()
    assert "onnxruntime" in installed_runtimes()


LENGTHS = """
[model]
source = "lengths.onnx"
[targets.coreml]
[targets.coreml.settings]
%s
[bundle]
name = "lengths"
version = "1.0.0"
"""


@pytest.mark.parametrize(
    "settings", ['flexible = { length = "5..9" }', "shapes = { x = [[1, 7, 2], [1, 9, 2]] }"], ids=["range", "listed"]
)
def test_what_is_drawn_has_a_size_that_the_package_takes(tmp_path: Path, edgewright: Run, settings: str) -> None:
    text = '<ir_version: 10, opset_import: ["" : 20]> lengths '
    text += '(float[1,"length",2] x) => (float[1,"length",2] y) { y = Relu(x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "lengths.onnx")
    (tmp_path / "edgewright.toml").write_text(LENGTHS % settings)

    done, entries = build(tmp_path, edgewright)

    assert done.returncode == 0, done.stderr
    assert entries["coreml-fp32"]["verdict"] == "pass"
