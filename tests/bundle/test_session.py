from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
import pytest

from edgewright.bundle.runtimes import runtime_of
from edgewright.bundle.session import BundleSession, open_bundle
from edgewright.devices.base import Facts
from edgewright.fallback.guard import Event, Policy
from edgewright.targets.artifact import Artifact
from edgewright.targets.runtime import Array, RunOptions, Runtime, Session
from edgewright.vocabulary.errors import DeviceError, TrustError

X = np.array([[1, 2, 3], [0, 0, 1]], "float32")


class Scripted:
    """A runtime that fails as told, by artifact; else it computes what the model computes."""

    name = "onnxruntime"

    def __init__(self, making: ModuleType, script: Mapping[str, str]) -> None:
        self.making, self.script = making, dict(script)
        self.loaded: list[str] = []
        self.answers = 0

    def find(self, artifact: Artifact) -> Runtime:
        self.artifact = artifact.name
        return self

    def version(self) -> str:
        return "1.31.1"

    def prepare(self) -> None:
        pass

    def load(self, artifact: Path, options: RunOptions) -> Session:
        self.loaded.append(self.artifact)
        if self.script.get(self.artifact) == "load":
            raise ValueError("cannot be read")
        return ScriptedSession(self, self.artifact)


class ScriptedSession:
    def __init__(self, runtime: Scripted, artifact: str) -> None:
        self.runtime, self.artifact = runtime, artifact
        self.golden_calls_left = len(runtime.making.INPUTS)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        making, fault = self.runtime.making, self.runtime.script.get(self.artifact)
        outputs = {"y": np.maximum(inputs["x"] @ making.WEIGHTS + making.BIAS, 0)}
        if fault == "wrong":
            outputs["y"] = outputs["y"] + 1
        if fault == "nan":
            outputs["y"] = outputs["y"] * np.float32("nan")
        if fault == "missing":
            outputs = {}
        self.golden_calls_left -= 1
        golden_done = self.golden_calls_left < 0
        if golden_done and fault == "run":
            raise MemoryError("out of memory")
        if golden_done and fault == "once" and not self.runtime.answers:
            self.runtime.answers += 1
            raise OSError("a hiccup")
        return outputs


Opened = Callable[..., tuple[BundleSession, Scripted]]


@pytest.fixture
def opened(signed: Path, public_key: Path, making: ModuleType) -> Opened:
    """Open the bundle with a runtime that fails as told."""

    def open_it(script: Mapping[str, str], **options: object) -> tuple[BundleSession, Scripted]:
        runtime = Scripted(making, script)
        options = {"facts": making.FACTS, "find_runtime": runtime.find, **options}
        return open_bundle(signed, public_key, **options), runtime  # type: ignore[arg-type]  # the test's own options

    return open_it


def events(session: BundleSession) -> list[tuple[str, Event]]:
    return [(failure.rung.artifact, failure.event) for failure in session.failures]


@pytest.mark.parametrize("form", ["bundle", "bundle.zip"])
def test_a_bundle_runs_by_its_best_rung_on_the_real_runtime(
    signed: Path, public_key: Path, making: ModuleType, form: str
) -> None:
    with open_bundle(signed.with_name(form), public_key, facts=making.FACTS) as session:
        outputs = session.run({"x": X})

        assert session.rung.artifact == "onnxruntime-fp16"
        assert np.allclose(outputs["y"], np.maximum(X @ making.WEIGHTS + making.BIAS, 0), atol=1e-2)
        assert session.failures == ()


def test_on_a_machine_that_was_never_measured_the_reference_answers(
    signed: Path, public_key: Path, making: ModuleType
) -> None:
    board = msgspec.structs.replace(making.FACTS, arch="riscv64")

    with open_bundle(signed, public_key, facts=board) as session:
        assert session.rung.artifact == "reference"
        assert session.run({"x": X})["y"].shape == (2, 2)


def test_without_facts_this_machine_is_asked(signed: Path, public_key: Path) -> None:
    with open_bundle(signed, public_key) as session:
        assert session.run({"x": X})["y"].dtype == np.float32


def test_files_of_a_zip_go_with_the_session(signed: Path, public_key: Path, making: ModuleType) -> None:
    seen: list[Path] = []

    class Watching(Scripted):
        def load(self, artifact: Path, options: RunOptions) -> Session:
            seen.append(artifact)
            assert artifact.is_file()
            return super().load(artifact, options)

    runtime = Watching(making, {})
    with open_bundle(signed.with_name("bundle.zip"), public_key, facts=making.FACTS, find_runtime=runtime.find):
        pass

    assert not seen[0].exists()


def test_a_bundle_that_is_refused_is_never_loaded(signed: Path, public_key: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(signed, tmp_path / "bundle"))
    (bundle / "content/reference/model.onnx").write_bytes(b"x")

    with pytest.raises(TrustError, match=r"content/reference/model\.onnx was changed"):
        open_bundle(bundle, public_key)


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        ("load", Event.LOAD_ERROR),
        ("wrong", Event.GOLDEN_MISMATCH),
        ("nan", Event.GOLDEN_MISMATCH),
        ("missing", Event.RUN_ERROR),
    ],
)
def test_a_rung_that_cannot_be_trusted_is_left_before_it_answers(opened: Opened, fault: str, event: Event) -> None:
    session, runtime = opened({"onnxruntime-fp16": fault})

    with session:
        assert session.rung.artifact == "onnxruntime-fp32"
        assert events(session) == [("onnxruntime-fp16", event)]
        assert runtime.loaded == ["onnxruntime-fp16", "onnxruntime-fp32"]


def test_a_rung_that_fails_while_running_is_left_and_the_caller_still_gets_an_answer(
    opened: Opened, making: ModuleType
) -> None:
    session, _ = opened({"onnxruntime-fp16": "run"}, policy=Policy(failures_to_step_down=2))

    with session:
        outputs = session.run({"x": X})

        assert np.allclose(outputs["y"], np.maximum(X @ making.WEIGHTS + making.BIAS, 0))
        assert session.rung.artifact == "onnxruntime-fp32"
        assert events(session) == [("onnxruntime-fp16", Event.RUN_ERROR)] * 2
        assert "out of memory" in session.failures[0].message


def test_a_hiccup_does_not_cost_the_rung(opened: Opened) -> None:
    session, _ = opened({"onnxruntime-fp16": "once"})

    with session:
        session.run({"x": X})

        assert session.rung.artifact == "onnxruntime-fp16"
        assert events(session) == [("onnxruntime-fp16", Event.RUN_ERROR)]


def test_a_rung_that_is_too_slow_is_left_after_its_answers(opened: Opened) -> None:
    session, _ = opened({}, max_latency_ms=0.0, policy=Policy(failures_to_step_down=2))

    with session:
        session.run({"x": X})
        assert session.rung.artifact == "onnxruntime-fp16"
        session.run({"x": X})
        assert session.rung.artifact == "onnxruntime-fp32"


def test_when_every_rung_fails_it_is_said_why(opened: Opened) -> None:
    names = ("onnxruntime-fp16", "onnxruntime-fp32", "reference")

    with pytest.raises(DeviceError, match="no rung works here") as error:
        opened(dict(zip(names, ("load", "wrong", "nan"), strict=True)))

    assert all(name in error.value.message for name in names)
    assert "cannot be read" in error.value.message


def test_a_device_without_the_runtime_is_told_what_it_lacks(opened: Opened, making: ModuleType) -> None:
    with pytest.raises(DeviceError, match="needs onnxruntime, not installed"):
        opened({}, facts=msgspec.structs.replace(making.FACTS, runtimes={}))


def test_inputs_that_do_not_fit_are_the_callers_fault_and_cost_no_rung(opened: Opened) -> None:
    session, _ = opened({})

    with session:
        for _ in range(5):
            with pytest.raises(ValueError, match="expected float32"):
                session.run({"x": X.astype("float64")})

        assert session.failures == ()
        assert session.rung.artifact == "onnxruntime-fp16"


def test_a_rung_with_which_the_process_died_twice_is_passed_over(opened: Opened, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    for expected in ("onnxruntime-fp16", "onnxruntime-fp16", "onnxruntime-fp32"):
        session, _ = opened({}, record_path=record)
        assert session.rung.artifact == expected
        assert json.loads(record.read_bytes())["trying"].startswith(expected)  # and then the process dies

    session, _ = opened({}, record_path=record)
    with session:
        session.run({"x": X})
        assert json.loads(record.read_bytes())["trying"] is None


def test_a_session_that_was_closed_unasked_has_not_crashed(opened: Opened, tmp_path: Path) -> None:
    for _ in range(3):
        session, _ = opened({}, record_path=tmp_path / "record.json")
        session.close()

    kept = json.loads((tmp_path / "record.json").read_bytes())
    assert (kept["trying"], kept["crashes"]) == (None, {})


def test_the_record_of_another_release_is_void(opened: Opened, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"release": "0" * 64, "crashes": {"onnxruntime-fp16@onnxruntime×1": 9}}))

    session, _ = opened({}, record_path=record)

    with session:
        assert session.rung.artifact == "onnxruntime-fp16"


def test_a_damaged_record_is_forgotten(opened: Opened, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_bytes(b"\0\0\0")

    session, _ = opened({}, record_path=record)

    with session:
        assert session.rung.artifact == "onnxruntime-fp16"


def test_the_bundle_is_never_written_to(signed: Path, opened: Opened) -> None:
    before = {path: path.stat().st_mtime_ns for path in signed.rglob("*")}
    session, _ = opened({"onnxruntime-fp16": "run"})

    with session:
        session.run({"x": X})

    assert {path: path.stat().st_mtime_ns for path in signed.rglob("*")} == before


def test_the_reference_runs_with_nothing_optimised_away(signed: Path, public_key: Path) -> None:
    from edgewright.bundle.verify import verify

    manifest = verify(signed, public_key).manifest

    assert type(runtime_of(manifest.reference)).__name__ == "Reference"
    assert type(runtime_of(manifest.artifact("onnxruntime-fp32"))).__name__ == "OnnxRuntime"


def test_facts_of_this_machine_name_what_is_installed() -> None:
    from importlib.metadata import version

    from edgewright.bundle.own_facts import own_facts

    facts: Facts = own_facts()

    assert facts.runtimes["onnxruntime"] == version("onnxruntime")
    assert facts.ram_bytes > 2**28
