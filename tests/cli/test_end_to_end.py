"""One model's whole way through the command line: key, project file, build, verify, measure."""

import json
import re
import shutil
from pathlib import Path

import pytest

from edgewright.cli.main import main


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project folder with its key pair and a finished build of one target."""
    folder = tmp_path_factory.mktemp("project")
    example = Path(__file__).parents[2] / "examples" / "digits"
    for name in ("digits.onnx", "digits.npz"):
        shutil.copy(example / name, folder / name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EDGEWRIGHT_CACHE_DIR", str(folder / "cache"))
        patch.chdir(folder)
        assert main(["-q", "keygen"]) == 0
        patch.setenv("EDGEWRIGHT_SIGNING_KEY", (folder / "key.pem").read_text())
        assert main(["-q", "init"]) == 0
        file = folder / "edgewright.toml"  # browsers and Node are tried elsewhere, and take their time
        file.write_text(re.sub(r"\[devices\.(node|chromium)\][^\[]*", "", file.read_text("utf-8")), "utf-8")
        assert main(["-q", "build", "-t", "onnxruntime"]) == 0
    return folder


@pytest.fixture
def here(project, edgewright, monkeypatch):
    """The command line, in the project's folder, with its cache and its key."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("EDGEWRIGHT_CACHE_DIR", str(project / "cache"))
    monkeypatch.setenv("EDGEWRIGHT_SIGNING_KEY", (project / "key.pem").read_text())
    return edgewright


def test_the_build_leaves_report_bundle_and_archive(project):
    report = json.loads((project / "out" / "report.json").read_text())
    assert [entry["artifact"] for entry in report["entries"]] == ["reference", "onnxruntime-fp32", "onnxruntime-int8"]
    assert {entry["verdict"] for entry in report["entries"]} == {"pass"}
    assert (project / "out" / "bundle" / "content" / "manifest.json").is_file()
    assert (project / "out" / "bundle.zip").is_file()


def test_nothing_is_done_again_where_nothing_changed(here, project):
    before = (project / "out" / "bundle.zip").stat().st_mtime_ns
    said = here("build", "-t", "onnxruntime")
    assert said.exit_code == 0
    assert all(line.endswith("cached") for line in said.stderr.splitlines() if " … " in line)
    assert (project / "out" / "bundle.zip").stat().st_mtime_ns == before


def test_folder_and_zip_are_verified_with_the_makers_key(here):
    said = here("verify", "out/bundle", "out/bundle.zip", "--key", "key.pub")
    assert said.exit_code == 0
    assert said.stdout.count("onnxruntime-fp32  pass") == 2
    assert said.stdout.count("reference         pass") == 2


def test_another_key_is_refused(here, project):
    if not (project / "other.pem").exists():
        here("keygen", "other.pem")
    said = here("verify", "out/bundle", "--key", "other.pub", "--json")
    assert (said.exit_code, said.document["error"]["kind"]) == (4, "TrustError")


def test_no_key_is_refused(here):
    assert here("verify", "out/bundle").exit_code != 0


def test_one_refused_bundle_of_several_is_named_and_the_others_are_shown(here, project):
    shutil.copytree(project / "out" / "bundle", project / "harmed", dirs_exist_ok=True)
    (project / "harmed" / "added.txt").touch()
    said = here("verify", "out/bundle", "harmed", "--key", "key.pub")
    assert said.exit_code == 4
    assert "onnxruntime-fp32  pass" in said.stdout
    assert "refused: harmed\nerror: " in said.stdout


def test_a_missed_gate_leaves_no_bundle(here, project):
    text = (project / "edgewright.toml").read_text()
    (project / "strict").mkdir()
    (project / "strict" / "edgewright.toml").write_text(
        text.replace('# max_size = "2 MB"', 'max_size = "1 kB"').replace('"digits.', '"../digits.')
    )
    said = here("build", "-C", "strict", "-t", "onnxruntime")
    assert said.exit_code == 1
    assert "fail" in said.stdout
    assert said.stdout.endswith("no bundle: not every gate holds\n")
    assert not (project / "strict" / "out" / "bundle").exists()


def test_other_targets_give_another_bundle_in_the_same_place(here, project):
    shutil.copytree(project / "out", project / "again", dirs_exist_ok=True)
    said = here("build", "-t", "onnxruntime", "-t", "tflite", "-o", "again")
    assert said.exit_code == 0
    manifest = json.loads((project / "again" / "bundle" / "content" / "manifest.json").read_text())
    assert {artifact["target"] for artifact in manifest["artifacts"]} == {"reference", "onnxruntime", "tflite"}


def test_an_artifact_of_the_bundle_is_measured(here, project):
    artifact = next((project / "out" / "bundle" / "content" / "artifacts" / "onnxruntime-fp32").glob("model.*"))
    said = here("profile", str(artifact), "--runs", "5", "--seconds", "0")
    assert said.exit_code == 0
    assert "  inputs       image float32[1, 1, 8, 8]\n" in said.stdout
    assert "  evidence     measured-host\n" in said.stdout
    assert here("profile", str(artifact), "--seconds", "0", "--json").document["profile"]["latency_ms"]["n"] >= 50
