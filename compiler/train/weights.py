"""Which constants of a model learn, and how what they have learned is put back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.signature import Signature, TensorSpec
from ..model import Model, dtype_name
from ..passes.editing import Array, constant_array, is_op, tensor_shape

MULTIPLIED: Final[Mapping[str, tuple[int, ...]]] = {
    "BatchNormalization": (1, 2),
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Einsum": (0, 1, 2),
    "GRU": (1, 2, 3),
    "Gather": (0,),
    "Gemm": (0, 1, 2),
    "GroupNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "LSTM": (1, 2, 3),
    "LayerNormalization": (1, 2),
    "MatMul": (0, 1),
    "PRelu": (1,),
    "RNN": (1, 2, 3),
}
"""Operator → the inputs that are its weights, where they are constants."""

_BESIDE: Final = ("Add", "Div", "Mul", "Sub")
"""Operators whose constant operand is a weight behind a layer (a bias, a scale, a position), and in front of the first
one a preparation of the inputs, which stays."""


_OF_A_MASK: Final = 1e4
"""What is added to keep a place from being looked at is at least as large (float16, which some masks are made for, ends
near 65,504), and no weight is."""


def learnable(graph: ir.Graph) -> tuple[ir.Value, ...]:
    """Give the float32 constants of a graph that learn, in the order in which it reads them.

    A single number is none: it is a part of a formula more often than a weight. Neither is one that is not finite, or
    holds numbers that only a mask has.
    """
    found: dict[ir.Value, None] = {}
    learned: set[ir.Value | None] = set()
    for node in graph:
        places: Sequence[int] = MULTIPLIED.get(node.op_type, ()) if node.domain == "" else ()
        behind = not learned.isdisjoint(node.inputs)
        if node.domain == "" and node.op_type in _BESIDE and behind:
            places = (0, 1)
        weights = [value for place in places if (value := _weight(node, place)) is not None]
        found.update(dict.fromkeys(weights))
        if weights or behind or _is_stored_weight(node):
            learned.update(node.outputs)
    return tuple(found)


def _weight(node: ir.Node, place: int) -> ir.Value | None:
    value = node.inputs[place] if place < len(node.inputs) else None
    array = constant_array(value) if value is not None and value.is_initializer() else None
    if value is None or value.is_graph_output():  # what a model gives out as it is, is no part of a layer
        return None
    if array is None or array.dtype != np.float32 or array.size < 2 or not (np.abs(array) < _OF_A_MASK).all():
        return None
    return value


def _is_stored_weight(node: ir.Node) -> bool:
    return is_op(node, "DequantizeLinear") and constant_array(node.inputs[0]) is not None


def arrays_of(values: Iterable[ir.Value]) -> dict[str, Array]:
    """Give the numbers of constants by their names."""
    return {str(value.name): array for value in values if (array := constant_array(value)) is not None}


def open_to(model: Model, weights: Iterable[str], tapped: Iterable[str]) -> Model:
    """Give a copy that takes these constants as inputs behind its own, and gives these inner tensors as outputs too."""
    graph = model.ir.clone()
    main = graph.graph
    inputs, outputs = [], []
    for name in weights:
        constant = main.initializers.pop(name)
        tensor = constant.const_value
        assert tensor is not None
        value = ir.Value(name=name, shape=ir.Shape(tensor_shape(tensor)), type=ir.TensorType(tensor.dtype))
        constant.replace_all_uses_with(value)
        main.inputs.append(value)
        inputs.append(_spec(value))
    values = {value.name: value for node in main for value in node.outputs}
    for name in tapped:
        main.outputs.append(values[name])
        outputs.append(_spec(values[name]))
    signature = Signature(inputs=(*model.signature.inputs, *inputs), outputs=(*model.signature.outputs, *outputs))
    return replace(model, ir=graph, signature=signature)


def _spec(value: ir.Value) -> TensorSpec:
    sizes = () if value.shape is None else value.shape
    shape = tuple(size if isinstance(size, int) else str(size.value or "any") for size in sizes)
    return TensorSpec(name=str(value.name), dtype=dtype_name(value.dtype or ir.DataType.FLOAT), shape=shape)


def put_back(model: ir.Model, arrays: Mapping[str, Array]) -> None:
    """Let constants be these numbers, in place; names, dtypes and shapes stay."""
    for name, array in arrays.items():
        value = model.graph.initializers[name]
        assert value.const_value is not None
        known = value.const_value.numpy()
        same = np.ascontiguousarray(array, known.dtype).reshape(known.shape)  # it makes a list of a scalar
        value.const_value = ir.tensor(same, name=name)
