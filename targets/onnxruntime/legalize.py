"""What onnxruntime is given: the hub model as it is, with the dimensions fixed that a project asks to fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import msgspec
import onnx_ir as ir

from ...compiler.model import Model
from ...vocabulary.errors import ModelError
from ...vocabulary.signature import Signature, TensorSpec


def fix_dimensions(model: Model, dims: Mapping[str, int]) -> Model:
    """Give the model with symbolic dimensions replaced by numbers; the model itself when there is nothing to replace.

    Raises:
        ModelError: when the model has no dimension of such a name, or a size is below 1.
    """
    if not dims:
        return model
    for name, size in dims.items():
        if name not in model.signature.symbols:
            known = ", ".join(model.signature.symbols) or "none: all of its dimensions are numbers"
            raise ModelError(f"the model has no dimension named {name!r}", hint=f"its symbolic dimensions: {known}")
        if size < 1:
            raise ModelError(f"dimension {name!r} must be at least 1, got {size}")
    graph = model.ir.clone()
    for value in _values(graph.graph):
        if value.shape is not None:
            value.shape = ir.Shape([_fixed(dim, dims) for dim in value.shape])
    signature = Signature(
        inputs=tuple(_fixed_spec(spec, dims) for spec in model.signature.inputs),
        outputs=tuple(_fixed_spec(spec, dims) for spec in model.signature.outputs),
    )
    return replace(model, ir=graph, signature=signature)


def _values(graph: ir.Graph) -> Iterable[ir.Value]:
    yield from graph.inputs
    for node in ir.traversal.RecursiveGraphIterator(graph):
        yield from node.outputs


def _fixed(dim: int | ir.SymbolicDim, dims: Mapping[str, int]) -> int | ir.SymbolicDim:
    return dim if isinstance(dim, int) or dim.value is None else dims.get(dim.value, dim)


def _fixed_spec(spec: TensorSpec, dims: Mapping[str, int]) -> TensorSpec:
    shape = tuple(size if isinstance(size, int) else dims.get(size, size) for size in spec.shape)
    return msgspec.structs.replace(spec, shape=shape)
