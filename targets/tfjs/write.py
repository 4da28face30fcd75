"""From a graph to `model.json` and its shards, mechanically. Equal graphs give equal bytes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .graph import Attribute, Constant, DType, Graph, GraphNode, Sizes, Tensor, Text
from .weights import SHARD_BYTES, entry_of, shards, size_bytes

TYPES: Mapping[DType, str] = {DType.FLOAT: "DT_FLOAT", DType.INT: "DT_INT32", DType.BOOL: "DT_BOOL"}
PRODUCER = 1087
"""The version of TensorFlow's graphs in which every operator here has the meaning it has in TF.js."""


def write(graph: Graph, out: Path, metadata: Mapping[str, Any]) -> tuple[Path, ...]:
    """Write a graph into the existing folder `out`; give the files, `model.json` first."""
    total = -(-sum(map(size_bytes, graph.constants)) // SHARD_BYTES)
    paths = [out / f"group1-shard{index}of{total}.bin" for index in range(1, total + 1)]
    written = []
    for path, parts in zip(paths, shards(graph.constants), strict=True):
        with path.open("wb") as file:
            file.writelines(parts)
        written.append(path)
    model = out / "model.json"
    record = _record(graph, [path.name for path in written], metadata)
    model.write_text(json.dumps(record, separators=(",", ":"), sort_keys=True, allow_nan=False), "utf-8")
    return (model, *written)


def _record(graph: Graph, shard_names: list[str], metadata: Mapping[str, Any]) -> dict[str, Any]:
    weights = [entry_of(constant) for constant in graph.constants]
    return {
        "format": "graph-model",
        "generatedBy": "edgewright",
        "convertedBy": None,
        "signature": {
            "inputs": {name: _tensor_info(tensor) for name, tensor in graph.inputs.items()},
            "outputs": {name: _tensor_info(tensor) for name, tensor in graph.outputs.items()},
        },
        "userDefinedMetadata": metadata,
        "modelTopology": {
            "node": [*map(_constant, graph.constants), *map(_node, graph.nodes)],
            "library": {},
            "versions": {"producer": PRODUCER},
        },
        "weightsManifest": [{"paths": shard_names, "weights": weights}] if weights else [],
    }


def _tensor_info(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": f"{tensor.node}:{tensor.output}",
        "dtype": TYPES[tensor.dtype],
        "tensorShape": _shape(tensor.shape),
    }


def _shape(sizes: tuple[int, ...]) -> dict[str, Any]:
    return {"dim": [{"size": str(size)} for size in sizes]}


def _constant(constant: Constant) -> dict[str, Any]:
    dtype = TYPES[DType(constant.array.dtype.name)]
    tensor = {"dtype": dtype, "tensorShape": _shape(constant.array.shape)}
    return {"name": constant.name, "op": "Const", "attr": {"dtype": {"type": dtype}, "value": {"tensor": tensor}}}


def _node(node: GraphNode) -> dict[str, Any]:
    attributes = {name: _attribute(value) for name, value in sorted(node.attributes.items())}
    return {"name": node.name, "op": node.op, "input": [*node.inputs], "attr": attributes}


def _attribute(value: Attribute) -> dict[str, Any]:
    if isinstance(value, DType):
        return {"type": TYPES[value]}
    if isinstance(value, Text):
        return {"s": _text(value)}
    if isinstance(value, Sizes):
        return {"shape": _shape(value.sizes)}
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int | np.integer):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": value}
    if all(isinstance(item, Text) for item in value):
        return {"list": {"s": [_text(item) for item in value if isinstance(item, Text)]}}
    return {"list": {"i": [str(item) for item in value]}}


def _text(value: Text) -> str:
    return base64.b64encode(value.value.encode()).decode()
