"""A recording on the preview page: decoded and resampled by a real Chromium, into an input that takes a waveform."""

from __future__ import annotations

import io
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.bundle.compose import Built, Evidence, GoldenVectors, compose
from edgewright.bundle.manifest import GoldenKind, Tolerance, ToleranceKind
from edgewright.bundle.pack import write
from edgewright.bundle.sign import sign
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.pipeline.preview.kinds_of_input import kinds_of
from edgewright.pipeline.preview.opening import open_site
from edgewright.pipeline.preview.server import PreviewServer
from edgewright.pipeline.steps.reference import reference_artifact
from edgewright.profiles.report import Report
from edgewright.vocabulary.signature import Preprocess, TensorSpec
from edgewright.vocabulary.tensor_folder import TensorFolder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SAMPLES = 4000


@pytest.fixture
def listening(key: Path, tmp_path: Path) -> Iterator[PreviewServer]:
    """The preview of a model that takes a waveform and gives its peak."""
    x = helper.make_tensor_value_info("sound", TensorProto.FLOAT, [1, SAMPLES])
    y = helper.make_tensor_value_info("peak", TensorProto.FLOAT, [1, 1])
    graph = helper.make_graph([helper.make_node("ReduceMax", ["sound"], ["peak"], axes=[1])], "peak", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "peak.onnx")
    model = import_model(Request(reference="peak.onnx", folder=tmp_path)).model
    source = tmp_path / "reference"
    source.mkdir()
    model.save(source)
    rows = np.zeros((2, SAMPLES), "float32")
    rows[1, 7] = 0.25
    TensorFolder.write(tmp_path / "inputs", {"sound": rows})
    TensorFolder.write(tmp_path / "outputs", {"peak": rows.max(axis=1, keepdims=True)})
    tolerances = {"peak": (Tolerance(kind=ToleranceKind.MAX_ABS, bound=0.0),)}  # the largest of numbers is one of them
    files = compose(
        name="peak",
        version="1.0.0",
        source_digest="5" * 64,
        signature=model.signature,
        built=[Built(artifact=reference_artifact(model, source), folder=source, tolerances=tolerances)],
        golden=GoldenVectors(kind=GoldenKind.ROWS, inputs=tmp_path / "inputs", outputs=tmp_path / "outputs"),
        evidence=Evidence(report=Report(name="peak", version="1.0.0", devices={}, entries=()), ladders=()),
    )
    write(tmp_path / "bundle", files, lambda folder: sign(folder, str(key.with_suffix(".pem"))))
    with open_site(tmp_path / "bundle", key, None) as (_, site), PreviewServer(site, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def wav_of(peak: float, rate: int, seconds: float) -> bytes:
    """Two channels of 16 bits: both hold the same level for as long as it lasts."""
    samples = np.full((int(rate * seconds), 2), round(peak * 32767), "<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return file.getvalue()


def test_a_wav_file_becomes_a_waveform_of_the_length_that_the_signature_says(
    browser: Browser, listening: PreviewServer
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(listening.url)
    page.get_by_role("radio", name="A recording").check()
    sound = {"name": "level.wav", "mimeType": "audio/wav", "buffer": wav_of(0.5, 16000, 0.1)}
    page.set_input_files("#sound-file", sound)
    page.locator("#given", has_text="Ready: a recording.").wait_for()
    said = page.locator("#panel").inner_text()
    page.locator("#status", has_text="Ready.").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#status", has_text="Ran a recording in").wait_for()
    peak = float(page.locator("#outputs td.figure").inner_text())
    context.close()
    assert "0.10 s of sound, 0.25 s go in; what is missing is silence." in said
    assert peak == pytest.approx(0.5, abs=2e-4)  # 16 bits: half of 1 / 32767, and Chromium divides by 32768


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (TensorSpec(name="x", dtype="float32", shape=(1, 49, 10)), "it has 3"),
        (TensorSpec(name="x", dtype="int64", shape=(1, 16000)), "it takes int64"),
        (TensorSpec(name="x", dtype="float32", shape=("batch", 3)), "3 numbers are no waveform"),
        (TensorSpec(name="x", dtype="float32", shape=(1, "time")), "does not say how many samples"),
        (TensorSpec(name="x", dtype="float32", shape=(1, 16000), range=(0.0, 255.0)), "samples lie in −1…1"),
        (TensorSpec(name="x", dtype="float32", shape=(8, 16000)), "it takes 8"),
    ],
)
def test_what_takes_no_recording_says_why(spec: TensorSpec, reason: str) -> None:
    kinds = kinds_of(spec)
    assert kinds.samples is None
    assert kinds.no_recording is not None
    assert reason in kinds.no_recording


def test_what_takes_a_recording_says_how_long() -> None:
    assert kinds_of(TensorSpec(name="x", dtype="float32", shape=("batch", 16000))).samples == 16000


def test_a_picture_needs_a_contract_of_its_pixels() -> None:
    spec = TensorSpec(name="x", dtype="float32", shape=(1, 3, 8, 8))
    assert "does not say how pixels become its numbers" in (kinds_of(spec).no_picture or "")
    contract = Preprocess(scale=(1 / 255,), colour="RGB")
    assert kinds_of(TensorSpec(name="x", dtype="float32", shape=(1, 3, 8, 8), preprocess=contract)).no_picture is None
