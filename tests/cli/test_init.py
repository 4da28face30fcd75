import stat
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.cli.draft import DataDraft, Draft, TargetDraft, data_draft, metric_for, target_draft
from edgewright.cli.targets import target_state
from edgewright.cli.template import project_text
from edgewright.pipeline.config import load_project, parse_project
from edgewright.pipeline.peek import ArrayHead
from edgewright.pipeline.plan import plan_artifacts
from edgewright.pipeline.settling import check_searches
from edgewright.vocabulary.errors import DataError
from edgewright.vocabulary.signature import Signature, TensorDeclaration, TensorSpec
from edgewright.web.assets import NODE_VARIABLE

SIGNATURE = Signature(
    inputs=(TensorSpec(name="image", dtype="float32", shape=("batch", 1, 8, 8)),),
    outputs=(TensorSpec(name="probability", dtype="float32", shape=("batch", 10)),),
)
IMAGES = ArrayHead(dtype="float32", kind="f", shape=(600, 1, 8, 8))
LABELS = ArrayHead(dtype="int64", kind="i", shape=(600,))


def draft(**changes):
    values = {
        "source": "digits.onnx",
        "args": (),
        "declared": {},
        "outputs": (),
        "dims": {},
        "signature": SIGNATURE,
        "data": None,
        "metric": None,
        "no_integers": None,
        "targets": (TargetDraft(name="onnxruntime", recipes=("fp32",), fix=None),),
        "name": "digits",
        "has_key": False,
    }
    return Draft(**(values | changes))


def parsed(tmp_path, **changes):
    return parse_project(project_text(draft(**changes)), folder=tmp_path)


def test_it_looks_at_what_is_in_the_folder(edgewright, digits_here, monkeypatch):
    monkeypatch.setenv("EDGEWRIGHT_SIGNING_KEY", "a key")
    monkeypatch.setenv(NODE_VARIABLE, sys.executable)  # any program: it is looked for, and not started
    said = edgewright("init")
    assert (said.exit_code, said.stdout) == (0, "wrote edgewright.toml\n")
    project = load_project(digits_here)
    assert project.model.source == "digits.onnx"
    assert (project.data.calibration.file, project.data.calibration.rows) == ("digits.npz", "0:120")
    assert (project.data.tuning.rows, project.data.tuning.labels) == ("120:240", "label")
    assert (project.data.evaluation.rows, project.data.evaluation.labels) == ("240:600", "label")
    assert project.metric.name == "top1"
    assert {name: target.recipes for name, target in project.targets.items()} == {
        "onnxruntime": ("fp32", "int8"),
        "tflite": ("fp32", "fp16", "int8"),
        "coreml": ("fp32", "fp16", "int8"),
        "tfjs": ("fp32", "fp16"),
    }
    assert project.recipes["int8"] == ({"quantize": {"precision": "static_wi8_ai8"}},)
    assert project.gates == {"max_drop": "1.0 pp"}
    assert (project.bundle.name, project.bundle.signing_key) == ("digits", "env:EDGEWRIGHT_SIGNING_KEY")


def test_the_signature_stands_in_the_comments(edgewright, digits_here):
    edgewright("init", "digits.onnx")
    text = (digits_here / "edgewright.toml").read_text()
    assert "#   in  image        float32[batch, 1, 8, 8]\n#   out probability  float32[batch, 10]\n" in text


def test_paths_are_relative_to_the_project_file(edgewright, digits_here):
    (digits_here / "project").mkdir()
    edgewright("init", "digits.onnx", "--data", "digits.npz", "-C", "project")
    project = load_project(digits_here / "project")
    assert project.model.source == "../digits.onnx"
    assert project.data.evaluation.file == "../digits.npz"


def test_a_project_file_that_is_there_is_kept(edgewright, digits_here):
    (digits_here / "edgewright.toml").write_text("mine")
    said = edgewright("init")
    assert said.exit_code == 2
    assert said.stderr == "error: edgewright.toml is already there\nhint: --force overwrites it\n"
    assert (digits_here / "edgewright.toml").read_text() == "mine"


def test_force_overwrites(edgewright, digits_here):
    (digits_here / "edgewright.toml").write_text("mine")
    assert edgewright("init", "--force").exit_code == 0
    assert load_project(digits_here).model.source == "digits.onnx"


def test_the_file_has_the_mode_of_any_new_file_and_nothing_is_left_beside_it(edgewright, digits_here):
    edgewright("init")
    (digits_here / "other").touch()
    assert stat.S_IMODE((digits_here / "edgewright.toml").stat().st_mode) == stat.S_IMODE(
        (digits_here / "other").stat().st_mode
    )
    assert {path.name for path in digits_here.iterdir()} == {"digits.onnx", "digits.npz", "edgewright.toml", "other"}


def test_json_says_what_was_found(edgewright, digits_here, monkeypatch):
    monkeypatch.setenv(NODE_VARIABLE, sys.executable)
    document = edgewright("init", "--json").document
    assert document == {
        "data": "digits.npz",
        "labels": "label",
        "metric": "top1",
        "model": "digits.onnx",
        "path": "edgewright.toml",
        "targets": ["onnxruntime", "tflite", "coreml", "tfjs"],
    }


def test_an_empty_folder_asks_which_model(edgewright):
    said = edgewright("init")
    assert said.exit_code == 2
    assert said.stderr.startswith("error: which model? this folder holds none\n")


def test_two_models_ask_which_one(edgewright, digits_here):
    (digits_here / "other.onnx").touch()
    assert edgewright("init").stderr.startswith("error: which model? this folder holds digits.onnx, other.onnx\n")


def test_a_file_that_is_no_model_leaves_nothing(edgewright, tmp_path):
    (tmp_path / "model.onnx").write_text("no model")
    assert edgewright("init").exit_code == 2
    assert not (tmp_path / "edgewright.toml").exists()


def test_data_that_does_not_fit_names_what_it_holds(edgewright, digits_here):
    np.savez(digits_here / "other.npz", x=np.zeros((3, 5), np.float32))
    said = edgewright("init", "digits.onnx", "--data", "other.npz")
    assert said.exit_code == 2
    assert "other.npz has no array for input 'image' (float32[batch, 1, 8, 8])" in said.stderr
    assert "it holds x float32[3, 5]" in said.stderr


def test_data_that_is_no_npz_is_a_wrong_request(edgewright, digits_here):
    (digits_here / "other.npz").write_text("no zip")
    assert edgewright("init", "digits.onnx", "--data", "other.npz").exit_code == 2


@pytest.mark.parametrize(
    ("row_count", "calibration", "tuning", "evaluation"),
    [
        (9, None, None, "0:9"),
        (10, "0:2", None, "2:10"),
        (99, "0:19", None, "19:99"),
        (100, "0:20", "20:40", "40:100"),
        (1000, "0:200", "200:400", "400:1000"),
        (100_000, "0:500", "500:1500", "1500:100000"),
    ],
)
def test_rows_are_split_and_none_is_in_two_parts(row_count, calibration, tuning, evaluation):
    heads = {
        "image": ArrayHead(dtype="float32", kind="f", shape=(row_count, 1, 8, 8)),
        "label": ArrayHead(dtype="int64", kind="i", shape=(row_count,)),
    }
    found = data_draft("data.npz", heads, SIGNATURE, None)
    assert (found.calibration, found.tuning, found.evaluation) == (calibration, tuning, evaluation)


def test_without_labels_no_rows_are_kept_for_searches():
    found = data_draft("data.npz", {"image": IMAGES}, SIGNATURE, None)
    assert (found.calibration, found.tuning, found.evaluation) == ("0:120", None, "120:600")


def test_integers_are_asked_for_where_there_are_rows_to_calibrate_on():
    state = target_state("tflite")
    assert target_draft(state, calibrates=True).recipes == ("fp32", "fp16", "int8")
    assert target_draft(state, calibrates=False).recipes == ("fp32", "fp16")


def test_without_rows_to_calibrate_on_the_integers_say_what_they_need(tmp_path):
    assert "int8" not in parsed(tmp_path).recipes
    assert '"static_wi8_ai8" } }]   # computed in integers; needs data.calibration\n' in project_text(draft())


def test_a_model_that_was_quantized_is_not_quantized_again(edgewright, digits_here):
    model = onnx.load(digits_here / "digits.onnx")
    (output,) = (node for node in model.graph.node if "probability" in node.output)
    output.output[0] = "exact"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(1 / 255), "scale"))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.uint8(0), "zero"))
    model.graph.node.append(onnx.helper.make_node("QuantizeLinear", ["exact", "scale", "zero"], ["integers"]))
    model.graph.node.append(onnx.helper.make_node("DequantizeLinear", ["integers", "scale", "zero"], ["probability"]))
    onnx.save(model, digits_here / "digits.onnx")
    edgewright("init")
    text = (digits_here / "edgewright.toml").read_text()
    assert "# No integers: the model has integers already, and they keep their scales.\n" in text
    assert load_project(digits_here).targets["tflite"].recipes == ("fp32", "fp16")


def test_a_model_without_products_is_not_quantized(edgewright, digits_here):
    sine = onnx.helper.make_node("Sin", ["x"], ["y"])
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 1, 8, 8]) for name in "xy")
    graph = onnx.helper.make_graph([sine], "sine", [x], [y])
    opset = onnx.helper.make_opsetid("", 18)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10), digits_here / "digits.onnx")
    edgewright("init")
    text = (digits_here / "edgewright.toml").read_text()
    assert "# No integers: the model has no convolutions or products to compute in integers.\n" in text
    assert load_project(digits_here).targets["onnxruntime"].recipes == ("fp32",)


def test_the_drop_has_the_unit_of_the_metric(tmp_path):
    data = DataDraft(
        file="d.npz", row_count=600, calibration="0:120", tuning="120:240", evaluation="240:600", labels="y", inputs={}
    )
    assert parsed(tmp_path, data=data, metric="mse").gates == {"max_drop": "1.0 %"}
    assert 'max_drop = "1.0 %" } }]' in project_text(draft(data=data, metric="mse"))
    assert 'max_drop = "1.0 pp" } }]' in project_text(draft(data=data, metric="top1"))


def test_the_search_that_stands_in_a_comment_can_be_asked_for(edgewright, digits_here):
    edgewright("init")
    text = (digits_here / "edgewright.toml").read_text()
    asked = text.replace("# mixed =", "mixed =").replace('["fp32", "int8"]', '["fp32", "mixed"]')
    project = parse_project(asked, folder=digits_here)
    check_searches(project, plan_artifacts(project))


def test_an_array_is_found_by_dtype_and_shape_where_names_differ():
    heads = {"x": IMAGES, "label": LABELS, "noise": ArrayHead(dtype="float64", kind="f", shape=(600, 1, 8, 8))}
    assert data_draft("data.npz", heads, SIGNATURE, None).inputs == {"image": "x"}


def test_labels_that_are_not_there_are_an_error():
    with pytest.raises(DataError, match="no array 'labels'"):
        data_draft("data.npz", {"image": IMAGES}, SIGNATURE, "labels")


@pytest.mark.parametrize(
    ("labels", "metric"),
    [
        (LABELS, "top1"),
        (ArrayHead(dtype="float32", kind="f", shape=(600, 10)), "mse"),
        (ArrayHead(dtype="<U8", kind="U", shape=(600,)), None),
        (ArrayHead(dtype="int64", kind="i", shape=(600, 4)), None),
    ],
)
def test_the_metric_follows_from_the_labels(labels, metric):
    heads = {"image": IMAGES, "label": labels}
    assert metric_for(data_draft("data.npz", heads, SIGNATURE, None), heads, SIGNATURE) == metric


def test_a_draft_without_data_says_how_to_add_some(tmp_path):
    assert parsed(tmp_path).data.evaluation is None
    assert '# evaluation = { file = "data.npz"' in project_text(draft())


def test_a_target_that_is_not_installed_is_commented_out_with_the_command(tmp_path):
    missing = TargetDraft(name="tflite", recipes=("fp32",), fix="pip install 'edgewright[tflite]'")
    text = project_text(draft(targets=(*draft().targets, missing)))
    assert "# Not installed here; first: pip install 'edgewright[tflite]'\n# [targets.tflite]\n" in text
    assert list(parse_project(text, folder=tmp_path).targets) == ["onnxruntime"]


def test_a_factory_keeps_what_was_declared_of_it(tmp_path):
    declared = {"image": TensorDeclaration(shape=("batch", 1, 8, 8), dtype="float32")}
    model = parsed(
        tmp_path, source="net.py:load", args=("weights.pt",), declared=declared, outputs=("probability",)
    ).model
    assert (model.source, model.args, model.inputs) == ("net.py:load", ("weights.pt",), declared)
    assert list(model.outputs) == ["probability"]


def test_open_dimensions_inside_a_shape_are_named():
    signature = Signature(
        inputs=(TensorSpec(name="ids", dtype="int64", shape=("batch", "length")),), outputs=SIGNATURE.outputs
    )
    assert "# dims = { length = 1 }" in project_text(draft(signature=signature))


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@settings(deadline=None)
@given(names, names, names, names)
def test_any_name_survives_the_way_through_the_file(source, array, tensor, argument):
    signature = Signature(inputs=(TensorSpec(name=tensor, dtype="int8", shape=(1,)),), outputs=SIGNATURE.outputs)
    rows = {"row_count": 99, "calibration": "0:19", "tuning": "19:38", "evaluation": "38:99"}
    data = DataDraft(file=source, labels=array, inputs={tensor: array}, **rows)
    text = project_text(draft(source=source, args=(argument,), signature=signature, data=data, metric="top1"))
    project = parse_project(text, folder=Path())
    assert (project.model.source, project.model.args) == (source, (argument,))
    for part in (project.data.tuning, project.data.evaluation):
        assert (part.file, part.labels, part.inputs) == (source, array, {tensor: array})


def test_a_device_is_written_for_what_this_machine_does_not_open(tmp_path):
    targets = (
        TargetDraft(name="onnxruntime", recipes=("fp32",), fix=None),
        TargetDraft(name="tfjs", recipes=("fp32", "fp16"), fix=None, device="chromium"),
    )
    project = parsed(tmp_path, targets=targets)
    assert project.devices == {
        "here": {"kind": "local", "threads": 1},
        "chromium": {"kind": "browser", "backend": "wasm"},
    }


def test_a_checkout_without_files_for_the_web_is_told_to_build_them(monkeypatch, tmp_path):
    monkeypatch.setattr("edgewright.web.assets.DIST", tmp_path)
    drafted = target_draft(target_state("tfjs"), calibrates=False)
    assert drafted.fix == "run `make web` in the checkout, which builds what opens its artifacts"


def test_no_device_is_written_for_a_target_that_cannot_be_run_here(tmp_path):
    missing = TargetDraft(name="tfjs", recipes=("fp32",), fix="install Node 20", device="node")
    here = TargetDraft(name="onnxruntime", recipes=("fp32",), fix=None)
    project = parsed(tmp_path, targets=(here, missing))
    assert (list(project.devices), list(project.targets)) == (["here"], ["onnxruntime"])
