from __future__ import annotations

import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported, Request
from edgewright.compiler.importers.table import import_model
from edgewright.vocabulary.errors import ConfigError, MissingExtraError, ModelError
from edgewright.vocabulary.signature import TensorDeclaration

Run, Same = Callable[..., dict[str, np.ndarray]], Callable[..., None]

NET = """
import torch
from torch import nn
from sizes import HIDDEN


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, HIDDEN, 3), nn.BatchNorm2d(HIDDEN), nn.Linear(HIDDEN, 3)

    def forward(self, image):
        return self.head(torch.relu(self.norm(self.conv(image))).mean((2, 3)))


def load(weights):
    net = Net()
    net.load_state_dict(torch.load(weights, weights_only=True))
    return net


def two_inputs():
    class Two(nn.Module):
        def forward(self, a, b, c=None):
            return {"sum": a + b, "parts": (a * 2, b * 3)}
    return Two()


def pair():
    class Pair(nn.Module):
        def forward(self, x):
            return x + 1, x.argmax(-1)
    return Pair()


def fixed():
    class Fixed(nn.Module):
        def forward(self, x):
            return x.reshape(2, 6)
    return Fixed()


def loud():
    import warnings
    print("loading")
    warnings.warn("careful")
    return nn.Identity().train()


def table():
    return {}


def broken():
    raise ValueError("no such file")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    (folder / "sizes.py").write_text("HIDDEN = 4\n")
    torch.manual_seed(0)
    state = {
        "conv.weight": torch.randn(4, 1, 3, 3),
        "conv.bias": torch.randn(4),
        "norm.weight": torch.rand(4) + 0.5,
        "norm.bias": torch.randn(4),
        "norm.running_mean": torch.randn(4),
        "norm.running_var": torch.rand(4) + 0.5,
        "norm.num_batches_tracked": torch.tensor(1),
        "head.weight": torch.randn(3, 4),
        "head.bias": torch.randn(3),
    }
    torch.save(state, folder / "weights.pt")
    yield folder
    for name in ("net", "sizes"):
        sys.modules.pop(name, None)


def floats(*shape: int | str) -> TensorDeclaration:
    return TensorDeclaration(shape=shape, dtype="float32")


def load(folder: Path, reference: str, **more: Any) -> Imported:
    return import_model(Request(reference=reference, folder=folder, **more))


IMAGE = {"image": floats("batch", 1, 8, 8)}
X = np.random.default_rng(0).standard_normal((5, 1, 8, 8)).astype(np.float32)


def test_a_module_of_a_file_is_imported_with_its_names_and_open_batch(folder: Path, same: Same) -> None:
    imported = load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE, outputs={"score": TensorDeclaration()})
    signature = imported.model.signature
    assert [(spec.name, spec.dtype, spec.shape) for spec in signature.inputs] == [
        ("image", "float32", ("batch", 1, 8, 8))
    ]
    assert [(spec.name, spec.dtype, spec.shape) for spec in signature.outputs] == [("score", "float32", ("batch", 3))]
    same(imported, {"image": X}, atol=1e-5)  # torch's and onnxruntime's convolutions sum in different orders


def test_the_cleaned_model_computes_what_the_module_does(folder: Path, run: Run) -> None:
    imported = load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE)
    clean = CLEANUP(imported.model)
    assert "BatchNormalization" not in {node.op_type for node in clean.graph}
    np.testing.assert_allclose(
        run(clean, {"image": X})["output"], imported.original.run({"image": X})["output"], atol=1e-5
    )


def test_every_file_that_was_read_is_listed(folder: Path) -> None:
    imported = load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE)
    assert [path.name for path in imported.files] == ["net.py", "sizes.py", "weights.pt"]


def test_nothing_is_written_beside_the_users_files(folder: Path) -> None:
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    folder.chmod(0o555)
    try:
        load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE)
    finally:
        folder.chmod(0o755)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before


def test_a_module_is_found_by_its_dotted_name(folder: Path, same: Same) -> None:
    same(load(folder, "net:load", args=("weights.pt",), inputs=IMAGE), {"image": X}, atol=1e-5)


def test_dimensions_are_fixed_on_request(folder: Path) -> None:
    imported = load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE, dims={"batch": 1})
    assert imported.model.signature.input("image").shape == (1, 1, 8, 8)
    assert imported.model.signature.output("output").shape == (1, 3)


def test_inputs_go_to_the_arguments_of_their_name(folder: Path, same: Same) -> None:
    imported = load(folder, "net.py:two_inputs", inputs={"b": floats("n", 2), "a": floats("n", 2)})
    assert [spec.name for spec in imported.model.signature.inputs] == ["a", "b"]
    a, b = np.ones((3, 2), np.float32), np.full((3, 2), 5, np.float32)
    same(imported, {"a": a, "b": b})
    np.testing.assert_array_equal(imported.original.run({"a": a, "b": b})["parts.1"], b * 3)


def test_inputs_of_other_names_go_to_the_arguments_in_order(folder: Path) -> None:
    imported = load(folder, "net.py:two_inputs", inputs={"left": floats(2), "right": floats(2)})
    got = imported.original.run({"left": np.array([1, 2], np.float32), "right": np.array([5, 5], np.float32)})
    np.testing.assert_array_equal(got["parts.0"], [2, 4])


def test_keys_and_positions_name_the_outputs(folder: Path) -> None:
    inputs = {"a": floats(2), "b": floats(2)}
    names = [spec.name for spec in load(folder, "net.py:two_inputs", inputs=inputs).model.signature.outputs]
    assert names == ["sum", "parts.0", "parts.1"]
    names = [spec.name for spec in load(folder, "net.py:pair", inputs={"x": floats("n", 4)}).model.signature.outputs]
    assert names == ["output_0", "output_1"]


def test_named_outputs_rename_all_or_select_some(folder: Path, same: Same) -> None:
    inputs = {"x": floats("n", 4)}
    renamed = load(
        folder, "net.py:pair", inputs=inputs, outputs={"more": TensorDeclaration(), "best": TensorDeclaration()}
    )
    assert [(spec.name, spec.dtype) for spec in renamed.model.signature.outputs] == [
        ("more", "float32"),
        ("best", "int64"),
    ]
    same(renamed, {"x": np.eye(4, dtype=np.float32)})
    some = load(folder, "net.py:pair", inputs=inputs, outputs={"output_1": TensorDeclaration()})
    assert list(some.original.run({"x": np.eye(4, dtype=np.float32)})) == ["output_1"]
    with pytest.raises(ConfigError, match="1 outputs are named, the module gives back 2"):
        load(folder, "net.py:pair", inputs=inputs, outputs={"best": TensorDeclaration()})


def test_nothing_of_where_it_was_exported_stays_in_the_model(folder: Path, tmp_path: Path) -> None:
    model = load(folder, "net.py:pair", inputs={"x": floats("n", 4)}).model
    (tmp_path / "saved").mkdir()
    model.save(tmp_path / "saved")
    data = (tmp_path / "saved" / "model.onnx").read_bytes()
    for place in (str(folder), "site-packages", "net.py", "stack_trace"):
        assert place.encode() not in data


def test_an_output_may_not_have_an_inputs_name(folder: Path) -> None:
    inputs = {"output_0": floats("n", 4)}
    with pytest.raises(ConfigError, match="'output_0' is the name of an input and of an output"):
        load(folder, "net.py:pair", inputs=inputs)


def test_it_is_quiet_and_keeps_what_was_said(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    imported = load(folder, "net.py:loud", inputs={"x": floats("n", 2)})
    assert capfd.readouterr() == ("", "")
    assert "loading" in imported.log
    assert "careful" in imported.log


def test_without_declared_inputs_it_says_what_to_write(folder: Path) -> None:
    with pytest.raises(ConfigError, match="does not say what its inputs are") as caught:
        load(folder, "net.py:load", args=("weights.pt",))
    assert "inputs = {" in str(caught.value.hint)


def test_an_input_without_a_shape_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="input 'image' needs a shape and a dtype"):
        load(folder, "net.py:load", args=("weights.pt",), inputs={"image": TensorDeclaration(dtype="float32")})


def test_a_wrong_number_of_inputs_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"the module takes 1 inputs \(image\), 2 are declared"):
        load(folder, "net.py:load", args=("weights.pt",), inputs={**IMAGE, "other": floats(1)})


def test_a_declared_shape_that_the_module_does_not_take_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="the module fails on inputs as declared"):
        load(folder, "net.py:load", args=("weights.pt",), inputs={"image": floats("batch", 2, 8, 8)})


def test_a_dimension_that_cannot_vary_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="a dimension declared symbolic cannot vary"):
        load(folder, "net.py:fixed", inputs={"x": floats("n", 6)})


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [
        ("net.py:table", ConfigError, "gives back dict, not a torch.nn.Module"),
        ("net.py:broken", ModelError, "calling it with .* fails: ValueError: no such file"),
        ("net.py:nothing", ConfigError, "the module has no function or class 'nothing'"),
        ("missing.py:load", ConfigError, "there is no such file"),
        ("no_such_package_here.models:load", ConfigError, "there is no module 'no_such_package_here'"),
    ],
)
def test_a_reference_that_gives_no_module_is_refused(
    reference: str, kind: type[Exception], words: str, folder: Path
) -> None:
    with pytest.raises(kind, match=words):
        load(folder, reference, inputs=IMAGE)


def test_weights_that_could_run_code_are_refused_before_the_factory_sees_them(folder: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("ran",))

    torch.save({"state": Evil()}, folder / "evil.pt")
    with pytest.raises(ModelError, match=r"evil\.pt: a pickle that asks for \S*print; reading it could run code"):
        load(folder, "net.py:load", args=("evil.pt",), inputs=IMAGE)
    (folder / "plain.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(ModelError, match=r"could run code|cannot be read as weights"):
        load(folder, "net.py:load", args=("plain.pth",), inputs=IMAGE)


def test_truncated_weights_are_refused(folder: Path) -> None:
    content = (folder / "weights.pt").read_bytes()
    (folder / "weights.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=r"weights\.pt: not weights of PyTorch, or truncated"):
        load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE)


def test_a_damaged_safetensors_file_is_refused(folder: Path) -> None:
    (folder / "weights.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    with pytest.raises(ModelError, match="not a safetensors file, or a truncated one"):
        load(folder, "net.py:load", args=("weights.safetensors",), inputs=IMAGE)


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors", "model.pth"])
def test_weights_alone_are_no_model(name: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match="weights alone are no model, the architecture is missing"):
        load(folder, name)


def test_an_unknown_form_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no importer knows this form of model"):
        load(folder, "model.h5")


def test_without_torch_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import PackageNotFoundError

    from edgewright.compiler.importers import torch_module

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(torch_module, "version", missing)
    with pytest.raises(MissingExtraError) as caught:
        load(folder, "net.py:load", args=("weights.pt",), inputs=IMAGE)
    assert "edgewright[torch]" in str(caught.value.hint)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    class Shift(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))

        def forward(self, left: Any, right: Any) -> Any:
            return {"product": left @ self.weight, "sum": left + right}

    path = tmp_path_factory.mktemp("program") / "shift.pt2"
    axis = {0: torch.export.Dim("rows")}
    exported = torch.export.export(Shift(), (torch.ones(3, 2), torch.ones(3, 2)), dynamic_shapes=(axis, axis))
    torch.export.save(exported, path)
    return path


PAIR = {"left": np.ones((5, 2), np.float32), "right": np.full((5, 2), 3, np.float32)}


def test_a_program_brings_its_own_names(program: Path, same: Same) -> None:
    imported = load(program.parent, program.name)
    signature = imported.model.signature
    assert [spec.name for spec in signature.inputs] == ["left", "right"]
    assert [spec.name for spec in signature.outputs] == ["product", "sum"]
    assert isinstance(signature.inputs[0].shape[0], str)
    same(imported, PAIR)


def test_a_program_takes_other_names_in_order(program: Path, same: Same) -> None:
    inputs = {"a": TensorDeclaration(shape=("batch", 2)), "b": TensorDeclaration()}
    imported = load(
        program.parent, program.name, inputs=inputs, outputs={"p": TensorDeclaration(), "s": TensorDeclaration()}
    )
    assert [spec.shape for spec in imported.model.signature.outputs] == [("batch", 3), ("batch", 2)]
    same(imported, {"a": PAIR["left"], "b": PAIR["right"]})


def test_a_program_with_a_pickle_that_could_run_code_is_refused(program: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("ran",))

    torch.save(({"x": Evil()}, {}), tmp_path / "evil.pt")
    with zipfile.ZipFile(program) as source, zipfile.ZipFile(tmp_path / "evil.pt2", "w") as target:
        for name in source.namelist():
            evil = name.endswith("sample_inputs/model.pt")
            target.writestr(name, (tmp_path / "evil.pt").read_bytes() if evil else source.read(name))
    with pytest.raises(ModelError, match=r"sample_inputs/model\.pt: a pickle that asks for .*print"):
        load(tmp_path, "evil.pt2")


def test_a_program_whose_sizes_are_code_is_refused(program: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(program) as source, zipfile.ZipFile(tmp_path / "evil.pt2", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("models/model.json"):
                content = content.replace(b'"expr_str":"', b'"expr_str":"__import__(\'os\').getpid()+')
                content = content.replace(b'"expr_str": "', b'"expr_str": "__import__(\'os\').getpid()+')
            target.writestr(name, content)
    with pytest.raises(ModelError, match="is no size; evaluating it could run code"):
        load(tmp_path, "evil.pt2")


def test_a_truncated_program_is_refused(program: Path, tmp_path: Path) -> None:
    content = program.read_bytes()
    for length in (10, 500, len(content) - 30):
        (tmp_path / "cut.pt2").write_bytes(content[:length])
        with pytest.raises(ModelError, match=r"cut\.pt2"):
            load(tmp_path, "cut.pt2")


def test_a_zip_that_is_no_program_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "model.pt2", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ModelError, match="not an exported program"):
        load(tmp_path, "model.pt2")
