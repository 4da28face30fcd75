"""What every importer promises, on the same small model in the form that it reads."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported, Request
from edgewright.compiler.importers.table import IMPORTERS, choose_importer, import_model
from edgewright.compiler.model import HUB_OPSET
from edgewright.vocabulary.digest import digest_file
from edgewright.vocabulary.signature import TensorDeclaration

WEIGHT = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
X = np.random.default_rng(1).standard_normal((5, 6)).astype(np.float32)
DECLARED = {"features": TensorDeclaration(shape=("batch", 6), dtype="float32", range=(-3.0, 3.0))}
OUTPUTS = {"score": TensorDeclaration(labels=("a", "b", "c", "d"))}

FACTORY = """
import numpy
import torch


class Net(torch.nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, features):
        return torch.relu(features @ self.weight)


def load(path):
    return Net(torch.load(path, weights_only=True)["weight"])
"""


def onnx_source(folder: Path) -> Request:
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["features", "w"], ["h"]), onnx.helper.make_node("Relu", ["h"], ["score"])],
        "contract",
        [info("features", onnx.TensorProto.FLOAT, ["batch", 6])],
        [info("score", onnx.TensorProto.FLOAT, ["batch", 4])],
        [onnx.numpy_helper.from_array(WEIGHT, "w")],
    )
    onnx.save(
        onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8),
        folder / "net.onnx",
    )
    return Request(reference="net.onnx", folder=folder, inputs=DECLARED, outputs=OUTPUTS)


def torch_source(folder: Path) -> Request:
    import torch

    (folder / "contract_net.py").write_text(FACTORY)
    torch.save({"weight": torch.from_numpy(WEIGHT)}, folder / "net.pt")
    return Request(reference="contract_net.py:load", folder=folder, args=("net.pt",), inputs=DECLARED, outputs=OUTPUTS)


def program_source(folder: Path) -> Request:
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.from_numpy(WEIGHT.copy()))

        def forward(self, features: Any) -> Any:
            return torch.relu(features @ self.weight)

    axes = ({0: torch.export.Dim("rows")},)
    torch.export.save(torch.export.export(Net(), (torch.ones(2, 6),), dynamic_shapes=axes), folder / "net.pt2")
    return Request(reference="net.pt2", folder=folder, inputs=DECLARED, outputs=OUTPUTS)


SOURCES: dict[str, Callable[[Path], Request]] = {"onnx": onnx_source, "torch": torch_source, "pt2": program_source}


def test_every_importer_is_held_to_the_contract() -> None:
    # "weights" only says why weights alone are no model
    assert set(IMPORTERS.names) - {"weights"} == set(SOURCES)


@pytest.fixture(params=SOURCES, scope="module")
def request_(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Request]:
    made = SOURCES[request.param](tmp_path_factory.mktemp(request.param))
    assert choose_importer(made).name == request.param
    yield made
    sys.modules.pop("contract_net", None)


@pytest.fixture(scope="module")
def imported(request_: Request) -> Imported:
    return import_model(request_)


def test_the_signature_is_as_declared(imported: Imported) -> None:
    (feature,), (score,) = imported.model.signature.inputs, imported.model.signature.outputs
    assert (feature.name, feature.dtype, feature.shape, feature.range) == (
        "features",
        "float32",
        ("batch", 6),
        (-3.0, 3.0),
    )
    assert (score.name, score.dtype, score.shape, score.labels) == (
        "score",
        "float32",
        ("batch", 4),
        ("a", "b", "c", "d"),
    )


def test_the_graph_is_called_as_the_signature_says(imported: Imported) -> None:
    graph = imported.model.graph
    assert [(value.name, str(value.shape)) for value in graph.inputs] == [("features", "[batch,6]")]
    assert [(value.name, str(value.shape)) for value in graph.outputs] == [("score", "[batch,4]")]


def test_it_is_on_the_hub(imported: Imported) -> None:
    model = imported.model
    assert model.opset >= HUB_OPSET
    assert {node.domain for node in model.graph} == {""}
    assert not model.ir.functions
    assert all(node.name for node in model.graph)
    assert "Constant" not in {node.op_type for node in model.graph}


def test_the_original_computes_the_model(imported: Imported) -> None:
    got = imported.original.run({"features": X})
    assert list(got) == ["score"]
    # float32 sums of six products
    np.testing.assert_allclose(got["score"], np.maximum(X @ WEIGHT, 0), rtol=0, atol=1e-5)


def test_the_hub_computes_what_the_original_does(imported: Imported, run: Callable[..., dict[str, np.ndarray]]) -> None:
    expected = imported.original.run({"features": X})["score"]
    for model in (imported.model, CLEANUP(imported.model)):
        np.testing.assert_allclose(run(model, {"features": X})["score"], expected, rtol=0, atol=1e-5)


def test_the_source_says_where_it_comes_from(imported: Imported, request_: Request) -> None:
    source = imported.model.source
    assert source.reference == request_.reference
    assert len(source.digest) == 64
    assert source.tools["onnx"] == onnx.__version__


def test_every_file_is_listed_and_none_is_written(request_: Request) -> None:
    before = {path: (digest_file(path), path.stat().st_mtime_ns) for path in request_.folder.rglob("*")}
    files = import_model(request_).files
    assert set(files) == set(before)
    assert {path: (digest_file(path), path.stat().st_mtime_ns) for path in request_.folder.rglob("*")} == before


def test_importing_twice_gives_the_same_model(imported: Imported, request_: Request) -> None:
    again = import_model(request_).model
    assert again.signature == imported.model.signature
    assert again.source == imported.model.source
    assert [(node.name, node.op_type) for node in again.graph] == [
        (node.name, node.op_type) for node in imported.model.graph
    ]


def test_a_dimension_is_fixed_on_request(request_: Request) -> None:
    from dataclasses import replace

    signature = import_model(replace(request_, dims={"batch": 3})).model.signature
    assert (signature.input("features").shape, signature.output("score").shape) == ((3, 6), (3, 4))


def test_it_says_nothing(request_: Request, capfd: pytest.CaptureFixture[str]) -> None:
    import_model(request_)
    assert capfd.readouterr() == ("", "")
