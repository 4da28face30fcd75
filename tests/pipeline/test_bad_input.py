"""What goes wrong is said clearly, with the right exit code, and leaves nothing half-written."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgewright.bundle.keys import generate
from edgewright.pipeline.cache import Cache
from edgewright.pipeline.config import load_project
from edgewright.pipeline.execute import build
from edgewright.pipeline.progress import Silent
from edgewright.vocabulary.errors import EdgewrightError, MissingExtraError

Run = Callable[..., subprocess.CompletedProcess[str]]


def edit(project: Path, old: str, new: str) -> None:
    text = (project / "edgewright.toml").read_text()
    assert old in text
    (project / "edgewright.toml").write_text(text.replace(old, new, 1))


def not_a_model(project: Path) -> None:
    (project / "tiny.onnx").write_text("this is no model at all\n")


def a_truncated_model(project: Path) -> None:
    data = (project / "tiny.onnx").read_bytes()
    (project / "tiny.onnx").write_bytes(data[: len(data) * 2 // 3])


def an_empty_model(project: Path) -> None:
    (project / "tiny.onnx").write_bytes(b"")


def no_model(project: Path) -> None:
    (project / "tiny.onnx").unlink()


def an_unknown_key(project: Path) -> None:
    edit(project, "[gates]", "[gates]\nmax_dorp = '1 pp'")


def a_gate_without_unit(project: Path) -> None:
    edit(project, '"1 MB"', '"8"')


def a_bare_number_for_a_gate(project: Path) -> None:
    edit(project, '"1 MB"', "8")


def write_data(project: Path, **arrays: np.ndarray) -> None:
    data = dict(np.load(project / "tiny.npz"))
    np.savez(project / "tiny.npz", **(data | arrays))


def data_of_another_shape(project: Path) -> None:
    write_data(project, image=np.zeros((40, 3, 8, 8), np.float32))


def data_of_another_dtype(project: Path) -> None:
    write_data(project, image=np.zeros((40, 2, 8, 8), np.float64))


def data_with_nan(project: Path) -> None:
    images = np.zeros((40, 2, 8, 8), np.float32)
    images[11, 0, 3, 3] = np.nan
    write_data(project, image=images)


def too_few_rows(project: Path) -> None:
    edit(project, '"8:40"', '"8:41"')


def labels_of_another_length(project: Path) -> None:
    write_data(project, label=np.arange(39))


def labels_beyond_the_classes(project: Path) -> None:
    write_data(project, label=np.arange(40))


def data_that_is_no_npz(project: Path) -> None:
    (project / "tiny.npz").write_bytes(b"PK\x03\x04 not really")


def an_unknown_target(project: Path) -> None:
    edit(project, "[targets.tflite]", "[targets.tflight]")


def an_unknown_step(project: Path) -> None:
    edit(project, '["float16"]', '["flaot16"]')


def an_unknown_metric(project: Path) -> None:
    edit(project, '"top1"', '"top2"')


def a_key_that_is_no_key(project: Path) -> None:
    (project / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def no_key(project: Path) -> None:
    edit(project, '"key.pem"', '"env:NO_SUCH_VARIABLE"')


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (not_a_model, "tiny.onnx: not an ONNX model"),
        (a_truncated_model, "tiny.onnx: "),
        (an_empty_model, "tiny.onnx: "),
        (no_model, "tiny.onnx"),
        (an_unknown_key, "edgewright.toml: unknown key gates.max_dorp"),
        (a_gate_without_unit, "edgewright.toml: expected a number with a unit of size"),
        (a_bare_number_for_a_gate, "in gates.max_size, got 8"),
        (data_of_another_shape, "takes rows of shape [2, 8, 8], the data has [3, 8, 8]"),
        (data_of_another_dtype, "takes float32, the data is float64"),
        (data_with_nan, "holds NaN or infinity, first in row 11"),
        (too_few_rows, "rows 8:41 select nothing, or more than there is"),
        (labels_of_another_length, "40 rows, but labels of shape [39]"),
        (labels_beyond_the_classes, "label"),
        (data_that_is_no_npz, "cannot be read as .npz"),
        (an_unknown_target, "there is no target named 'tflight'"),
        (an_unknown_step, "there is no step 'flaot16'"),
        (an_unknown_metric, "there is no metric 'top2'"),
        (a_key_that_is_no_key, "key.pem"),
        (no_key, "NO_SUCH_VARIABLE, which is not set"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_wrong_request_is_told_and_leaves_no_bundle(
    project: Path, edgewright: Run, harm: Callable[[Path], None], message: str
) -> None:
    harm(project)
    done = edgewright("build", "-C", project, "-o", project / "out", "--no-progress")
    assert done.returncode == 2, done.stderr
    assert message in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr
    assert not (project / "out" / "bundle").exists()
    assert not (project / "out" / "bundle.zip").exists()


def test_an_error_is_one_json_document_too(project: Path, edgewright: Run) -> None:
    not_a_model(project)
    done = edgewright("build", "-C", project, "-o", project / "out", "--json")
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.returncode == 2
    assert "not an ONNX model" in document["error"]["message"]


def model_that_tflite_refuses(folder: Path) -> None:
    """A model that onnxruntime runs and TFLite cannot say: it has no arithmetic of float64."""
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], name="first", to=TensorProto.DOUBLE),
        helper.make_node("Exp", ["wide"], ["root"], name="the_culprit"),
        helper.make_node("Cast", ["root"], ["y"], name="last", to=TensorProto.FLOAT),
    ]
    shape = ["batch", 4]
    graph = helper.make_graph(
        nodes,
        "refused",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]), folder / "refused.onnx")


def test_a_refused_node_is_named_and_the_other_targets_finish(tmp_path: Path, edgewright: Run) -> None:
    model_that_tflite_refuses(tmp_path)
    targets = ["-t", "tflite", "-t", "onnxruntime"]
    done = edgewright("build", tmp_path / "refused.onnx", *targets, "-o", tmp_path / "out", "--json")
    assert done.returncode == 2
    result = json.loads(done.stdout)
    verdicts = {entry["artifact"]: entry["verdict"] for entry in result["report"]["entries"]}
    assert verdicts == {"reference": "pass", "onnxruntime-fp32": "pass", "tflite-fp32": "not-run"}
    assert "the_culprit (Exp)" in result["problems"][0]["message"]
    assert result["bundle"] is None
    assert not (tmp_path / "out" / "bundle").exists()


def test_a_broken_gate_is_exit_1_and_leaves_the_old_bundle(project: Path, edgewright: Run) -> None:
    out = project / "out"
    assert edgewright("build", "-C", project, "-o", out).returncode == 0
    before = {path: path.read_bytes() for path in (out / "bundle").rglob("*") if path.is_file()}
    edit(project, '"1 MB"', '"1 kB"')
    done = edgewright("build", "-C", project, "-o", out, "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    entries = {entry["artifact"]: entry for entry in result["report"]["entries"]}
    assert entries["tflite-fp32"]["verdict"] == "fail"
    assert any("max_size" in reason for reason in entries["tflite-fp32"]["reasons"])
    assert result["bundle"] is None
    assert {path: path.read_bytes() for path in (out / "bundle").rglob("*") if path.is_file()} == before


def test_a_gate_that_cannot_run_fails_unless_it_is_allowed(project: Path, edgewright: Run) -> None:
    edit(project, '[metric]\nname = "top1"\n', "")
    done = edgewright("build", "-C", project, "-o", project / "out", "--json")
    assert done.returncode == 1
    edit(project, "[gates]", '[gates]\nallow_not_run = ["max_drop"]')
    done = edgewright("build", "-C", project, "-o", project / "out", "--json")
    assert done.returncode == 0
    entries = json.loads(done.stdout)["report"]["entries"]
    assert all("max_drop not run (allowed)" in " ".join(e["reasons"]) for e in entries if e["artifact"] != "reference")


def test_a_target_that_is_not_installed_names_its_extra(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = importlib.metadata.version

    def version(name: str) -> str:
        if name == "ai-edge-litert":
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(MissingExtraError) as caught:
        build(load_project(project), tmp_path / "out", progress=Silent(), cache=Cache(tmp_path / "cache"))
    assert caught.value.hint == "pip install 'edgewright[tflite]'"
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("option", ["--out", "cache"])
def test_a_place_that_cannot_be_written_is_a_tools_failure(project: Path, edgewright: Run, option: str) -> None:
    nowhere = "/proc/sys/edgewright"  # not even root may make a folder there
    environment = {"EDGEWRIGHT_CACHE_DIR": nowhere} if option == "cache" else {}
    out = nowhere if option == "--out" else project / "out"
    done = edgewright("build", "-C", project, "--out", out, **environment)
    assert done.returncode == 3
    assert "/proc/sys/edgewright" in done.stderr
    assert "Traceback" not in done.stderr


FULL_DISK = """
set -e
mount -t tmpfs -o size=%s tmpfs "$1"
shift
exec "$@"
"""


@pytest.mark.parametrize("full", ["cache", "out"])
def test_a_full_disk_is_told_and_the_old_bundle_stays(project: Path, tmp_path: Path, full: str) -> None:
    """A real file system of a few kilobytes, in a mount namespace of the test's own."""
    small = tmp_path / "small"
    small.mkdir()
    folders = {"cache": tmp_path / "cache", "out": tmp_path / "out"} | {full: small}
    namespace = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    shell = ["sh", "-c", FULL_DISK % "32k", "sh", str(small)]
    argv = [sys.executable, "-m", "edgewright", "build", "-C", str(project), "--out", str(folders["out"])]
    done = subprocess.run(
        [*namespace, *shell, *argv],
        capture_output=True,
        text=True,
        env={**os.environ, "EDGEWRIGHT_CACHE_DIR": str(folders["cache"])},
    )
    assert done.returncode == 3, done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_build_survives_its_own_key_being_wrong(project: Path, tmp_path: Path, edgewright: Run) -> None:
    generate(tmp_path / "other.pem", tmp_path / "other.pub")
    assert edgewright("build", "-C", project, "-o", project / "out").returncode == 0
    done = edgewright("verify", project / "out" / "bundle", "--key", tmp_path / "other.pub")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("what", ["flip", "add", "remove", "hide", "empty folder"])
def test_a_bundle_that_was_touched_is_refused(built, key, tmp_path: Path, edgewright: Run, what: str) -> None:
    bundle = tmp_path / "bundle"
    subprocess.run(["cp", "-r", built[0] / "out" / "bundle", bundle], check=True)
    victim = bundle / "content" / "artifacts" / "tflite-fp32" / "model.tflite"
    match what:
        case "flip":
            data = bytearray(victim.read_bytes())
            data[len(data) // 2] ^= 1
            victim.write_bytes(data)
        case "add":
            (bundle / "content" / "more.txt").write_text("more")
        case "remove":
            victim.unlink()
        case "hide":
            (bundle / ".gitignore").write_text("*")
        case "empty folder":
            (bundle / "content" / "empty").mkdir()
    done = edgewright("verify", bundle, "--key", key[1])
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_every_public_error_has_an_exit_code() -> None:
    codes = {error.exit_code for error in _all_errors(EdgewrightError)}
    assert codes == {2, 3, 4}


def _all_errors(root: type[EdgewrightError]) -> list[type[EdgewrightError]]:
    return [root, *(found for child in root.__subclasses__() for found in _all_errors(child))]
