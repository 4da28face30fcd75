"""From a hub model to a Relax module of one function, `main`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from ...compiler.expand.expand import Expand
from ...compiler.lowering.refused import Refused
from ...compiler.lowering.walk import Walk
from ...compiler.model import Model, dtype_name
from ...vocabulary.coverage import Coverage
from .builder import Builder, Expr, refuse_dtype
from .ops.pieces import sizes_of
from .ops.table import LOWERINGS
from .toolkit import relax


@dataclass(frozen=True, kw_only=True, slots=True)
class Emitted:
    """A `tvm.IRModule` and what became of each hub node. The module is whole only when no node is refused.

    `main` takes the inputs of the model's signature in order, and gives a tuple of its outputs, of these `shapes`.
    """

    module: Any
    coverage: Coverage
    shapes: tuple[tuple[int, ...], ...]


def emit(model: Model) -> Emitted:
    """Say a model whose shapes are all fixed."""
    expanded = Expand(LOWERINGS)(model)
    block = relax().BlockBuilder()
    builder = Builder(block)
    walk: Walk[Expr] = Walk("tvm", builder, LOWERINGS, expanded.ir.opset_imports)
    inputs = []
    for place, value in enumerate(expanded.graph.inputs):
        variable = _input(walk, value, place)
        if variable is not None:
            walk.values[value] = variable
            inputs.append(variable)
    builder.inputs = inputs
    with block.function("main", inputs):
        with block.dataflow():
            for node in expanded.graph:
                walk.say(node)
            outputs = [_output(walk, value, block) for value in expanded.graph.outputs]
            made = [output for output in outputs if output is not None]
            given = block.emit_output(relax().Tuple(made))
        block.emit_func_output(given)
    return Emitted(module=block.get(), coverage=walk.coverage(), shapes=tuple(map(sizes_of, made)))


def _input(walk: Walk[Expr], value: ir.Value, place: int) -> Expr | None:
    assert value.shape is not None, value
    assert value.dtype is not None, value
    try:
        refuse_dtype(dtype_name(value.dtype))
    except Refused as refusal:
        walk.refuse_value(value, f"input {value.name}", str(refusal))
        return None
    return relax().Var(f"input_{place}", relax().TensorType(tuple(value.shape.numpy()), dtype_name(value.dtype)))


def _output(walk: Walk[Expr], value: ir.Value, block: Any) -> Expr | None:
    if walk.is_refused(value):
        return None
    try:
        return block.emit(walk.value(value))
    except Refused as refusal:
        walk.refuse_value(value, f"output {value.name}", str(refusal))
        return None
