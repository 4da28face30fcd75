"""The main job with a browser among the devices: real engines in real Chromium, through the command line."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgewright.bundle.session import open_bundle
from edgewright.fallback.rules import Ladder, Ladders
from edgewright.profiles.report import Entry, Report, Verdict
from edgewright.vocabulary.evidence import Evidence

Run = Callable[..., subprocess.CompletedProcess[str]]

SECTIONS = """
[targets.onnxruntime]
[targets.tflite]
[targets.tfjs]

[devices.here]
kind = "local"

[devices.chromium]
kind = "browser"
backend = "wasm"

[gates]
max_drop = "1.0 pp"
"""


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory,
    key: tuple[Path, Path],
    edgewright: Run,
    write_project: Callable[[Path], Path],
) -> tuple[Path, str]:
    """The tiny project with these targets and devices: its folder, and what the build said."""
    folder = write_project(tmp_path_factory.mktemp("browser"))
    (folder / "key.pem").write_bytes(key[0].read_bytes())
    file = folder / "edgewright.toml"
    text = file.read_text("utf-8")
    before, _, behind = text.partition("[targets.onnxruntime]")
    file.write_text(before + SECTIONS + "[bundle]" + behind.partition("[bundle]")[2], "utf-8")
    done = edgewright("build", "--project", folder, "--out", folder / "out", "--no-progress")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out", done.stdout


@pytest.fixture(scope="module")
def entries(built: tuple[Path, str]) -> dict[tuple[str, str], Entry]:
    report = Report.decode((built[0] / "report.json").read_bytes())
    return {(entry.device, entry.artifact): entry for entry in report.entries}


@pytest.fixture(scope="module")
def ladders(built: tuple[Path, str]) -> dict[str, Ladder]:
    data = (built[0] / "bundle" / "evidence" / "ladder.json").read_bytes()
    return {ladder.family: ladder for ladder in Ladders.decode(data).ladders}


@pytest.mark.parametrize(
    ("artifact", "runtime", "version"),
    [
        ("reference", "onnxruntime-web/wasm", "1.30.0"),
        ("onnxruntime-fp32", "onnxruntime-web/wasm", "1.30.0"),
        ("tflite-fp32", "litertjs/wasm", "2.5.3"),
        ("tfjs-fp32", "tfjs/wasm", "4.22.0"),
    ],
)
def test_each_artifact_is_proved_and_measured_in_the_browser(
    entries: dict[tuple[str, str], Entry], artifact: str, runtime: str, version: str
) -> None:
    entry = entries["chromium", artifact]
    assert (entry.runtime, entry.runtime_version) == (runtime, version)
    assert (entry.verdict, entry.evidence) == (Verdict.PASS, Evidence.MEASURED_HOST)
    assert entry.parity is not None
    assert entry.parity.rows == 32
    # float32 kernels add in another order: a few units in the last place of probabilities
    assert entry.parity.outputs["score"].max_abs == pytest.approx(0, abs=1e-6)
    assert entry.profile is not None
    assert entry.profile.latency_ms.n >= 50


def test_what_this_machine_does_not_open_is_not_run_here(entries: dict[tuple[str, str], Entry]) -> None:
    entry = entries["here", "tfjs-fp32"]
    assert (entry.verdict, entry.evidence, entry.profile) == (Verdict.NOT_RUN, Evidence.NOT_RUN, None)
    (reason,) = entry.reasons
    assert reason.startswith("tfjs is behind a pipe here")


def test_the_table_names_the_browser_and_what_ran_there(built: tuple[Path, str]) -> None:
    lines = [line.split() for line in built[1].splitlines()]
    (browser,) = [line for line in lines if line[:1] == ["chromium"]]
    assert browser[1:4] == ["browser,", "wasm:", "Chromium"]
    rows = {line[0]: line[1:3] for line in lines[lines.index(browser) :] if len(line) > 3}
    assert rows["tfjs-fp32"] == ["tfjs/wasm", "pass"]
    assert rows["tflite-fp32"] == ["litertjs/wasm", "pass"]
    assert rows["onnxruntime-fp32"] == ["onnxruntime-web/wasm", "pass"]
    assert "7 passed, 1 not opened by their device" in built[1]


def test_the_browsers_ladder_is_ordered_by_what_was_measured_there(
    ladders: dict[str, Ladder], entries: dict[tuple[str, str], Entry]
) -> None:
    ladder = ladders["browser web wasm32"]
    assert ladder.evidence is Evidence.MEASURED_HOST
    assert {(rung.artifact, rung.runtime) for rung in ladder.rungs[:-1]} == {
        ("onnxruntime-fp32", "onnxruntime-web/wasm"),
        ("tflite-fp32", "litertjs/wasm"),
        ("tfjs-fp32", "tfjs/wasm"),
    }
    for rung in ladder.rungs:
        profile = entries["chromium", rung.artifact].profile
        assert profile is not None
        assert rung.latency_ms == profile.latency_ms.p50
    latencies = [rung.latency_ms for rung in ladder.rungs[:-1]]
    assert latencies == sorted(latencies, key=float)  # type: ignore[arg-type]  # none of them is None, as shown above
    assert (ladder.rungs[-1].artifact, ladder.rungs[-1].runtime) == ("reference", "onnxruntime-web/wasm")


def test_this_machines_ladder_has_no_rung_that_it_cannot_open(ladders: dict[str, Ladder]) -> None:
    (local,) = [ladder for ladder in ladders.values() if ladder.kind == "local"]
    assert {rung.artifact for rung in local.rungs} == {"onnxruntime-fp32", "tflite-fp32", "reference"}


def test_the_bundle_verifies_and_its_graph_model_runs_in_node(
    built: tuple[Path, str], key: tuple[Path, Path], edgewright: Run
) -> None:
    done = edgewright("verify", built[0] / "bundle.zip", "--key", key[1], "--json")
    assert done.returncode == 0, done.stderr
    (bundle,) = json.loads(done.stdout)["bundles"]
    assert {row["artifact"]: row["verdict"] for row in bundle["rows"]} == dict.fromkeys(
        ["onnxruntime-fp32", "reference", "tfjs-fp32", "tflite-fp32"], "pass"
    )


def test_without_node_a_graph_model_is_not_verified_and_the_reason_is_said(
    built: tuple[Path, str], key: tuple[Path, Path], edgewright: Run
) -> None:
    done = edgewright("verify", built[0] / "bundle", "--key", key[1], "--json", EDGEWRIGHT_NODE="/nowhere/node")
    assert done.returncode == 0, done.stderr
    (bundle,) = json.loads(done.stdout)["bundles"]
    (row,) = [row for row in bundle["rows"] if row["artifact"] == "tfjs-fp32"]
    assert row["verdict"] == "not-run"
    assert "TF.js needs Node 20 or later" in row["reasons"][0]


def test_in_python_a_bundle_is_opened_by_this_machines_ladder(built: tuple[Path, str], key: tuple[Path, Path]) -> None:
    with open_bundle(built[0] / "bundle", key[1]) as session:
        assert session.rung.runtime in ("onnxruntime", "ai-edge-litert")
        assert (session.passed_over, session.failures) == ((), ())


def test_in_python_a_rung_of_the_web_is_opened_where_the_facts_have_its_engine(
    built: tuple[Path, str], key: tuple[Path, Path]
) -> None:
    report = Report.decode((built[0] / "report.json").read_bytes())
    facts = msgspec.structs.replace(report.devices["chromium"], runtimes={"tfjs/wasm": "4.22.0"})
    with open_bundle(built[0] / "bundle", key[1], facts=facts) as session:
        score = session.run({"image": np.zeros((1, 2, 8, 8), np.float32)})["score"]
        assert session.rung.key == "tfjs-fp32@tfjs/wasm×1"
        assert score.shape == (1, 4)
        assert float(score.sum()) == pytest.approx(1.0, abs=1e-6)
