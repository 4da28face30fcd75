"""Devices that open some runtimes and not others, through the whole chain."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edgewright.bundle.manifest import Tolerance, ToleranceKind
from edgewright.devices.base import Device, Facts
from edgewright.devices.local import Local
from edgewright.devices.table import make_device
from edgewright.pipeline import places
from edgewright.pipeline.bisect import BisectRequest, bisect
from edgewright.pipeline.cache import Cache
from edgewright.pipeline.config import Project, load_project
from edgewright.pipeline.execute import build
from edgewright.pipeline.progress import Silent
from edgewright.pipeline.result import BuildResult
from edgewright.pipeline.verdicts import widest
from edgewright.profiles.report import Verdict
from edgewright.vocabulary.errors import ConfigError, DeviceError, RequestError
from edgewright.vocabulary.evidence import Evidence

LITERT = "edgewright.targets.tflite.runtime:LiteRT"
REASON = "a toaster opens no TFLite"


class Toaster(Local):
    """This machine, without LiteRT."""

    def cannot_open(self, runtime: str) -> str | None:
        return REASON if runtime == LITERT else None


def gone(_: Toaster) -> Facts:
    raise DeviceError("the toaster is in another kitchen")


@pytest.fixture(autouse=True)
def toasters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let project files describe them: `kind = "toaster"`."""

    def make(name: str, table: Mapping[str, Any], where: str) -> Device:
        return Toaster(name) if table["kind"] == "toaster" else make_device(name, table, where)

    monkeypatch.setattr(places, "make_device", make)


def with_devices(folder: Path, **kinds: str) -> Project:
    file = folder / "edgewright.toml"
    sections = "".join(f'[devices.{name}]\nkind = "{kind}"\n' for name, kind in kinds.items())
    file.write_text(file.read_text("utf-8") + sections, "utf-8")
    return load_project(file)


def built(project: Project, cache_folder: Path, evidence: Path | None = None) -> BuildResult:
    return build(project, project.folder / "out", progress=Silent(), evidence=evidence, cache=Cache(cache_folder))


def test_what_a_device_does_not_open_is_not_run_and_no_failure(project: Path, cache_folder: Path) -> None:
    result = built(with_devices(project, toaster="toaster", here="local"), cache_folder)

    assert (result.exit_code, result.problems) == (0, ())
    found = {(entry.artifact, entry.device): entry for entry in result.report.entries}
    assert {pair for pair, entry in found.items() if entry.verdict is Verdict.PASS} == {
        ("reference", "toaster"),
        ("reference", "here"),
        ("onnxruntime-fp32", "toaster"),
        ("onnxruntime-fp32", "here"),
        ("tflite-fp32", "here"),
        ("tflite-fp16", "here"),
    }
    for name in ("tflite-fp32", "tflite-fp16"):
        entry = found[(name, "toaster")]
        assert (entry.verdict, entry.evidence, entry.reasons) == (Verdict.NOT_RUN, Evidence.NOT_RUN, (REASON,))
        assert entry.left_out
        assert entry.size_bytes > 0


def test_a_kept_report_gives_the_same_bundle_again_without_the_devices(
    project: Path, cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = with_devices(project, toaster="toaster", here="local")
    built(wanted, cache_folder)
    first = (project / "out" / "bundle.zip").read_bytes()
    kept = project / "kept.json"
    kept.write_bytes((project / "out" / "report.json").read_bytes())

    monkeypatch.setattr(Toaster, "facts", gone)

    built(wanted, cache_folder, evidence=kept)

    assert (project / "out" / "bundle.zip").read_bytes() == first


def test_a_target_that_no_device_opens_is_refused_before_any_work(project: Path, cache_folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        built(with_devices(project, toaster="toaster"), cache_folder)

    assert caught.value.message == f"edgewright.toml: no device opens what target tflite makes: toaster: {REASON}"
    assert caught.value.hint == 'add [devices.here] with kind = "local" or [devices.chromium] with kind = "browser"'
    assert not (project / "out").exists()


def test_an_artifact_that_cannot_be_made_is_told_of_where_it_would_be_opened(project: Path, cache_folder: Path) -> None:
    file = project / "edgewright.toml"
    file.write_text(file.read_text("utf-8").replace("[targets.tflite]", '[targets.tflite]\nlayout = { image = "NTC" }'))

    result = built(with_devices(project, toaster="toaster", here="local"), cache_folder)

    assert result.exit_code == 2
    failed = [(entry.artifact, entry.device) for entry in result.report.entries if entry.target == "tflite"]
    assert failed == [("tflite-fp32", "here"), ("tflite-fp16", "here")]


def test_bisecting_takes_the_first_device_that_opens_the_artifact(project: Path, cache_folder: Path) -> None:
    wanted = with_devices(project, toaster="toaster", here="local")

    found = bisect(wanted, BisectRequest(artifact="tflite-fp32"), progress=Silent(), cache=Cache(cache_folder))

    assert found.device == "here"


def test_bisecting_on_a_device_that_does_not_open_the_artifact_names_those_that_do(
    project: Path, cache_folder: Path
) -> None:
    wanted = with_devices(project, toaster="toaster", here="local")

    with pytest.raises(RequestError, match="toaster does not open tflite-fp32: a toaster opens no TFLite") as caught:
        bisect(
            wanted,
            BisectRequest(artifact="tflite-fp32", device="toaster"),
            progress=Silent(),
            cache=Cache(cache_folder),
        )

    assert caught.value.hint == "devices that do: here"


def test_the_ladder_of_a_family_has_what_its_devices_opened(project: Path, cache_folder: Path) -> None:
    built(with_devices(project, toaster="toaster", here="local"), cache_folder)

    (ladder,) = json.loads((project / "out" / "bundle" / "evidence" / "ladder.json").read_text("utf-8"))["ladders"]
    assert {rung["artifact"] for rung in ladder["rungs"][:-1]} == {"onnxruntime-fp32", "tflite-fp32", "tflite-fp16"}


def test_a_bundle_allows_what_the_farthest_device_gave() -> None:
    def bounds(max_abs: float, cosine: float) -> tuple[Tolerance, ...]:
        return (
            Tolerance(kind=ToleranceKind.MAX_ABS_SCALED, bound=max_abs),
            Tolerance(kind=ToleranceKind.COSINE, bound=cosine),
        )

    assert widest(bounds(0.2, 0.97), bounds(0.1, 0.95)) == bounds(0.2, 0.95)
    assert widest(bounds(0.2, 0.97), bounds(0.1, 0.95)[:1]) == bounds(0.2, 0.97)[:1]
