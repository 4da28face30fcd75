"""Variants of Core ML in one package: each is proved by its own function, and the bundle has the files once."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewright.targets.coreml import apple

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(apple.is_here(), reason="Core ML itself runs here")

FUNCTIONS = {"coreml-fp32": "fp32", "coreml-fp16": "fp16"}


def ask(project: Path, recipes: str) -> None:
    file = project / "edgewright.toml"
    text = file.read_text()
    start, end = text.index("[targets.tflite]"), text.index("[gates]")
    section = f"[targets.coreml]\nrecipes = {recipes}\n[targets.coreml.settings]\nmultifunction = true\n\n"
    file.write_text(text[:start] + section + text[end:])


def build(project: Path, edgewright: Run) -> dict[str, dict]:
    done = edgewright("build", "--project", project, "--out", project / "out")
    assert done.returncode == 0, done.stderr
    report = json.loads((project / "out" / "report.json").read_bytes())
    return {entry["artifact"]: entry for entry in report["entries"]}


def test_each_variant_is_proved_and_the_bundle_has_the_package_once(
    project: Path, edgewright: Run, key: tuple[Path, Path]
) -> None:
    ask(project, '["fp32", "fp16"]')

    entries = build(project, edgewright)

    bundle = project / "out" / "bundle"
    manifest = json.loads((bundle / "content" / "manifest.json").read_bytes())
    artifacts = {each["target"] + "-" + each["variant"]: each for each in manifest["artifacts"] if each["variant"]}
    for name, function in FUNCTIONS.items():
        assert (entries[name]["verdict"], entries[name]["evidence"]) == ("pass", "emulated")
        first, *shared = [file["path"] for file in artifacts[name]["files"]]
        assert first == f"content/artifacts/coreml/{function}.function.json"
        assert {path.split("/")[3] for path in shared} == {"model.mlpackage"}
    drops = [entries[name]["parity"]["outputs"] for name in FUNCTIONS]
    assert drops[0] != drops[1], "each was run by its own function"
    listed = [file["path"] for file in manifest["update"]["files"]]
    assert len(listed) == len(set(listed))
    assert sum(path.endswith("weight.bin") for path in listed) == 1

    done = edgewright("inspect", bundle / "content" / "artifacts" / "coreml" / "model.mlpackage", "--json")
    shown = json.loads(done.stdout)
    assert {each["name"]: each["opset"] for each in shown["functions"]} == dict.fromkeys(FUNCTIONS.values(), "CoreML8")
    assert (shown["default_function"], shown["compute_units"]) == ("fp32", "all")

    done = edgewright("verify", bundle, project / "out" / "bundle.zip", "--key", key[1], "--json")
    assert done.returncode == 0, done.stderr
    for checked in json.loads(done.stdout)["bundles"]:
        verdicts = {row["artifact"]: row["verdict"] for row in checked["rows"]}
        assert {verdicts[name] for name in FUNCTIONS} == {"pass"}


def test_one_variant_alone_has_a_package_of_its_own(project: Path, edgewright: Run) -> None:
    ask(project, '["fp32"]')
    entries = build(project, edgewright)
    assert entries["coreml-fp32"]["files"][0]["path"] == "model.mlpackage/Manifest.json"


def test_kept_evidence_gives_the_same_bundle(project: Path, edgewright: Run) -> None:
    ask(project, '["fp32", "fp16"]')
    build(project, edgewright)
    kept = project / "kept.json"
    kept.write_bytes((project / "out" / "report.json").read_bytes())
    done = edgewright("build", "--project", project, "--out", project / "again", "--evidence", kept)
    assert done.returncode == 0, done.stderr
    first, again = ((project / out / "bundle" / "content" / "manifest.json").read_bytes() for out in ("out", "again"))
    assert first == again
