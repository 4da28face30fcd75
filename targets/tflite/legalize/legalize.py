"""From a hub model to a dialect graph that is ready to be emitted."""

from __future__ import annotations

from ....compiler.lowering.static_shapes import static_input_shapes
from ....compiler.model import Model
from ....vocabulary.errors import RequestError
from ...artifact import Coverage
from ...base import Options
from ...checks import check_coverage
from ..integer.borders import integer_io
from .lower import Lowered, lower
from .simplify import simplify


def lower_model(model: Model, options: Options) -> Lowered:
    """Fix the dimensions and lower every node, refused ones included.

    Raises:
        ModelError: when a dimension must be fixed and is not.
        RequestError: when `options.layout` asks for what cannot be.
    """
    return lower(model, static_input_shapes(model.signature, options.dims), options.layout)


def legalize(model: Model, options: Options) -> Lowered:
    """Give the dialect graph of a model, rewritten until it is as short as we know how.

    Raises:
        RefusedError: when some node cannot be said; the message names every such node with its reason.
        ModelError: when a dimension must be fixed and is not.
        RequestError: when `options` ask for a layout, or for inputs and outputs of integers, that cannot be.
    """
    if options.io not in ("float", "int8"):
        raise RequestError(f"tflite has no io {options.io!r}", hint='known: "float", "int8"')
    lowered = lower_model(model, options)
    check_coverage("tflite", lowered.coverage)
    lowered = lowered.with_reasons(simplify(lowered.graph, model.precision))
    if options.io == "int8":
        integer_io(lowered)
    return lowered


def coverage(model: Model, options: Options) -> Coverage:
    """Say what becomes of every node; of a model with Q/DQ, also what stays float in it.

    Raises:
        ModelError: when a dimension must be fixed and is not.
        RequestError: when `options.layout` asks for what cannot be.
    """
    lowered = lower_model(model, options)
    if lowered.coverage.refused or not any(node.op_type == "DequantizeLinear" for node in model.graph):
        return lowered.coverage
    return lowered.with_reasons(simplify(lowered.graph, model.precision)).coverage
