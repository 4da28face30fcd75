"""Whether integers will be faster is said before the work, for each target and device, as an estimate."""

import json
import shutil

import pytest

RECIPES = '[recipes]\nfp32 = []\nstatic_wi8_ai8 = [{ quantize = { precision = "static_wi8_ai8" } }]\n'


@pytest.fixture(scope="module")
def integers(tmp_path_factory, key, edgewright, built):
    """The tiny project with integers on TFLite, built: the folder and what the build said."""
    folder = tmp_path_factory.mktemp("integers")
    for name in ("tiny.onnx", "tiny.npz", "key.pem"):
        shutil.copy(built[0] / name, folder)
    text = (built[0] / "edgewright.toml").read_text()
    text = text.replace('[recipes]\nfp32 = []\nfp16 = ["float16"]\n', RECIPES)
    text = text.replace("[targets.onnxruntime]\n", "").replace('"fp16"', '"static_wi8_ai8"')
    text = text.replace('max_drop = "1.0 pp"', 'max_drop = "100 pp"')
    (folder / "edgewright.toml").write_text(text)
    return folder, edgewright("build", "-C", folder, "-o", folder / "out")


def test_a_build_says_so_before_it_compiles(integers):
    _, done = integers
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stderr.index("tflite on here: static_wi8_ai8 should be ")
    assert told < done.stderr.index("compile tflite-static_wi8_ai8 …")


def test_the_report_has_the_forecast_and_what_came_of_it(integers):
    folder, done = integers
    report = json.loads((folder / "out" / "report.json").read_text())
    (forecast,) = report["forecasts"]
    assert forecast["evidence"] == "estimated"
    assert forecast["measured"] == "measured-host"
    assert forecast["covered"] == pytest.approx(1.0)
    (kernel,) = forecast["kernels"]
    assert kernel["kernel"] == "conv 3×3 2→4, 8×8"
    assert forecast["ratio"] == pytest.approx(kernel["integer_ms"] / kernel["float_ms"])
    for text in (done.stdout, (folder / "out" / "report.html").read_text()):
        assert "tflite-static_wi8_ai8 on here: " in text


def test_a_kept_report_is_not_foretold_anew(integers, edgewright):
    folder, _ = integers
    again = edgewright("build", "-C", folder, "-o", folder / "again", "--evidence", folder / "out" / "report.json")
    assert again.returncode == 0, again.stderr
    assert "should be" not in again.stderr
    before, after = (json.loads((folder / place / "report.json").read_text()) for place in ("out", "again"))
    assert before["forecasts"] == after["forecasts"]


def test_where_no_integers_are_asked_for_nothing_is_foretold(built):
    assert json.loads((built[0] / "out" / "report.json").read_text())["forecasts"] == []


def test_inspect_foretells_when_it_is_asked_to(built, edgewright):
    done = edgewright("inspect", built[0] / "tiny.onnx", "-t", "tflite", "--forecast", "--json")
    assert done.returncode == 0, done.stderr
    (forecast,) = json.loads(done.stdout)["forecasts"]
    assert (forecast["target"], forecast["precision"]) == ("tflite", "static_wi8_ai8")
