"""A model that plain int8 ruins: the search finds what must stay float, within the evaluations that it announces."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.profiles.report import Report, Verdict

Run = Callable[..., subprocess.CompletedProcess[str]]

PROJECT = """
[model]
source = "outliers.onnx"

[data]
calibration = { file = "outliers.npz", rows = "0:50" }
tuning = { file = "outliers.npz", rows = "50:150", labels = "label" }
evaluation = { file = "outliers.npz", rows = "150:350", labels = "label" }

[metric]
name = "top1"

[recipes]
mixed = [{ quantize = { precision = "static_wi8_ai8", max_drop = "5 pp", evaluations = 8 } }]

[targets.TARGET]
recipes = ["static_wi8_ai8", "mixed"]

[gates]
max_drop = "8 pp"
min_cosine = "0.9 abs"

[bundle]
name = "outliers"
version = "1.0.0"
"""


def write_project(folder: Path, target: str) -> Path:
    """Five layers; a channel between the first two is ten thousand times as large as the others, and hardly read."""
    generator = np.random.default_rng(5)
    rows = generator.standard_normal((2000, 16)).astype(np.float32)
    first, second, third, fourth = (generator.standard_normal((16, 16)).astype(np.float32) / 3 for _ in range(4))
    last = generator.standard_normal((16, 4)).astype(np.float32)
    first[:, 7] *= 1e4
    second[7] /= 1e4
    weights = {"a": first, "b": second, "c": third, "d": fourth, "e": last}
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="first"),
        helper.make_node("MatMul", ["h", "b"], ["i"], name="second"),
        helper.make_node("Relu", ["i"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "c"], ["j"], name="third"),
        helper.make_node("MatMul", ["j", "d"], ["k"], name="fourth"),
        helper.make_node("MatMul", ["k", "e"], ["y"], name="last"),
    ]
    graph = helper.make_graph(
        nodes,
        "outliers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "outliers.onnx")
    scores = np.maximum(rows @ first @ second, 0) @ third @ fourth @ last
    two = np.sort(scores, axis=1)[:, -2:]
    clear = np.argsort(two[:, 0] - two[:, 1])[:350]  # rows on whose class a rounding has no say
    clear = generator.permutation(clear)
    np.savez(folder / "outliers.npz", x=rows[clear], label=scores[clear].argmax(axis=1))
    (folder / "edgewright.toml").write_text(PROJECT.replace("TARGET", target))
    return folder


@pytest.mark.parametrize("target", ["onnxruntime", "tflite"])
def test_the_search_brings_a_model_to_pass_that_plain_int8_ruins(tmp_path: Path, edgewright: Run, target: str) -> None:
    done = edgewright("build", "-C", write_project(tmp_path, target), "--out", tmp_path / "out")
    report = Report.decode((tmp_path / "out" / "report.json").read_bytes())
    entries = {entry.variant: entry for entry in report.entries}

    assert entries["static_wi8_ai8"].verdict is Verdict.FAIL
    assert entries["mixed"].verdict is Verdict.PASS
    assert done.returncode == 1
    assert not (tmp_path / "out" / "bundle").exists()
    (search,) = report.searches
    assert search.holds
    assert 0 < len(search.kept_float) <= 2
    assert search.evaluations[0].kept_float == 0
    assert search.evaluations[0].drop > 5
    assert f"{target}-mixed: at most {search.limit} evaluations on 100 tuning rows" in done.stderr
    assert len(search.evaluations) <= search.limit <= 8
    assert f"{len(search.kept_float)} of {len(search.ranking)} nodes stay float for 5 pp" in done.stdout


@pytest.mark.parametrize("target", ["onnxruntime", "tflite"])
def test_a_bound_that_nothing_meets_ships_nothing_and_tells_the_best(
    tmp_path: Path, edgewright: Run, target: str
) -> None:
    folder = write_project(tmp_path, target)
    text = (folder / "edgewright.toml").read_text()
    text = text.replace('max_drop = "5 pp"', 'max_drop = "-50 pp"').replace('["static_wi8_ai8", "mixed"]', '["mixed"]')
    (folder / "edgewright.toml").write_text(text)

    done = edgewright("build", "-C", folder, "--out", tmp_path / "out")

    assert done.returncode == 1
    assert not (tmp_path / "out" / "bundle").exists()
    report = Report.decode((tmp_path / "out" / "report.json").read_bytes())
    entry = next(entry for entry in report.entries if entry.variant == "mixed")
    assert entry.verdict is Verdict.FAIL
    assert entry.reasons[-1].startswith("recipe: nothing keeps within -50 pp on the tuning rows; the best of ")
    assert not report.searches[0].holds


def test_a_kept_report_settles_the_recipe_without_a_search(tmp_path: Path, edgewright: Run) -> None:
    folder = write_project(tmp_path, "onnxruntime")
    text = (folder / "edgewright.toml").read_text()
    (folder / "edgewright.toml").write_text(text.replace('["static_wi8_ai8", "mixed"]', '["mixed"]'))
    first = edgewright("build", "-C", folder, "--out", tmp_path / "one", "--json")
    assert (first.returncode, first.stderr) == (0, "")

    again = edgewright(
        "build", "-C", folder, "--out", tmp_path / "two", "--evidence", tmp_path / "one" / "report.json", "--json"
    )

    assert again.returncode == 0
    assert json.loads(again.stdout)["report"]["searches"] == json.loads(first.stdout)["report"]["searches"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (', labels = "label" }\nevaluation', " }\nevaluation", "data.tuning names no labels"),
        ('[metric]\nname = "top1"', "", "recipe 'mixed' with max_drop judges artifacts by a metric, and there is none"),
        ('"5 pp", evaluations', '"5", evaluations', "quantize.max_drop"),
    ],
)
def test_a_search_without_a_judge_is_refused_before_any_work(
    tmp_path: Path, edgewright: Run, old: str, new: str, message: str
) -> None:
    folder = write_project(tmp_path, "onnxruntime")
    text = (folder / "edgewright.toml").read_text().replace('max_drop = "8 pp"', "")
    assert old in text
    (folder / "edgewright.toml").write_text(text.replace(old, new))

    done = edgewright("build", "-C", folder, "--out", tmp_path / "out")

    assert done.returncode == 2
    assert message in done.stderr
    assert "import" not in done.stderr
