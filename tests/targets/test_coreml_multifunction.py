"""Several variants in one package: a function for each, and equal weights once."""

import dataclasses
import json

import msgspec
import numpy as np
import pytest
from edgewright_fake_core_ml import MLModel, Runtime
from onnx import helper

from edgewright.compiler.passes.float16 import Float16
from edgewright.targets.base import Joining, Options, Part
from edgewright.targets.coreml.interpreter.reader import read_package
from edgewright.targets.coreml.interpreter.session import Session
from edgewright.targets.coreml.interpreter.weights import bytes_of, weights_of
from edgewright.targets.coreml.runtime import CoreML as Emulated
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import RequestError

ASKED = {"multifunction": True}
X = np.random.default_rng(5).standard_normal((3, 128)).astype(np.float32)


def part_of(model, folder, variant, dims=None, **settings):
    """Compile a variant."""
    folder.mkdir()
    options = Options(variant=variant, settings=ASKED | settings, dims=dims or {})
    return Part(artifact=CoreML().compile(model, options, folder), folder=folder)


@pytest.fixture
def parts(perceptron, tmp_path):
    """The same weights for three rows and for one to eight, and those of half as many bytes."""
    return (
        part_of(perceptron, tmp_path / "three", "fp32", {"rows": 3}),
        part_of(perceptron, tmp_path / "any", "fp32-any", flexible={"rows": "1..8"}),
        part_of(Float16()(perceptron), tmp_path / "half", "fp16", {"rows": 3}),
    )


@pytest.fixture
def joined(parts, tmp_path):
    (out := tmp_path / "joined").mkdir()
    return out, CoreML().join(parts, out)


def total(artifact):
    return sum(file.size_bytes for file in artifact.files if file.path.startswith("model.mlpackage/"))


def test_only_a_project_that_asks_gets_it():
    assert isinstance(CoreML(), Joining)
    assert [CoreML().joins(settings) for settings in ({}, {"multifunction": False}, ASKED)] == [False, False, True]


def test_every_artifact_is_opened_by_a_file_of_its_own_and_shares_the_rest(joined):
    out, artifacts = joined
    openers = [artifact.files[0].path for artifact in artifacts]
    assert openers == ["fp32.function.json", "fp32_any.function.json", "fp16.function.json"]
    assert json.loads((out / openers[1]).read_text()) == {"function": "fp32_any", "package": "model.mlpackage"}
    assert len({artifact.files[1:] for artifact in artifacts}) == 1
    assert {artifact.requires.min_runtime_version for artifact in artifacts} == {"8"}
    on_disk = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert on_disk == sorted({file.path for artifact in artifacts for file in artifact.files})


def test_each_function_computes_what_its_own_package_did(joined, parts):
    out, artifacts = joined
    for part, artifact in zip(parts, artifacts, strict=True):
        alone = Emulated().load(part.folder / part.artifact.files[0].path, RunOptions()).run({"x": X})
        together = Emulated().load(out / artifact.files[0].path, RunOptions()).run({"x": X})
        assert np.array_equal(alone["y"], together["y"])


def test_only_the_function_with_open_rows_takes_others(joined):
    out, (fixed, flexible, _) = joined
    assert Emulated().load(out / flexible.files[0].path, RunOptions()).run({"x": X[:2]})["y"].shape == (2, 128)
    with pytest.raises(ValueError, match=r"\[2, 128\]"):
        Emulated().load(out / fixed.files[0].path, RunOptions()).run({"x": X[:2]})


def test_equal_weights_are_in_the_file_once(joined, parts):
    out, artifacts = joined
    program = read_package(out / "model.mlpackage")
    found = weights_of(program)
    weights = 2 * 128 * 512 + 512 + 128  # a linear operation has a bias, of zeros here
    assert bytes_of(frozenset().union(*(weight.parts for weight in found))) == weights * 4 + weights * 2
    assert bytes_of(frozenset().union(*(weight.parts for weight in found if weight.function != "fp16"))) == weights * 4
    assert total(artifacts[0]) < sum(part.artifact.size_bytes for part in parts) - weights * 4
    [note] = [note.text for note in artifacts[0].notes if note.step == "multifunction"]
    assert note == (
        f"one package of {total(artifacts[0])} bytes with the functions fp32, fp32_any, fp16; "
        f"packages of their own would have {sum(part.artifact.size_bytes for part in parts)}"
    )


def test_the_bytes_are_the_same_again(joined, parts, tmp_path):
    (again := tmp_path / "again").mkdir()
    assert CoreML().join(parts, again) == joined[1]


def test_coremltools_reads_what_was_written(joined):
    """Its reader of programs follows every place of a weight."""
    from coremltools.converters.mil.frontend.milproto.load import load
    from coremltools.proto import Model_pb2

    out, _ = joined
    items = out / "model.mlpackage" / "Data" / "com.apple.CoreML"
    spec = Model_pb2.Model.FromString((items / "model.mlmodel").read_bytes())
    assert (spec.specificationVersion, spec.description.defaultFunctionName) == (9, "fp32")
    assert [each.name for each in spec.description.functions] == ["fp32", "fp32_any", "fp16"]
    assert not spec.description.input
    assert set(load(spec, spec.specificationVersion, str(items / "weights")).functions) == {"fp32", "fp32_any", "fp16"}


def test_the_package_itself_runs_its_first_function(joined):
    out, _ = joined
    assert Session(out / "model.mlpackage").function.name == "fp32"
    assert Emulated().load(out / "model.mlpackage", RunOptions()).run({"x": X})["y"].shape == (3, 128)


def test_names_that_core_ml_does_not_take_are_found_again_in_each_function(make_hub, tmp_path):
    model = make_hub([helper.make_node("Relu", ["a b"], ["c;d"], "r")], {"a b": [1, 4]}, {"c;d": [1, 4]})
    parts = [part_of(model, tmp_path / name, name) for name in ("one", "two")]
    (out := tmp_path / "out").mkdir()
    for artifact in CoreML().join(parts, out):
        given = np.float32([[-1, 0, 2, 3]])
        names = artifact.signature.inputs[0].name, artifact.signature.outputs[0].name
        session = Emulated().load(out / artifact.files[0].path, RunOptions())
        assert session.run({names[0]: given})[names[1]].tolist() == [[0, 0, 2, 3]]


def test_core_ml_itself_is_told_the_function(joined):
    out, artifacts = joined
    for artifact in artifacts[:2]:
        assert Runtime().load(out / artifact.files[0].path, RunOptions()).run({"x": X})["y"].shape == (3, 128)
    assert MLModel.loaded[0] == str(out / "model.mlpackage")
    with pytest.raises(ValueError, match=r"input 'x' is float32\[3, 128\], got float32\[2, 128\]"):
        Runtime().load(out / artifacts[0].files[0].path, RunOptions()).run({"x": X[:2]})


def test_variants_of_one_name_of_a_function_are_refused(parts, tmp_path):
    other = msgspec.structs.replace(parts[0].artifact, variant="fp32_any")
    (out := tmp_path / "out").mkdir()
    with pytest.raises(RequestError, match="two variants would be the function 'fp32_any'"):
        CoreML().join([parts[1], dataclasses.replace(parts[0], artifact=other)], out)


@pytest.mark.parametrize(
    "text",
    [
        '{"function": "f"}',
        '{"function": "f", "package": "../x.mlpackage"}',
        "[]",
        '{"function": 1, "package": "p"}',
        "x",
    ],
)
def test_a_file_that_names_no_function_is_refused(tmp_path, text):
    (tmp_path / "a.function.json").write_text(text)
    with pytest.raises(ValueError, match="no function of a package"):
        Emulated().load(tmp_path / "a.function.json", RunOptions())
