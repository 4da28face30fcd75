"""One target's integers in another's runtime: `quantize = { scheme = … }`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgewright.targets.onnxruntime.runtime import OnnxRuntime
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tflite.runtime import LiteRT

Run = Callable[..., subprocess.CompletedProcess[str]]


def rewritten(project: Path, scheme: str) -> None:
    text = (project / "edgewright.toml").read_text()
    text = text.replace(
        'fp32 = []\nfp16 = ["float16"]',
        f'like = [{{ quantize = {{ precision = "static_wi8_ai8", scheme = "{scheme}" }} }}]',
    )
    text = text.replace('[targets.tflite]\nrecipes = ["fp32", "fp16"]', '[targets.tflite]\nrecipes = ["like"]')
    text = text.replace("[targets.onnxruntime]\n", '[targets.onnxruntime]\nrecipes = ["like"]\n')
    text = text.replace('max_drop = "1.0 pp"', 'max_drop = "20 pp"')
    (project / "edgewright.toml").write_text(text)


def test_the_outputs_of_two_runtimes_are_within_one_step_of_each_other(project: Path, edgewright: Run) -> None:
    rewritten(project, "tflite")
    done = edgewright("build", "-C", project, "--out", project / "out")
    assert done.returncode == 0, done.stdout + done.stderr

    artifacts = project / "out" / "bundle" / "content" / "artifacts"
    sessions = [
        LiteRT().load(artifacts / "tflite-like" / "model.tflite", RunOptions()),
        OnnxRuntime().load(artifacts / "onnxruntime-like" / "model.onnx", RunOptions()),
    ]
    images = np.load(project / "tiny.npz")["image"]
    one, other = (
        np.concatenate([session.run({"image": image[np.newaxis]})["score"] for image in images]) for session in sessions
    )
    assert np.abs(one - other).max() <= 1.001 / 256  # a step of TFLite's softmax


@pytest.mark.parametrize("scheme", ["tflight"])
def test_a_scheme_of_nobody_is_refused(project: Path, edgewright: Run, scheme: str) -> None:
    rewritten(project, scheme)
    done = edgewright("build", "-C", project, "--out", project / "out")
    assert done.returncode == 2
    assert "tflight" in done.stdout + done.stderr
