"""Calibration in a build: once for each model that recipes look at, from rows or from kept ranges."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edgewright.compiler.graph_digest import graph_digest
from edgewright.compiler.model import Model
from edgewright.compiler.quantize.ranges import Ranges
from edgewright.pipeline.cache import Cache
from edgewright.pipeline.child import AnyStep
from edgewright.pipeline.config import Project, load_project, parse_project
from edgewright.pipeline.execute import build
from edgewright.pipeline.imported import Imported
from edgewright.pipeline.plan import PlannedArtifact, plan_artifacts
from edgewright.pipeline.preparation import Preparation, check_data
from edgewright.pipeline.runner import Runner
from edgewright.pipeline.steps.import_model import ImportModel
from edgewright.vocabulary.errors import ConfigError, DataError

PROJECT = """
[model]
source = "tiny.onnx"

[data]
calibration = { file = "tiny.npz", rows = "0:8" }
evaluation = { file = "tiny.npz", rows = "8:40" }

[recipes]
even = [{ equalize = { by = "activations" } }, { quantize = { precision = "static_wi8_ai8" } }]
even16 = [{ equalize = { by = "activations" } }, "float16"]
twice = ["equalize", "smooth_quant", { equalize = { by = "activations" } }, "float16"]

[targets.onnxruntime]
recipes = ["fp32", "static_wi8_ai8", "even", "even16"]
[targets.tflite]
recipes = ["static_wi8_ai8"]

[bundle]
name = "tiny"
version = "1.0.0"
"""


SECOND_ORDER = (
    'even = [{ equalize = { by = "activations" } }, { quantize = { precision = "static_wi8_ai8" } }]',
    'even = [{ quantize = { precision = "static_wi8_ai8", rounding = "second_order" } }]',
)


class Told:
    """Notes which steps were told, and how they ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []

    def announced(self, text: str) -> None:
        pass

    def started(self, step: str) -> None:
        pass

    def finished(self, step: str, _: float, outcome: str) -> None:
        self.ended.append((step, outcome))


class InThisProcess(Runner):
    """Runs steps without a child: what is tested here is which are run."""

    def child(self, step: AnyStep, out: Path) -> None:
        step.run(out)


@pytest.fixture
def load(project: Path) -> Callable[..., Project]:
    """The tiny project with other recipes on one target, or other text."""

    def with_text(*changes: tuple[str, str]) -> Project:
        text = PROJECT
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (project / "edgewright.toml").write_text(text)
        return load_project(project)

    return with_text


@pytest.fixture
def runner(cache_folder: Path) -> Runner:
    return InThisProcess(Cache(cache_folder), Told())


@pytest.fixture
def imported(project: Path, runner: Runner) -> Imported:
    section = parse_project(PROJECT, folder=project).model
    step = ImportModel(folder=str(project), model=section, evaluation=None, golden_rows=None, dims={})
    return Imported(runner.reading(step))


def planned(project: Project, name: str) -> PlannedArtifact:
    return next(item for item in plan_artifacts(project) if item.name == name)


def test_a_recipe_that_looks_at_no_data_takes_the_model_as_it_was_imported(
    load: Callable[..., Project], imported: Imported, runner: Runner
) -> None:
    project = load(
        ('calibration = { file = "tiny.npz", rows = "0:8" }', ""),
        ('"even", "even16"', ""),
        ("static_wi8_ai8", "dynamic_wi8_afp32"),
    )
    check_data(project, plan_artifacts(project))

    model, steps = Preparation(project, imported, runner).prepare(planned(project, "onnxruntime-dynamic_wi8_afp32"))

    assert (model.hub.path, model.ranges) == (str(imported.hub), None)
    assert steps == ({"quantize": {"precision": "dynamic_wi8_afp32"}},)


def test_the_model_that_a_static_recipe_quantizes_is_calibrated_on_the_rows(
    load: Callable[..., Project], imported: Imported, runner: Runner
) -> None:
    project = load()

    model, steps = Preparation(project, imported, runner).prepare(planned(project, "tflite-static_wi8_ai8"))

    assert steps == ({"quantize": {"precision": "static_wi8_ai8"}},)
    assert model.hub.path == str(imported.hub)
    assert model.ranges is not None
    ranges = Ranges.load(Path(model.ranges.path))
    rows = np.load(project.folder / "tiny.npz")["image"][:8]
    assert (ranges.rows, ranges.model) == (8, graph_digest(Model.load(imported.hub)))
    assert (ranges.tensors["image"].low, ranges.tensors["image"].high) == (rows.min(), rows.max())


def test_after_each_step_that_looks_at_data_the_changed_model_is_calibrated_again(
    load: Callable[..., Project], imported: Imported, runner: Runner
) -> None:
    project = load(('"even16"]', '"even16", "twice"]'))
    preparation = Preparation(project, imported, runner)

    model, steps = preparation.prepare(planned(project, "onnxruntime-twice"))

    assert steps == ({"equalize": {"by": "activations"}}, "float16")
    assert model.ranges is not None
    assert Ranges.load(Path(model.ranges.path)).model == graph_digest(Model.load(Path(model.hub.path)))
    files = preparation.files(plan_artifacts(project))
    assert list(files) == ["ranges-twice-1.json", "ranges-twice.json"]
    assert files["ranges-twice.json"] == Path(model.ranges.path)


def test_targets_and_recipes_that_begin_alike_share_a_calibration(
    load: Callable[..., Project], tmp_path: Path, imported: Imported
) -> None:
    project, told = load(), Told()
    preparation = Preparation(project, imported, InThisProcess(Cache(tmp_path / "cache"), told))

    for item in plan_artifacts(project):
        preparation.prepare(item)

    assert told.ended == [
        ("read calibration rows of tiny.npz", "done"),
        ("calibrate on 8 rows", "done"),
        ("calibrate on 8 rows for even", "done"),
    ]
    assert list(preparation.files(plan_artifacts(project))) == ["ranges.json", "ranges-even.json"]


def test_other_rows_give_other_ranges(load: Callable[..., Project], imported: Imported, runner: Runner) -> None:
    project = load()
    item = planned(project, "tflite-static_wi8_ai8")
    before, _ = Preparation(project, imported, runner).prepare(item)
    with np.load(project.folder / "tiny.npz") as data:
        np.savez(project.folder / "tiny.npz", image=2 * data["image"], label=data["label"])

    after, _ = Preparation(project, imported, runner).prepare(item)

    assert before.ranges is not None
    assert after.ranges is not None
    assert before.ranges.digest != after.ranges.digest


def test_second_moments_are_found_for_the_rounding_that_needs_them(
    load: Callable[..., Project], imported: Imported, runner: Runner
) -> None:
    project = load(SECOND_ORDER)

    model, _ = Preparation(project, imported, runner).prepare(planned(project, "onnxruntime-even"))

    assert model.moments is not None
    with np.load(model.moments.path, allow_pickle=False) as moments:
        assert {name: array.shape for name, array in moments.items()} == {"kernel": (1, 18, 18)}  # 2 channels of 3 × 3


def test_kept_ranges_stand_in_for_the_rows(load: Callable[..., Project], imported: Imported, runner: Runner) -> None:
    project = load()
    found = Preparation(project, imported, runner)
    fresh = [found.prepare(planned(project, f"onnxruntime-{name}"))[0] for name in ("static_wi8_ai8", "even")]
    for name, path in found.files(plan_artifacts(project)).items():
        (project.folder / name).write_bytes(path.read_bytes())
    project = load(("calibration =", 'ranges = ["ranges.json", "ranges-even.json"]\ntuning ='))

    kept = Preparation(project, imported, runner)

    for name, expected in zip(("static_wi8_ai8", "even"), fresh, strict=True):
        model, _ = kept.prepare(planned(project, f"onnxruntime-{name}"))
        assert model.key_parts() == expected.key_parts()


def test_ranges_of_another_model_are_refused(load: Callable[..., Project], imported: Imported, runner: Runner) -> None:
    project = load(("calibration =", 'ranges = "old.json"\ntuning ='))
    Ranges(model="0" * 64, rows=8, tensors={}).save(project.folder / "old.json")

    with pytest.raises(ConfigError, match=r"^old\.json: no ranges of this model, but of another$") as refused:
        Preparation(project, imported, runner).prepare(planned(project, "tflite-static_wi8_ai8"))

    assert refused.value.hint == (
        "build once with data.calibration instead of data.ranges, and keep the ranges that it leaves"
    )


@pytest.mark.parametrize("array", [np.full((8, 2, 8, 8), np.nan, np.float32), np.zeros((8, 2, 8, 8))])
def test_rows_that_do_not_fit_are_the_problem_of_all_who_need_them(
    load: Callable[..., Project], imported: Imported, runner: Runner, array: np.ndarray
) -> None:
    project = load()
    np.savez(project.folder / "tiny.npz", image=array)
    preparation = Preparation(project, imported, runner)

    for _ in range(2):
        with pytest.raises(DataError, match=r"tiny\.npz: input 'image'"):
            preparation.prepare(planned(project, "tflite-static_wi8_ai8"))


REFUSED: list[tuple[tuple[tuple[str, str], ...], str]] = [
    (
        (('calibration = { file = "tiny.npz", rows = "0:8" }', ""), ('"fp32", ', "")),
        (
            "edgewright.toml: recipe 'static_wi8_ai8' must know what values the tensors take, and there is no "
            "calibration data"
        ),
    ),
    (
        (("calibration =", 'ranges = "none.json"\ntuning ='),),
        "edgewright.toml: data.ranges: there is no file none.json",
    ),
    (
        (("calibration =", 'ranges = "tiny.npz"\ntuning ='), SECOND_ORDER),
        "edgewright.toml: recipe 'even' looks at the calibration rows themselves, and data.ranges stands in for them",
    ),
    (
        (('"equalize", "smooth_quant"', '"equalise", "smooth_quant"'), ('"even16"]', '"even16", "twice"]')),
        "edgewright.toml: recipes.twice[0]: there is no step 'equalise'",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_is_missing_is_found_before_the_model_is_imported(
    load: Callable[..., Project], tmp_path: Path, changes: tuple[tuple[str, str], ...], message: str
) -> None:
    project = load(*changes)
    (project.folder / "tiny.onnx").unlink()

    with pytest.raises(ConfigError) as refused:
        build(project, tmp_path / "out", progress=Told(), cache=Cache(tmp_path / "cache"))

    assert refused.value.message == message
    assert refused.value.hint


def test_a_build_leaves_the_ranges_beside_its_report(
    load: Callable[..., Project], edgewright: Callable[..., Any], tmp_path: Path
) -> None:
    project = load(
        ('recipes = ["fp32", "static_wi8_ai8", "even", "even16"]', 'recipes = ["static_wi8_ai8"]'),
    )

    done = edgewright("build", "--project", project.folder, "--out", tmp_path / "out", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    report = msgspec.json.decode(done.stdout)["report"]
    assert {entry["artifact"]: entry["precision"] for entry in report["entries"]} == {
        "reference": "fp32",
        "onnxruntime-static_wi8_ai8": "static_wi8_ai8",
        "tflite-static_wi8_ai8": "static_wi8_ai8",
    }
    assert set(Ranges.load(tmp_path / "out" / "ranges.json").tensors) == {"image", "c", "r", "p", "f", "score"}
