from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgewright.compiler.importers.request import Imported
from edgewright.compiler.model import Model
from edgewright.vocabulary.digest import digest_file
from edgewright.vocabulary.errors import ConfigError, ModelError, ToolError
from edgewright.vocabulary.signature import TensorDeclaration

FLOAT = onnx.TensorProto.FLOAT
Write, Read, Same = Callable[..., Path], Callable[..., Imported], Callable[..., None]


def linear() -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    nodes = [onnx.helper.make_node("Gemm", ["x", "w", "b"], ["h"]), onnx.helper.make_node("Relu", ["h"], ["y"])]
    generator = np.random.default_rng(0)
    return nodes, {
        "w": generator.standard_normal((300, 4)).astype(np.float32),
        "b": generator.standard_normal(4).astype(np.float32),
    }


@pytest.fixture
def model_file(write_onnx: Write) -> Path:
    nodes, weights = linear()
    return write_onnx(nodes, {"x": (FLOAT, ("n", 300))}, {"y": (FLOAT, ("n", 4))}, weights)


@pytest.fixture
def external_file(model_file: Path) -> Path:
    path = model_file.with_name("external.onnx")
    onnx.save(onnx.load(model_file), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


X = np.random.default_rng(1).standard_normal((3, 300)).astype(np.float32)


def test_names_shapes_and_dtypes_are_those_of_the_model(model_file: Path, read: Read) -> None:
    signature = read(model_file).model.signature
    assert [(spec.name, spec.dtype, spec.shape) for spec in signature.inputs] == [("x", "float32", ("n", 300))]
    assert [(spec.name, spec.dtype, spec.shape) for spec in signature.outputs] == [("y", "float32", ("n", 4))]


def test_it_computes_what_the_original_does(model_file: Path, read: Read, same: Same) -> None:
    same(read(model_file), {"x": X})


def test_the_file_is_what_the_import_read(model_file: Path, read: Read) -> None:
    assert read(model_file).files == (model_file,)


def test_the_users_files_are_only_read(external_file: Path, read: Read, same: Same) -> None:
    def state() -> dict[str, tuple[str, int]]:
        return {path.name: (digest_file(path), path.stat().st_mtime_ns) for path in external_file.parent.iterdir()}

    before = state()
    external_file.parent.chmod(0o555)
    try:
        same(read(external_file), {"x": X})
    finally:
        external_file.parent.chmod(0o755)
    assert state() == before


def test_external_data_is_read_and_listed(external_file: Path, read: Read, same: Same) -> None:
    imported = read(external_file)
    assert imported.files == (external_file, external_file.with_name("weights.bin"))
    same(imported, {"x": X})


def test_a_saved_model_holds_its_weights(
    external_file: Path, read: Read, tmp_path: Path, run: Callable[..., Any]
) -> None:
    imported = read(external_file)
    folder = tmp_path / "saved"
    folder.mkdir()
    imported.model.save(folder)
    external_file.with_name("weights.bin").unlink()
    loaded = Model.load(folder)
    assert (loaded.signature, loaded.source) == (imported.model.signature, imported.model.source)
    assert run(loaded, {"x": X})["y"].shape == (3, 4)


def test_the_source_digest_covers_external_data(external_file: Path, read: Read) -> None:
    before = read(external_file).model.source.digest
    weights = external_file.with_name("weights.bin")
    weights.write_bytes(bytes(reversed(weights.read_bytes())))
    assert read(external_file).model.source.digest != before


def test_missing_external_data_is_refused(external_file: Path, read: Read) -> None:
    external_file.with_name("weights.bin").unlink()
    with pytest.raises(ModelError, match=r"the weights of 'w' lie in 'weights\.bin', which is not there"):
        read(external_file)


def test_truncated_external_data_is_refused(external_file: Path, read: Read) -> None:
    weights = external_file.with_name("weights.bin")
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(ModelError, match=r"'weights\.bin' is truncated"):
        read(external_file)


@pytest.mark.parametrize("location", ["../outside.bin", "/etc/hostname"])
def test_external_data_outside_the_folder_is_refused(location: str, external_file: Path, read: Read) -> None:
    model = onnx.load(external_file, load_external_data=False)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = location
    external_file.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="outside the model's folder"):
        read(external_file)


def test_external_data_behind_a_link_out_of_the_folder_is_refused(
    external_file: Path, read: Read, tmp_path_factory: pytest.TempPathFactory
) -> None:
    weights = external_file.with_name("weights.bin")
    outside = tmp_path_factory.mktemp("outside") / "weights.bin"
    outside.write_bytes(weights.read_bytes())
    weights.unlink()
    weights.symlink_to(outside)
    with pytest.raises(ModelError, match="outside the model's folder"):
        read(external_file)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "an empty file"),
        (zipped(), "a zip archive"),
        (pickle.dumps([1, 2, 3]), "a pickle"),
        (b"\x89HDF\r\n\x1a\n" + bytes(64), "an HDF5 file"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(64), "a TFLite model"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"hello, world, this is text", "not an ONNX model"),
        (np.random.default_rng(0).bytes(1000), "not an ONNX model"),
    ],
)
def test_a_file_that_is_no_model_is_refused_with_what_it_seems_to_be(
    content: bytes, kind: str, tmp_path: Path, read: Read
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=kind):
        read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, read: Read) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file or directory"):
        read(tmp_path / "model.onnx")


def test_a_truncated_file_is_refused_wherever_it_ends(model_file: Path, read: Read) -> None:
    content = model_file.read_bytes()
    for length in range(1, len(content), 211):
        model_file.write_bytes(content[:length])
        with pytest.raises(ModelError):
            read(model_file)


def test_an_invalid_graph_is_refused_with_the_checkers_words(write_onnx: Write, read: Read) -> None:
    path = write_onnx([onnx.helper.make_node("Relu", ["nothing"], ["y"])], {"x": (FLOAT, (2,))}, {"y": (FLOAT, (2,))})
    with pytest.raises(ModelError, match=r"not a valid ONNX model: .*nothing"):
        read(path)


def test_outputs_without_a_shape_are_inferred(write_onnx: Write, read: Read) -> None:
    path = write_onnx([onnx.helper.make_node("Flatten", ["x"], ["y"])], {"x": (FLOAT, (2, 3, 4))}, {"y": (FLOAT, None)})
    assert read(path).model.signature.output("y").shape == (2, 12)


def test_dimensions_without_a_name_get_one(write_onnx: Write, read: Read) -> None:
    path = write_onnx(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, (None, 3))}, {"y": (FLOAT, (None, 3))}
    )
    signature = read(path).model.signature
    assert (signature.input("x").shape, signature.output("y").shape) == (("x_0", 3), ("y_0", 3))


def test_dimensions_are_fixed_on_request(model_file: Path, read: Read) -> None:
    model = read(model_file, dims={"n": 2}).model
    assert model.signature.input("x").shape == (2, 300)
    assert model.signature.output("y").shape == (2, 4)
    assert [list(value.shape) for value in model.graph.outputs] == [[2, 4]]


def test_a_dimension_that_is_not_there_cannot_be_fixed(model_file: Path, read: Read) -> None:
    with pytest.raises(ConfigError, match="no input has a dimension named 'batch'") as caught:
        read(model_file, dims={"batch": 2})
    assert caught.value.hint == "symbolic dimensions: n"


def test_a_declared_name_replaces_the_models_everywhere(model_file: Path, read: Read) -> None:
    signature = read(model_file, inputs={"x": TensorDeclaration(shape=("batch", 300))}).model.signature
    assert (signature.input("x").shape, signature.output("y").shape) == (("batch", 300), ("batch", 4))


def test_a_declared_size_fixes_the_models_dimension_everywhere(model_file: Path, read: Read) -> None:
    signature = read(model_file, inputs={"x": TensorDeclaration(shape=(5, 300))}).model.signature
    assert (signature.input("x").shape, signature.output("y").shape) == ((5, 300), (5, 4))


def test_what_the_model_does_not_say_is_taken_from_the_declaration(model_file: Path, read: Read) -> None:
    declared = {"x": TensorDeclaration(range=(0.0, 1.0), layout="NC")}
    spec = read(
        model_file, inputs=declared, outputs={"y": TensorDeclaration(labels=("a", "b", "c", "d"))}
    ).model.signature
    assert (spec.input("x").range, spec.input("x").layout) == ((0.0, 1.0), "NC")
    assert spec.output("y").labels == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"z": TensorDeclaration()}, "no input named 'z'"),
        ({"x": TensorDeclaration(dtype="int8")}, "is float32 in the model, int8 was declared"),
        ({"x": TensorDeclaration(shape=("n", 299))}, r"has shape \['n', 300\] in the model, \['n', 299\] was declared"),
        ({"x": TensorDeclaration(shape=("n",))}, "was declared"),
    ],
)
def test_a_declaration_that_contradicts_the_model_is_refused(
    declared: dict[str, TensorDeclaration], words: str, model_file: Path, read: Read
) -> None:
    with pytest.raises(ConfigError, match=words):
        read(model_file, inputs=declared)


def test_named_outputs_are_kept_and_the_others_cut(write_onnx: Write, read: Read, same: Same) -> None:
    nodes = [onnx.helper.make_node("Relu", ["x"], ["a"]), onnx.helper.make_node("Abs", ["x"], ["b"])]
    path = write_onnx(nodes, {"x": (FLOAT, (3,))}, {"a": (FLOAT, (3,)), "b": (FLOAT, (3,))})
    imported = read(path, outputs={"b": TensorDeclaration()})
    assert [spec.name for spec in imported.model.signature.outputs] == ["b"]
    same(imported, {"x": np.array([-1, 0, 2], np.float32)})


def test_unnamed_nodes_get_the_same_names_each_time(model_file: Path, read: Read) -> None:
    assert [node.name for node in read(model_file).model.graph] == ["Gemm_0", "Relu_1"]
    assert [node.name for node in read(model_file).model.graph] == ["Gemm_0", "Relu_1"]


def test_functions_are_inlined(write_onnx: Write, read: Read, same: Same) -> None:
    function = onnx.helper.make_function(
        "local",
        "Twice",
        ["a"],
        ["c"],
        [onnx.helper.make_node("Add", ["a", "a"], ["c"])],
        [onnx.helper.make_opsetid("", 20)],
    )
    node = onnx.helper.make_node("Twice", ["x"], ["y"], domain="local")
    path = write_onnx(
        [node], {"x": (FLOAT, (2,))}, {"y": (FLOAT, (2,))}, domains=["local"], functions=[function], ir_version=9
    )
    imported = read(path)
    assert [node.op_type for node in imported.model.graph] == ["Add"]
    same(imported, {"x": np.array([1, 2], np.float32)})


def test_weights_in_constant_nodes_become_initializers(write_onnx: Write, read: Read, same: Same) -> None:
    weight = onnx.numpy_helper.from_array(np.eye(3, dtype=np.float32))
    nodes = [
        onnx.helper.make_node("Constant", [], ["w"], value=weight),
        onnx.helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    imported = read(write_onnx(nodes, {"x": (FLOAT, (2, 3))}, {"y": (FLOAT, (2, 3))}))
    assert list(imported.model.graph.initializers) == ["w"]
    same(imported, {"x": np.ones((2, 3), np.float32)})


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (
            onnx.helper.make_node("RandomNormalLike", ["x"], ["y"], name="noise"),
            r"node 'noise' \(RandomNormalLike\) draws random",
        ),
        (onnx.helper.make_node("Bernoulli", ["x"], ["y"], name="coin"), r"node 'coin' \(Bernoulli\) draws random"),
    ],
)
def test_randomness_is_refused(node: onnx.NodeProto, words: str, write_onnx: Write, read: Read) -> None:
    with pytest.raises(ModelError, match=words):
        read(write_onnx([node], {"x": (FLOAT, (2,))}, {"y": (FLOAT, (2,))}))


def test_strings_are_refused(write_onnx: Write, read: Read) -> None:
    kind = onnx.TensorProto.STRING
    path = write_onnx([onnx.helper.make_node("Identity", ["x"], ["y"])], {"x": (kind, (2,))}, {"y": (kind, (2,))})
    with pytest.raises(ModelError, match="'x' holds strings"):
        read(path)


def test_sequences_are_refused_by_name(write_onnx: Write, read: Read) -> None:
    nodes = [
        onnx.helper.make_node("SequenceConstruct", ["x", "x"], ["s"], name="pair"),
        onnx.helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0),
    ]
    with pytest.raises(ModelError, match=r"node 'pair' \(SequenceConstruct\) works on sequences"):
        read(write_onnx(nodes, {"x": (FLOAT, (2,))}, {"y": (FLOAT, (4,))}))


def test_sparse_weights_are_refused(model_file: Path, read: Read) -> None:
    model = onnx.load(model_file)
    values = onnx.helper.make_tensor("s", FLOAT, [1], [1.0])
    places = onnx.helper.make_tensor("s_places", onnx.TensorProto.INT64, [1], [3])
    model.graph.sparse_initializer.append(onnx.helper.make_sparse_tensor(values, places, [10]))
    onnx.save(model, model_file)
    with pytest.raises(ModelError, match="the weights of 's' are stored sparsely"):
        read(model_file)


def test_a_failing_original_is_a_tool_error(model_file: Path, read: Read) -> None:
    with pytest.raises(ToolError, match="the original model fails on these inputs"):
        read(model_file).original.run({"x": X[:, :7]})


def test_no_torch_is_imported(model_file: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path\n"
        "from edgewright.compiler.importers.request import Request\n"
        "from edgewright.compiler.importers.table import import_model\n"
        f"import_model(Request(reference={model_file.name!r}, folder=Path({str(model_file.parent)!r})))\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, env={**os.environ}).returncode == 0
