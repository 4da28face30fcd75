from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported
from edgewright.compiler.model import Model


def low_rank_weight(shape: tuple[int, ...], rank: int, seed: int) -> np.ndarray:
    """A weight float32 in which outputs and inputs are of this rank, of about the size of 1 / sqrt(inputs)."""
    source = np.random.default_rng(seed)
    out, into, *kernel = shape
    core = source.standard_normal((min(rank, out), min(rank, into), *kernel)) / rank
    leave, enter = source.standard_normal((out, core.shape[0])), source.standard_normal((core.shape[1], into))
    weight = np.einsum("os,sr...,ri->oi...", leave, core, enter) / np.sqrt(into * np.prod(kernel))
    return weight.astype(np.float32)


@pytest.fixture
def build(tmp_path: Path, read: Callable[..., Imported]) -> Callable[..., Model]:
    """Make the hub model of a text: `build(text, rank=8)`; weights that it declares are of this rank."""

    def make(text: str, rank: int = 8, given: Mapping[str, np.ndarray] | None = None) -> Model:
        proto = onnx.parser.parse_model(text)
        for seed, weight in enumerate(proto.graph.value_info):  # declared without numbers
            shape = tuple(size.dim_value for size in weight.type.tensor_type.shape.dim)
            array = low_rank_weight(shape if len(shape) > 1 else (*shape, 1), rank, seed).reshape(shape)
            proto.graph.initializer.append(
                onnx.numpy_helper.from_array((given or {}).get(weight.name, array), weight.name)
            )
        del proto.graph.value_info[:]
        for index, node in enumerate(proto.graph.node):
            node.name = f"{node.op_type.lower()}_{index}"
        onnx.save(proto, tmp_path / "model.onnx")
        return CLEANUP(read(tmp_path / "model.onnx").model)

    return make


def rows_for(model: Model, count: int) -> dict[str, np.ndarray]:
    """Rows of a normal distribution for the one input, its batch being open."""
    (spec,) = model.signature.inputs
    shape = (count, *(size for size in spec.shape[1:] if isinstance(size, int)))
    return {spec.name: np.random.default_rng(3).standard_normal(shape).astype(np.float32)}


@pytest.fixture
def rows() -> Callable[[Model, int], dict[str, np.ndarray]]:
    return rows_for
