from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.pipeline.config import Selection, load_project, parse_project
from edgewright.vocabulary.errors import ConfigError

PROJECT = """
[model]
source = "ds_cnn.py:load"
args = ["weights.pt"]
inputs = { mfcc = { shape = ["batch", 1, 49, 10], dtype = "float32" } }
outputs = ["probability"]

[data]
calibration = { file = "kws.npz", rows = "0:200" }
evaluation = { file = "kws.npz", rows = "200:1000", labels = "label" }

[metric]
name = "top1"

[recipes]
fp32 = []
fp16 = ["float16"]

[targets.onnxruntime]
recipes = ["fp32"]
[targets.tflite]
recipes = ["fp32", "fp16"]

[gates]
max_drop = "1.0 pp"

[devices.here]
kind = "local"
threads = 1

[bundle]
name = "kws"
version = "1.0.0"
"""


def parse(text: str) -> Any:
    return parse_project(text, folder=Path("/project"))


def test_a_project_file_reads_as_it_is_written() -> None:
    project = parse(PROJECT)
    assert project.model.inputs["mfcc"].shape == ("batch", 1, 49, 10)
    assert list(project.model.outputs) == ["probability"]
    assert project.data.evaluation.bounds(1000) == (200, 1000)
    assert project.targets["tflite"].recipes == ("fp32", "fp16")
    assert project.folder == Path("/project")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("source", "sorce", "unknown key model.sorce"),
        ('"top1"', "3", "expected `str` in metric.name, got 3"),
        ('rows = "0:200"', 'rows = "0-200"', 'data.calibration: expected rows as "start:stop"'),
        ('rows = "0:200"', "rows = 200", "expected `str` in data.calibration.rows, got 200"),
        ('["fp32", "fp16"]', '["fp32", "fp8"]', "targets.tflite.recipes names 'fp8'"),
        ('"float32"', '"float"', "unknown dtype 'float'"),
        ('version = "1.0.0"', "", "bundle.version is missing"),
        ("[bundle]", "[bundle", "not TOML"),
        ('file = "kws.npz", rows = "0:200"', 'rows = "0:200"', "one of them"),
        ('["probability"]', "[1]", "a list of names"),
        ('rows = "200:1000", labels = "label"', 'rows = "200:1000"', "needs labelled evaluation data"),
        (
            'rows = "0:200"',
            'rows = "0:201"',
            "rows are among the evaluation rows, and no row judges what it was used for",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in PROJECT
    with pytest.raises(ConfigError) as caught:
        parse(PROJECT.replace(old, new, 1))
    assert message in caught.value.message
    assert caught.value.message.startswith("edgewright.toml: ")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("fp32", ()),
        ("fp16", ("float16",)),
        ("dynamic_wi8_afp32", ({"quantize": {"precision": "dynamic_wi8_afp32"}},)),
        ("static_wi8_ai8", ({"quantize": {"precision": "static_wi8_ai8"}},)),
    ],
)
def test_the_name_of_a_precision_is_a_recipe(name: str, steps: tuple[Any, ...]) -> None:
    project = parse(PROJECT.replace('["fp32", "fp16"]', f'["{name}"]'))
    assert project.recipes[name] == steps


def test_a_recipe_that_is_written_down_counts_whatever_its_name() -> None:
    project = parse(PROJECT.replace('fp16 = ["float16"]', 'fp16 = ["equalize", "float16"]'))
    assert project.recipes["fp16"] == ("equalize", "float16")


def test_an_unknown_recipe_comes_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(PROJECT.replace('["fp32", "fp16"]', '["static_wi8_a8"]'))
    assert caught.value.hint == "did you mean 'static_wi8_ai8'?"


@pytest.mark.parametrize("said", ['"ranges.json"', '["ranges.json"]'])
def test_ranges_are_a_file_or_several(said: str) -> None:
    project = parse(PROJECT.replace("[data]", f"[data]\nranges = {said}"))
    assert project.data.ranges == ("ranges.json",)


def test_an_unknown_key_comes_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(PROJECT.replace("threads = 1", 'threads = 1\n[metrics]\nname = "top1"'))
    assert caught.value.hint == "did you mean 'metric'?"


@pytest.mark.parametrize(("rows", "count"), [("5:5", 10), ("0:11", 10), ("7:3", 10)])
def test_a_selection_that_selects_nothing_or_too_much_is_refused(rows: str, count: int) -> None:
    project = parse(PROJECT.replace('"kws.npz", rows = "0:200"', f'"other.npz", rows = "{rows}"'))
    with pytest.raises(ConfigError, match="select nothing"):
        project.data.calibration.bounds(count)


def test_data_without_rows_is_told_as_such() -> None:
    with pytest.raises(ConfigError, match=r"^other\.npz: there are no rows in it$"):
        Selection(file="other.npz").bounds(0)


def test_calibration_rows_stay_apart_from_the_evaluation_rows_where_tuning_rows_are_others() -> None:
    tuned = '[data]\ntuning = { file = "other.npz", labels = "label" }'
    with pytest.raises(ConfigError, match="calibration rows are among the evaluation rows"):
        parse(PROJECT.replace("[data]", tuned, 1).replace('rows = "0:200"', 'rows = "0:201"', 1))


@given(start=st.integers(0, 50), stop=st.integers(0, 50), count=st.integers(0, 50))
def test_bounds_lie_within_the_data_or_are_refused(start: int, stop: int, count: int) -> None:
    text = PROJECT.replace('"kws.npz", rows = "0:200"', f'"other.npz", rows = "{start}:{stop}"')
    selection = parse(text).data.calibration
    if start < stop <= count:
        assert selection.bounds(count) == (start, stop)
    else:
        with pytest.raises(ConfigError):
            selection.bounds(count)


@settings(max_examples=200)
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_cleanly(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


TOML_VALUES = st.sampled_from(['"text"', "3", "1.5", "true", "[]", '["a"]', "{}", "{ a = 1 }", "1979-05-27"])


@settings(max_examples=300)
@given(line=st.sampled_from([line for line in PROJECT.splitlines() if " = " in line]), value=TOML_VALUES)
def test_a_value_of_another_type_is_read_or_refused_with_its_file(line: str, value: str) -> None:
    key = line.split(" = ")[0]
    refusal = ""
    try:
        parse(PROJECT.replace(line, f"{key} = {value}"))
    except ConfigError as error:
        refusal = error.message
    assert refusal == "" or refusal.startswith("edgewright.toml: ")


def test_a_folder_without_a_project_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no project file") as caught:
        load_project(tmp_path)
    assert caught.value.hint is not None
    assert "edgewright init" in caught.value.hint


def test_labels_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("yes\nno\n")
    text = PROJECT.replace('["probability"]', '{ probability = { labels = "names.txt" } }')
    (tmp_path / "edgewright.toml").write_text(text)
    assert load_project(tmp_path).model.outputs["probability"].labels == ("yes", "no")


def test_a_missing_label_file_is_refused(tmp_path: Path) -> None:
    text = PROJECT.replace('["probability"]', '{ probability = { labels = "names.txt" } }')
    (tmp_path / "edgewright.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"model\.outputs\.probability\.labels: .*names\.txt"):
        load_project(tmp_path)


def test_the_hint_of_an_unknown_section_lists_sections_only() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(PROJECT + "\n[zzz]\n")
    assert caught.value.hint == "known keys here: bundle, data, devices, gates, metric, model, recipes, targets"


def test_an_inputs_label_file_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\nb\n")
    (tmp_path / "edgewright.toml").write_text(PROJECT.replace('dtype = "float32"', 'labels = "names.txt"'))
    assert load_project(tmp_path).model.inputs["mfcc"].labels == ("a", "b")


def test_one_file_spelled_in_two_ways_is_one_file() -> None:
    one, other = Selection(file="a.npz", rows="0:8"), Selection(file="./b/../a.npz", rows="4:9")
    assert one.overlaps(other)
    assert not one.overlaps(Selection(file="b.npz", rows="4:9"))


def test_golden_rows_need_evaluation_data() -> None:
    text = PROJECT.replace('version = "1.0.0"', 'version = "1.0.0"\ngolden_rows = "0:4"')
    text = text.replace('[metric]\nname = "top1"\n', "").replace("evaluation =", "tuning =")
    with pytest.raises(ConfigError, match="golden_rows names rows of evaluation data, and there is none"):
        parse(text)


@pytest.mark.parametrize("key", ["recipes", "formats"])
def test_a_target_of_which_nothing_would_be_built_is_refused(key: str) -> None:
    section = f"[targets.onnxruntime]\n{key} = []"
    with pytest.raises(ConfigError, match=f"targets.onnxruntime.{key} is empty, so nothing would be built"):
        parse(PROJECT.replace('[targets.onnxruntime]\nrecipes = ["fp32"]', section))
