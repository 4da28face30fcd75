"""The main job through the command line, once, and what it leaves."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import onnx

from edgewright.profiles.report import Report, Verdict
from edgewright.vocabulary.evidence import Evidence

Run = Callable[..., subprocess.CompletedProcess[str]]
Built = tuple[Path, subprocess.CompletedProcess[str]]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_build_passes_and_says_so_in_one_json_document(built: Built) -> None:
    folder, done = built
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["exit_code"] == 0
    assert result["signed"]
    assert result["bundle"] == str(folder / "out" / "bundle")


def test_every_artifact_ran_and_every_figure_has_its_tier(built: Built) -> None:
    folder, _ = built
    report = Report.decode((folder / "out" / "report.json").read_bytes())
    assert [entry.artifact for entry in report.entries] == [
        "reference",
        "onnxruntime-fp32",
        "tflite-fp32",
        "tflite-fp16",
    ]
    for entry in report.entries:
        assert entry.verdict is Verdict.PASS
        assert entry.evidence is Evidence.MEASURED_HOST
        assert entry.parity is not None
        assert entry.parity.rows == 32
        assert entry.parity.inputs == "evaluation"
        assert entry.metric is not None
        assert entry.metric.rows == 32
        assert entry.profile is not None
        assert entry.profile.latency_ms.n >= 50
        assert entry.runtime_version


def test_the_bundle_holds_the_listed_files_and_the_reference(built: Built) -> None:
    folder, _ = built
    files = files_of(folder / "out" / "bundle")
    manifest = json.loads(files["content/manifest.json"])
    listed = {file["path"] for file in manifest["update"]["files"]}
    evidence = {"evidence/report.json", "evidence/ladder.json", "evidence/report.html"}
    assert set(files) == listed | evidence | {"content/manifest.json", "model.sig"}
    assert manifest["signature"]["inputs"][0]["name"] == "image"
    assert manifest["golden"]["kind"] == "synthetic"
    ladder = json.loads(files["evidence/ladder.json"])
    (own,) = ladder["ladders"]
    assert own["rungs"][-1]["artifact"] == "reference"
    assert len(own["rungs"]) == 4


def test_verify_accepts_folder_and_zip(built: Built, key: tuple[Path, Path], edgewright: Run) -> None:
    out = built[0] / "out"
    done = edgewright("verify", out / "bundle", out / "bundle.zip", "--key", key[1], "--json")
    assert done.returncode == 0, done.stderr
    for bundle in json.loads(done.stdout)["bundles"]:
        assert {row["artifact"]: row["verdict"] for row in bundle["rows"]} == dict.fromkeys(
            ["onnxruntime-fp32", "reference", "tflite-fp16", "tflite-fp32"], "pass"
        )


def test_the_official_verifier_accepts_the_bundle(built: Built, key: tuple[Path, Path]) -> None:
    bundle = built[0] / "out" / "bundle"
    options = ["--signature", bundle / "model.sig", "--public_key", key[1]]
    argv = [sys.executable, "-m", "model_signing", "verify", "key", bundle, *options]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_build_with_nothing_changed_runs_no_step(built: Built, edgewright: Run) -> None:
    folder, _ = built
    before = files_of(folder / "out")
    done = edgewright("build", "--project", folder, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    steps = [line for line in done.stderr.splitlines() if " … " in line]
    assert steps
    assert all("cached" in line for line in steps), done.stderr
    assert files_of(folder / "out") == before


def test_content_is_the_same_to_the_byte_from_an_empty_cache(built: Built, tmp_path: Path, edgewright: Run) -> None:
    folder, _ = built
    done = edgewright("build", "-C", folder, "--out", tmp_path / "out", EDGEWRIGHT_CACHE_DIR=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "out" / "bundle" / "content") == files_of(folder / "out" / "bundle" / "content")


def test_a_kept_report_gives_the_same_evidence(built: Built, tmp_path: Path, edgewright: Run) -> None:
    folder, _ = built
    report = folder / "out" / "report.json"
    done = edgewright("build", "-C", folder, "--out", tmp_path / "out", "--evidence", report)
    assert done.returncode == 0, done.stderr
    assert files_of(tmp_path / "out" / "bundle" / "evidence") == files_of(folder / "out" / "bundle" / "evidence")
    assert "measure" not in done.stderr


def test_a_kept_report_of_other_bytes_is_refused(built: Built, tmp_path: Path, edgewright: Run) -> None:
    folder, _ = built
    report = Report.decode((folder / "out" / "report.json").read_bytes())
    entries = tuple(
        msgspec.structs.replace(entry, files=tuple(msgspec.structs.replace(f, sha256="0" * 64) for f in entry.files))
        for entry in report.entries
    )
    (tmp_path / "other.json").write_bytes(msgspec.structs.replace(report, entries=entries).encode())
    done = edgewright("build", "-C", folder, "--out", tmp_path / "out", "--evidence", tmp_path / "other.json")
    assert done.returncode == 2
    assert "was measured on other bytes" in done.stderr
    assert not (tmp_path / "out" / "bundle").exists()


def test_the_users_files_are_untouched(built: Built) -> None:
    folder, _ = built
    assert sorted(path.name for path in folder.iterdir()) == [
        "edgewright.toml",
        "key.pem",
        "out",
        "tiny.npz",
        "tiny.onnx",
    ]


def test_a_model_is_built_without_a_project_file(
    built: Built, key: tuple[Path, Path], tmp_path: Path, edgewright: Run
) -> None:
    model, data = built[0] / "tiny.onnx", built[0] / "tiny.npz"
    arguments = ["-t", "tflite", "-t", "onnxruntime", "--evaluation", data, "-o", tmp_path / "out", "--json"]
    done = edgewright("build", model, *arguments)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert not result["signed"]
    assert {entry["artifact"] for entry in result["report"]["entries"]} == {
        "reference",
        "tflite-fp32",
        "onnxruntime-fp32",
    }
    assert all(entry["parity"]["metric"] is None for entry in result["report"]["entries"])
    verified = edgewright("verify", tmp_path / "out" / "bundle", "--key", key[1])
    assert verified.returncode == 4
    assert "unsigned" in verified.stderr


def test_no_data_means_drawn_inputs_and_the_metric_not_run(built: Built, tmp_path: Path, edgewright: Run) -> None:
    done = edgewright("build", built[0] / "tiny.onnx", "-t", "tflite", "-o", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    entries = json.loads(done.stdout)["report"]["entries"]
    assert {entry["parity"]["inputs"] for entry in entries} == {"drawn"}
    assert {entry["parity"]["metric"] for entry in entries} == {None}


def test_equal_requests_in_two_folders_are_two_models(built: Built, project: Path, edgewright: Run) -> None:
    folder, _ = built
    model = onnx.load(project / "tiny.onnx")
    model.graph.initializer[1].raw_data = np.full(4, 9.0, np.float32).tobytes()
    onnx.save(model, project / "tiny.onnx")
    assert edgewright("build", "-C", project, "--out", project / "out").returncode == 0
    ours, theirs = (files_of(place / "out" / "bundle" / "content" / "reference") for place in (project, folder))
    assert ours != theirs


def test_changed_data_is_seen_and_nothing_is_compiled_again(project: Path, edgewright: Run) -> None:
    assert edgewright("build", "-C", project, "--out", project / "out").returncode == 0
    data = dict(np.load(project / "tiny.npz"))
    np.savez(project / "tiny.npz", **(data | {"image": data["image"] * 2}))
    done = edgewright("build", "-C", project, "--out", project / "out")
    assert done.returncode == 0, done.stderr
    lines = {line.partition(" … ")[0]: line.partition(" … ")[2] for line in done.stderr.splitlines()}
    assert lines["import tiny.onnx"] != "cached"
    assert {lines[step] for step in lines if step.startswith("compile")} == {"cached"}
    assert "cached" not in {lines[step] for step in lines if step.startswith("run")}
