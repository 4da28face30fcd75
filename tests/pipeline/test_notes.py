"""What the steps of a recipe did to a model comes with the artifact, and is not shipped in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.pipeline.steps.compile_model import CompileModel, read_artifact
from edgewright.pipeline.steps.prepared import FileRef, Prepared
from edgewright.targets.base import Options

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


@pytest.mark.parametrize("target", ["onnxruntime", "tflite"])
def test_what_a_step_did_comes_with_the_artifact_and_not_in_its_file(tmp_path: Path, target: str) -> None:
    hub, out = tmp_path / "hub", tmp_path / "out"
    hub.mkdir(), out.mkdir()
    CLEANUP(import_model(Request(reference="digits.onnx", folder=DIGITS)).model).save(hub)
    CompileModel(
        model=Prepared(hub=FileRef(path=str(hub), digest="sha256:hub")),
        target=target,
        packages=(),
        recipe=("equalize",),
        options=Options(variant="even"),
    ).run(out)
    artifact = read_artifact(out)
    assert {note.step for note in artifact.notes} == {"equalize"}
    assert any(" channels by " in note.text for note in artifact.notes)
    assert any(note.text.startswith("left alone: ") for note in artifact.notes)
    assert b"edgewright.notes" not in (out / "files" / artifact.files[0].path).read_bytes()
