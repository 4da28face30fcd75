from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from edgewright.compiler.importers.request import Imported, Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.model import Model

Arrays = Mapping[str, np.ndarray]


def run_onnx(model: Model, inputs: Arrays) -> dict[str, np.ndarray]:
    """Run a hub model as it stands, unoptimised, so that what is tested is ours."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    data = ir.to_proto(model.ir).SerializeToString()
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


@pytest.fixture(scope="session")
def run() -> Callable[[Model, Arrays], dict[str, np.ndarray]]:
    return run_onnx


@pytest.fixture
def write_onnx(tmp_path: Path) -> Callable[..., Path]:
    """Write a graph of nodes as `model.onnx`: `write(nodes, inputs, outputs, weights, opset=13)`."""

    def write(
        nodes: Sequence[onnx.NodeProto],
        inputs: Mapping[str, tuple[int, Sequence[Any] | None]],
        outputs: Mapping[str, tuple[int, Sequence[Any] | None]],
        weights: Arrays | None = None,
        *,
        opset: int = 20,
        ir_version: int = 8,
        domains: Sequence[str] = (),
        name: str = "model.onnx",
        **more: Any,
    ) -> Path:
        def infos(specs: Mapping[str, tuple[int, Sequence[Any] | None]]) -> list[onnx.ValueInfoProto]:
            return [onnx.helper.make_tensor_value_info(key, *spec) for key, spec in specs.items()]

        graph = onnx.helper.make_graph(
            list(nodes),
            "graph",
            infos(inputs),
            infos(outputs),
            [onnx.numpy_helper.from_array(array, key) for key, array in (weights or {}).items()],
        )
        opsets = [onnx.helper.make_opsetid("", opset), *(onnx.helper.make_opsetid(domain, 1) for domain in domains)]
        model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=ir_version, **more)
        path = tmp_path / name
        onnx.save(model, path)
        return path

    return write


@pytest.fixture(scope="session")
def read() -> Callable[..., Imported]:
    """Import a file: `read(path, dims={"batch": 1})`."""

    def read_path(path: Path, **more: Any) -> Imported:
        return import_model(Request(reference=path.name, folder=path.parent, **more))

    return read_path


@pytest.fixture(scope="session")
def same() -> Callable[..., None]:
    """Assert that a hub model computes what the original does, exactly unless a tolerance is given."""

    def check(imported: Imported, inputs: Arrays, *, atol: float = 0.0) -> None:
        expected, got = imported.original.run(inputs), run_onnx(imported.model, inputs)
        assert list(got) == list(expected)
        for name, array in expected.items():
            assert got[name].dtype == array.dtype
            np.testing.assert_allclose(got[name], array, rtol=0, atol=atol, err_msg=name)

    return check


@pytest.fixture
def make(write_onnx: Callable[..., Path], read: Callable[..., Imported]) -> Callable[..., Model]:
    """A model of these nodes over `x`, giving `y`."""

    def build(
        nodes: list[onnx.NodeProto], shape: tuple[Any, ...], weights: dict[str, np.ndarray] | None = None, y: Any = None
    ) -> Model:
        return read(
            write_onnx(nodes, {"x": (onnx.TensorProto.FLOAT, shape)}, {"y": (onnx.TensorProto.FLOAT, y)}, weights)
        ).model

    return build
