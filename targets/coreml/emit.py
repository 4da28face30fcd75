"""From a hub model to a MIL program of one function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from ...compiler.expand.expand import Expand
from ...compiler.model import Model
from ..artifact import Coverage
from .builder import Builder, Var, mil_name
from .deployment import Deployment, NeedsNewer
from .ops.table import LOWERINGS
from .toolkit import builder as mil_builder
from .toolkit import coremltools
from .translate import MIL_TYPES, Translator


@dataclass(frozen=True, kw_only=True, slots=True)
class Emitted:
    """A MIL program, the oldest system that has all of its operations, and what became of each hub node.

    `program` is coremltools' `Program`; its one function is `main`. It is whole only when no node is refused.
    """

    program: Any
    deployment: Deployment
    coverage: Coverage


def emit(model: Model, at_least: Deployment) -> Emitted:
    """Say a model for the oldest deployment target, from `at_least` on, that has every operation that it needs."""
    expanded = Expand(LOWERINGS)(model)
    deployment = at_least
    while True:
        try:
            return _emit(expanded, deployment)
        except NeedsNewer as need:
            deployment = need.deployment


def _emit(model: Model, deployment: Deployment) -> Emitted:
    tools, mb = coremltools(), mil_builder()
    mil = tools.converters.mil.mil
    program = mil.Program()
    symbols: dict[str, Any] = {}
    placeholders = {
        mil_name(str(value.name)): mb.placeholder(shape=_shape(value, symbols), dtype=_outside(value))
        for value in model.graph.inputs
    }
    with mil.Function(placeholders, opset_version=deployment.opset) as function:
        b = Builder(deployment)
        translator = Translator(b, model.ir.opset_imports)
        for value in model.graph.inputs:
            translator.values[value] = _taken(function.inputs[mil_name(str(value.name))], value, b)
        for node in model.graph:
            translator.translate(node)
        function.set_outputs([_given(value, translator, b) for value in model.graph.outputs])
    program.add_function("main", function)
    return Emitted(program=program, deployment=deployment, coverage=translator.coverage())


def _shape(value: ir.Value, symbols: dict[str, Any]) -> tuple[Any, ...]:
    """Give the shape of an input; a scalar has one element, and a symbol of the hub one of MIL's."""
    assert value.shape is not None, value
    get_new_symbol = coremltools().converters.mil.mil.get_new_symbol
    sizes = []
    for size in value.shape:
        if not isinstance(size, int):
            size = symbols.setdefault(str(size.value), get_new_symbol())
        sizes.append(size)
    return tuple(sizes) or (1,)


def _outside(value: ir.Value) -> Any:
    """Give the dtype of an input: Core ML has none of booleans."""
    types = coremltools().converters.mil.mil.types
    assert value.dtype is not None, value
    name = MIL_TYPES.get(value.dtype, "fp32")
    return types.string_to_builtin("int32" if name == "bool" else name)


def _taken(placeholder: Var, value: ir.Value, b: Builder) -> Var:
    taken = placeholder
    if value.shape is not None and not len(value.shape):
        taken = b.op("squeeze", x=taken, axes=[0])
    return b.cast(taken, "bool") if value.dtype == ir.DataType.BOOL else taken


def _given(value: ir.Value, translator: Translator, b: Builder) -> Var:
    given = translator.values.get(value)
    if given is None:  # refused: something must stand there for the function to be well formed
        return b.op("identity", x=b.const(0.0))
    if value.dtype == ir.DataType.BOOL:
        given = b.cast(given, "int32")
    if not len(given.shape):
        given = b.op("expand_dims", x=given, axes=[0])
    return b.op("identity", x=given, name=mil_name(str(value.name)))
