"""Which tensors of the hub a `.tflite` file holds, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx_ir as ir
from ai_edge_litert import schema_py_generated as tfl

from ...compiler.model import Model
from ...vocabulary.errors import RequestError
from ..base import InnerTensor, Options
from .dialect import shape_of
from .emit import tensor_indices
from .legalize.legalize import legalize
from .legalize.permutation import moves_data
from .origin import Origin, origins
from .schema import TENSOR_TYPES


def inner_tensors(model: Model, options: Options, artifact: Path) -> dict[str, InnerTensor]:
    """Tell by name which tensors of the hub a file holds, in the order of the model; the key is the tensor's index.

    The model is lowered again: equal models give equal files, so that the places are those of the file.

    Raises:
        RequestError: when the file has other tensors than this model gives.
    """
    graph = legalize(model, options).graph
    indices = tensor_indices(graph)
    tensors = _tensors_of(artifact)
    if any(not _agree(value, index, tensors) for value, index in indices.items()):
        raise RequestError(
            f"{artifact}: its tensors are not those that the model gives with this recipe and these options",
            hint="name the artifact that was built of it, by this version of edgewright",
        )
    found = {
        origin.name: _place(origin, index, tensors[index])
        for value, index in sorted(indices.items(), key=lambda item: item[1])
        for origin in origins(value)
    }
    names = [value.name for node in model.graph for value in node.outputs if value.name is not None]
    return {name: found[name] for name in names if name in found}


def _tensors_of(artifact: Path) -> list[Any]:
    data = artifact.read_bytes()
    if data[4:8] != b"TFL3":
        raise RequestError(f"{artifact}: this is no .tflite file")
    subgraph = tfl.Model.GetRootAs(data, 0).Subgraphs(0)
    return [subgraph.Tensors(index) for index in range(subgraph.TensorsLength())]


def _agree(value: ir.Value, index: int, tensors: list[Any]) -> bool:
    if index >= len(tensors):
        return False
    tensor = tensors[index]
    shape = tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    return shape == shape_of(value) and value.dtype is not None and tensor.Type() == TENSOR_TYPES[value.dtype]


def _place(origin: Origin, index: int, tensor: Any) -> InnerTensor:
    return InnerTensor(
        key=str(index),
        permutation=origin.permutation if moves_data(origin.permutation, origin.shape) else None,
        quantization=_quantization(tensor.Quantization()),
    )


def _quantization(found: Any) -> tuple[float, int] | None:
    """Give scale and zero point of a tensor that has one of each; weights with more are constants, nobody asks."""
    if found is None or found.ScaleLength() != 1:
        return None
    return float(found.Scale(0)), int(found.ZeroPoint(0)) if found.ZeroPointLength() else 0
