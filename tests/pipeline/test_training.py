"""Steps that learn, in a build: once for all who begin alike, on after a kill, and refused before any work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiler.model import Model
from edgewright.compiler.train.record import training_records
from edgewright.pipeline import training
from edgewright.pipeline.augment import load_augment
from edgewright.pipeline.cache import Cache
from edgewright.pipeline.child import AnyStep
from edgewright.pipeline.config import Project, load_project
from edgewright.pipeline.imported import Imported
from edgewright.pipeline.making import compile_step_of
from edgewright.pipeline.plan import PlannedArtifact, plan_artifacts
from edgewright.pipeline.preparation import Preparation, check_data
from edgewright.pipeline.progress import Silent
from edgewright.pipeline.runner import Runner
from edgewright.pipeline.steps.compile_model import CompileModel, read_artifact
from edgewright.pipeline.steps.import_model import ImportModel
from edgewright.pipeline.steps.import_student import ImportStudent, check_student
from edgewright.pipeline.steps.prepared import FileRef
from edgewright.pipeline.steps.run_made import RunMade
from edgewright.pipeline.tuning import tuning_rows
from edgewright.vocabulary.errors import ConfigError, DataError, MissingExtraError, ToolError
from edgewright.vocabulary.signature import Signature, TensorSpec
from edgewright.vocabulary.tensor_folder import TensorFolder

PROJECT = """
[model]
source = "tiny.onnx"

[data]
calibration = { file = "tiny.npz", rows = "0:8" }
training = { file = "tiny.npz", rows = "0:24", labels = "label" }
evaluation = { file = "tiny.npz", rows = "24:40", labels = "label" }

[metric]
name = "top1"

[recipes]
mean = [{ learn_mean = { epochs = 3 } }]
mean8 = [{ learn_mean = { epochs = 3 } }, { quantize = { precision = "static_wi8_ai8" } }]
killed = [{ learn_mean = { epochs = 3, killed_at = 2 } }]

[targets.onnxruntime]
recipes = ["mean", "mean8"]
[targets.tflite]
recipes = ["mean", "mean8"]

[bundle]
name = "tiny"
version = "1.0.0"
"""

LEARN_MEAN = dedent('''
    """A step that moves the bias of a model by a share of the mean of its rows in each epoch, as quick as can be."""

    import os
    import signal
    from dataclasses import dataclass

    import numpy as np
    import onnx_ir as ir

    from edgewright.compiler.train.learning import Learning
    from edgewright.compiler.train.material import Standing
    from edgewright.compiler.train.record import add_record
    from edgewright.vocabulary.training import Measured, TrainingRecord


    @dataclass(kw_only=True, eq=False)
    class LearnMean(Learning):
        student: str = ""
        killed_at: int = 0
        packages = ()

        def rewrite(self, model):
            material = self.material
            kept = material.home / "kept.npy"
            bias = model.graph.initializers["bias"]
            begun = kept.exists()
            first, moved = np.load(kept) if begun else (0.0, 0.0)
            for epoch in range(int(first), self.epochs):
                moved += float(material.rows["image"].mean()) / self.epochs
                np.save(kept, np.array([epoch + 1, moved]))
                if self.killed_at == epoch + 1 and not begun:
                    os.kill(os.getpid(), signal.SIGKILL)
                material.tell(Standing(done=epoch + 1, total=self.epochs, text=f"epoch {epoch + 1}"))
            bias.const_value = ir.tensor(bias.const_value.numpy() + np.float32(moved), name="bias")
            record = TrainingRecord(
                step="learn_mean", options="{}", data=material.digest, rows=material.row_count,
                labelled=material.labels is not None, teacher="", seed=self.seed, steps=self.epochs,
                planned=self.epochs, kept=self.epochs, threads=1,
                metric=Measured(name="accuracy", before=25.0, after=50.0, rows=4),
            )
            add_record(model, record)
            return True
''')


class Told(Silent):
    """Notes which steps ended, and how, and what they said meanwhile."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, str]] = []
        self.said: list[tuple[object, ...]] = []

    def finished(self, step: str, _: float, outcome: str) -> None:
        self.ended.append((step, outcome))

    def advanced(self, step: str, done: int, total: int) -> None:
        self.said.append((step, done, total))

    def noted(self, step: str, text: str) -> None:
        self.said.append((step, text))


class InThisProcess(Runner):
    """Runs steps without a child: what is tested here is which are run."""

    def child(self, step: AnyStep, out: Path, *, timeout_s: float = 0.0) -> None:
        step.run(out)


@pytest.fixture(scope="module")
def learns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package beside edgewright that adds the step `learn_mean`."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "mean_learning.py").write_text(LEARN_MEAN)
    (folder / "mean_learning-1.0.dist-info").mkdir()
    (folder / "mean_learning-1.0.dist-info" / "METADATA").write_text("Name: mean-learning\nVersion: 1.0\n")
    (folder / "mean_learning-1.0.dist-info" / "entry_points.txt").write_text(
        "[edgewright.passes]\nlearn_mean = mean_learning:LearnMean\n"
    )
    return folder


@pytest.fixture
def load(project: Path, learns: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    """The tiny project with recipes that learn, or with other text."""
    monkeypatch.setattr(sys, "path", [str(learns), *sys.path])
    monkeypatch.setenv("PYTHONPATH", str(learns))

    def with_text(*changes: tuple[str, str]) -> Project:
        text = PROJECT
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (project / "edgewright.toml").write_text(text)
        return load_project(project)

    return with_text


def imported(project: Project, cache_folder: Path) -> Imported:
    runner = InThisProcess(Cache(cache_folder), Silent())
    return Imported(runner.reading(ImportModel.of(project, None, {})))


def planned(project: Project, name: str) -> PlannedArtifact:
    return next(item for item in plan_artifacts(project) if item.name == name)


def bias(hub: str) -> np.ndarray:
    tensor = Model.load(Path(hub)).graph.initializers["bias"].const_value
    assert tensor is not None
    return tensor.numpy()


def test_a_step_that_learns_is_done_once_for_all_targets_and_recipes_that_begin_alike(
    load: Callable[..., Project], cache_folder: Path, tmp_path: Path
) -> None:
    project, told = load(), Told()
    preparation = Preparation(project, imported(project, cache_folder), InThisProcess(Cache(tmp_path / "cache"), told))

    prepared = {item.name: preparation.prepare(item) for item in plan_artifacts(project)}

    assert told.ended == [
        ("read training rows of tiny.npz", "done"),
        ("learn_mean for mean", "done"),
        ("read calibration rows of tiny.npz", "done"),
        ("calibrate on 8 rows", "done"),
    ]
    assert told.said == [("learn_mean for mean", 3, 3), ("learn_mean for mean", "epoch 3")]
    (model, steps), (integers, last) = prepared["tflite-mean"], prepared["tflite-mean8"]
    assert (steps, last) == ((), ({"quantize": {"precision": "static_wi8_ai8"}},))
    assert model.hub == integers.hub
    assert integers.ranges is not None
    rows = np.load(project.folder / "tiny.npz")["image"][:24]
    before = bias(str(imported(project, cache_folder).hub))
    assert bias(model.hub.path) == pytest.approx(before + rows.mean(), abs=1e-6)


def test_what_was_learned_comes_with_the_artifact_and_not_in_its_file(
    load: Callable[..., Project], cache_folder: Path, tmp_path: Path
) -> None:
    project = load()
    runner = InThisProcess(Cache(cache_folder), Silent())
    item = planned(project, "onnxruntime-mean")
    model, steps = Preparation(project, imported(project, cache_folder), runner).prepare(item)

    compile_ = CompileModel(model=model, target="onnxruntime", packages=(), recipe=steps, options=item.options)
    compile_.run(tmp_path)

    artifact = read_artifact(tmp_path)
    (record,) = artifact.training
    assert (record.step, record.rows, record.labelled, record.metric.after) == ("learn_mean", 24, True, 50.0)
    assert training_records(ir.load(tmp_path / "files" / artifact.files[0].path)) == ()


def test_an_artifact_is_compared_with_the_model_that_its_recipe_made(
    load: Callable[..., Project], cache_folder: Path, tmp_path: Path
) -> None:
    project = load()
    runner, item = InThisProcess(Cache(cache_folder), Silent()), planned(project, "tflite-mean8")
    original = imported(project, cache_folder)
    step = RunMade(
        compile=compile_step_of(item, Preparation(project, original, runner)),
        inputs=FileRef(path=str(original.folder / "inputs"), digest=""),
        golden=FileRef(path=str(original.folder / "golden" / "inputs"), digest=""),
    )

    step.run(tmp_path)

    given, learned = TensorFolder(original.folder / "reference"), TensorFolder(tmp_path / "reference")
    assert given["score"].shape == learned["score"].shape == (32, 4)
    assert 1e-5 < np.abs(given["score"] - learned["score"]).max() < 0.1
    assert TensorFolder(tmp_path / "golden" / "outputs").row_count == 8


def test_a_killed_step_goes_on_where_it_was_and_comes_to_the_same(
    load: Callable[..., Project], cache_folder: Path, tmp_path: Path
) -> None:
    project = load(('recipes = ["mean", "mean8"]\n[targets.tflite]', 'recipes = ["mean", "killed"]\n[targets.tflite]'))
    model, cache, told = imported(project, cache_folder), Cache(tmp_path / "cache"), Told()
    item = planned(project, "onnxruntime-killed")

    with pytest.raises(ToolError, match="SIGKILL"):
        Preparation(project, model, Runner(cache, Silent())).prepare(item)
    count, size_bytes = cache.homes.usage()
    assert (count, size_bytes > 0) == (1, True)

    killed, _ = Preparation(project, model, Runner(cache, told)).prepare(item)
    whole, _ = Preparation(project, model, Runner(cache, Silent())).prepare(planned(project, "onnxruntime-mean"))

    assert told.said == [("learn_mean for killed", 3, 3), ("learn_mean for killed", "epoch 3")]
    assert (bias(killed.hub.path) == bias(whole.hub.path)).all()
    assert cache.homes.usage() == (0, 0)


REFUSED: list[tuple[tuple[tuple[str, str], ...], str]] = [
    (
        (("training =", "# training ="),),
        "edgewright.toml: step 'learn_mean' of recipe 'mean' learns from training rows, and there are none",
    ),
    (
        (("epochs = 3 } }]", 'epochs = 3, student = "small.onnx" } }]'),),
        "edgewright.toml: step 'learn_mean' of recipe 'mean' names small.onnx, and there is no file small.onnx",
    ),
    (
        (("mean = [{ learn_mean", "mean = [{ finetune"), ('"0:24", labels = "label"', '"0:24"')),
        "edgewright.toml: step 'finetune' of recipe 'mean' learns from labels, and data.training names none",
    ),
    (
        (('rows = "0:24"', 'rows = "0:25"'),),
        "edgewright.toml: training rows are among the evaluation rows, and no row judges what it was used for",
    ),
    (
        (("training =", 'tuning = { file = "tiny.npz", rows = "20:24" }\ntraining ='),),
        "edgewright.toml: training rows are among the tuning rows, and no row judges what was learned from it",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_is_missing_is_found_before_any_work(
    load: Callable[..., Project], changes: tuple[tuple[str, str], ...], message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_data(project := load(*changes), plan_artifacts(project))

    assert refused.value.message == message


def test_a_step_whose_package_is_not_there_names_the_extra(
    load: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load(("mean = [{ learn_mean", "mean = [{ finetune"))
    monkeypatch.setattr(training, "_is_installed", lambda package: package != "torch")

    with pytest.raises(MissingExtraError) as refused:
        check_data(project, plan_artifacts(project))

    assert refused.value.hint == "pip install 'edgewright[torch]'"


def test_calibration_rows_that_were_learned_from_judge_no_search(load: Callable[..., Project]) -> None:
    with pytest.raises(ConfigError, match="the calibration rows, which stand in for them, are among the training rows"):
        tuning_rows(load(), "a search over recipes")


def test_a_gradual_recipe_is_written_out_in_the_plan(load: Callable[..., Project]) -> None:
    gradual = 'mean = [{ gradual = { rounds = 2, prune = { sparsity = "50%" }, distill = { epochs = 1 } } }]'
    item = planned(load(("mean = [{ learn_mean = { epochs = 3 } }]", gradual)), "tflite-mean")

    assert [next(iter(step)) for step in item.recipe] == ["prune", "distill", "prune", "distill"]


SPEC = TensorSpec(name="x", dtype="float32", shape=("batch", 4))
OTHERS = [
    (SPEC, None),
    (TensorSpec(name="x", dtype="float32", shape=(1, 4)), None),
    (TensorSpec(name="z", dtype="float32", shape=("n", 4)), "it has no output 'x'; it has z"),
    (TensorSpec(name="x", dtype="float16", shape=("n", 4)), "output 'x' is float16, the original's float32"),
    (TensorSpec(name="x", dtype="float32", shape=("n", 5)), "output 'x' is ['n', 5], the original's ['batch', 4]"),
    (
        TensorSpec(name="x", dtype="float32", shape=("n", 4, 1)),
        "output 'x' is ['n', 4, 1], the original's ['batch', 4]",
    ),
]


@pytest.mark.parametrize(("output", "difference"), OTHERS)
def test_a_student_is_called_as_the_original_is(output: TensorSpec, difference: str | None) -> None:
    original, student = (Signature(inputs=(SPEC,), outputs=(spec,)) for spec in (SPEC, output))
    if difference is None:
        check_student(original, student, "s.onnx")
        return
    with pytest.raises(ConfigError) as refused:
        check_student(original, student, "s.onnx")
    assert refused.value.message == f"student s.onnx cannot stand in for the original: {difference}"


@pytest.mark.parametrize(("own", "shape"), [("n", ("batch", 4)), (1, (1, 4))])
def test_a_student_is_told_as_the_original_is_and_its_file_counts(
    tmp_path: Path, own: str | int, shape: tuple[str | int, ...]
) -> None:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [own, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "s", values[:1], values[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "s.onnx")
    original = Signature(
        inputs=(SPEC,), outputs=(TensorSpec(name="y", dtype="float32", shape=("batch", 4), range=(0.0, 1.0)),)
    )
    (tmp_path / "out").mkdir()
    step = ImportStudent(folder=str(tmp_path), source="s.onnx", signature=original)

    step.run(tmp_path / "out")

    student = Model.load(tmp_path / "out" / "hub")
    assert student.signature.inputs[0].shape == shape
    assert student.signature.outputs == (TensorSpec(name="y", dtype="float32", shape=shape, range=(0.0, 1.0)),)
    assert tmp_path / "s.onnx" in step.files_read(tmp_path / "out")


def test_a_student_learns_in_place_of_the_original(
    load: Callable[..., Project], cache_folder: Path, tmp_path: Path
) -> None:
    project = load(
        ("mean = [{ learn_mean = { epochs = 3 } }]", 'mean = [{ learn_mean = { epochs = 3, student = "s.onnx" } }]')
    )
    student = onnx.load(project.folder / "tiny.onnx")
    (bias_,) = [each for each in student.graph.initializer if each.name == "bias"]
    bias_.CopyFrom(numpy_helper.from_array(np.full(4, 2.0, np.float32), "bias"))
    onnx.save(student, project.folder / "s.onnx")
    runner = InThisProcess(Cache(tmp_path / "cache"), Silent())

    model, _ = Preparation(project, imported(project, cache_folder), runner).prepare(planned(project, "tflite-mean"))

    rows = np.load(project.folder / "tiny.npz")["image"][:24]
    assert bias(model.hub.path) == pytest.approx(2.0 + rows.mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return rows", None),
        ("return {'x': rows['x'].astype('float64')}", r"input 'x' was float32\[2, 3\], and is float64\[2, 3\] now"),
        ("return {'x': rows['x'][:1]}", r"and is float32\[1, 3\] now"),
        ("return rows['x']", "expected a mapping with the inputs x"),
        ("raise KeyError('y')", "a.py:changed: KeyError: 'y'"),
    ],
)
def test_what_a_function_of_the_user_gives_for_rows_is_checked(tmp_path: Path, body: str, message: str | None) -> None:
    (tmp_path / "a.py").write_text(f"def changed(rows, generator):\n    {body}\n")
    changed = load_augment("a.py:changed", tmp_path)
    rows = {"x": np.ones((2, 3), np.float32)}
    if message is None:
        assert changed(rows, np.random.default_rng(0)) == rows
        return
    with pytest.raises(DataError, match=message):
        changed(rows, np.random.default_rng(0))
