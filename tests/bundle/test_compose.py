from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edgewright.bundle.compose import Evidence, GoldenVectors, compose
from edgewright.bundle.manifest import GoldenKind, parse
from edgewright.fallback.rules import last_resort
from edgewright.profiles.report import Report
from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.tensor_folder import TensorFolder


@pytest.fixture
def parts(making: ModuleType, tmp_path: Path) -> dict[str, Any]:
    """What `compose` takes, for the model of the tests."""
    TensorFolder.write(tmp_path / "inputs", {"x": making.INPUTS})
    TensorFolder.write(tmp_path / "outputs", {"y": np.zeros((4, 2), "float32")})
    reference = making.make_artifact(tmp_path, "reference", "", making.WEIGHTS, 1e-6)
    return {
        "name": "kws",
        "version": "1.0.0",
        "source_digest": "a" * 64,
        "signature": making.SIGNATURE,
        "built": [reference, making.make_artifact(tmp_path, "tflite", "fp16", making.WEIGHTS, 1e-2)],
        "golden": GoldenVectors(kind=GoldenKind.ROWS, inputs=tmp_path / "inputs", outputs=tmp_path / "outputs"),
        "evidence": Evidence(
            report=Report(name="kws", version="1.0.0", devices={}, entries=()), ladders=(last_resort("linux", 7),)
        ),
    }


def test_every_file_has_its_place(parts: dict[str, Any]) -> None:
    assert sorted(compose(**parts)) == [
        "content/artifacts/tflite-fp16/model.onnx",
        "content/golden/inputs/0.npy",
        "content/golden/inputs/index.json",
        "content/golden/outputs/0.npy",
        "content/golden/outputs/index.json",
        "content/manifest.json",
        "content/reference/model.onnx",
        "evidence/ladder.json",
        "evidence/report.json",
    ]


def test_the_manifest_says_what_is_there(parts: dict[str, Any]) -> None:
    files = compose(**parts)

    manifest = parse(files["content/manifest.json"])
    assert [artifact.name for artifact in manifest.artifacts] == ["reference", "tflite-fp16"]
    assert manifest.artifact("tflite-fp16").files[0].path == "content/artifacts/tflite-fp16/model.onnx"
    assert {file.path for file in manifest.update.files} == {
        path for path in files if path.startswith("content/") and path != "content/manifest.json"
    }
    assert (manifest.golden.kind, manifest.golden.rows, manifest.golden.batched) == ("rows", 4, True)


def test_rows_without_a_leading_axis_of_their_own_are_told_apart(
    parts: dict[str, Any], tmp_path: Path, making: ModuleType
) -> None:
    TensorFolder.write(tmp_path / "whole", {"x": np.zeros((4, 1, 3), "float32")})
    golden = GoldenVectors(kind=GoldenKind.SYNTHETIC, inputs=tmp_path / "whole", outputs=tmp_path / "outputs")

    manifest = parse(compose(**parts | {"golden": golden})["content/manifest.json"])

    assert manifest.golden.batched is False


def test_a_page_for_people_is_taken_along(parts: dict[str, Any]) -> None:
    evidence = Evidence(report=parts["evidence"].report, ladders=parts["evidence"].ladders, html=b"<html>")

    assert compose(**parts | {"evidence": evidence})["evidence/report.html"] == b"<html>"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", "a b", r"bundle\.name"),
        ("version", "one", r"bundle\.version"),
        ("built", [], "reference"),
        ("source_digest", "", "source_digest"),
    ],
)
def test_parts_that_make_no_bundle_are_a_wrong_request(
    parts: dict[str, Any], field: str, value: object, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason):
        compose(**parts | {field: value})


@pytest.mark.parametrize("rows", [0, 3])
def test_golden_rows_and_outputs_belong_together(parts: dict[str, Any], tmp_path: Path, rows: int) -> None:
    TensorFolder.write(tmp_path / "few", {"y": np.zeros((rows, 2), "float32")})
    golden = GoldenVectors(kind=GoldenKind.ROWS, inputs=tmp_path / "inputs", outputs=tmp_path / "few")

    with pytest.raises(ConfigError, match="golden"):
        compose(**parts | {"golden": golden})


def test_the_ladder_is_written_with_its_schema_version(parts: dict[str, Any]) -> None:
    assert json.loads(compose(**parts)["evidence/ladder.json"])["schema_version"] == "1.0"
