"""ONNX's own operator cases: a model of one operator, inputs, and the outputs that ONNX's reference gives."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

Array = NDArray[np.generic]

PLAIN = frozenset(
    onnx.TensorProto.DataType.Value(name)
    for name in ("FLOAT", "BOOL", *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)))
)
"""float32, booleans, and the integers that NumPy has."""

CONSTANTS_ARE_NO_INPUTS = 4
"""The first format version in which an initializer need not be an input of the graph too."""

SEED = 0
"""Some cases draw their inputs at random when they are collected; every process must draw the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One case. `inputs` and `outputs` go by the names of the graph, in its order.

    `operator` is the one that the case is about, with its domain unless that is ONNX's own: a case `…_expanded` holds
    the body of a function operator in place of its node, and is still about that operator.
    """

    name: str
    operator: str
    model: onnx.ModelProto
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    @property
    def has_values_of_tensors(self) -> bool:
        """Whether every input and output is a tensor, none of strings, and no operator is of training."""
        return all(
            value.type.WhichOneof("value") == "tensor_type"
            and value.type.tensor_type.elem_type != onnx.TensorProto.STRING
            for value in self._interface
        ) and not any("training" in node.domain for node in self.model.graph.node)

    @property
    def is_plain(self) -> bool:
        """Whether it is such a case, and of float32, integers and booleans alone."""
        return self.has_values_of_tensors and all(
            value.type.tensor_type.elem_type in PLAIN for value in self._interface
        )

    @property
    def _interface(self) -> tuple[onnx.ValueInfoProto, ...]:
        return (*self.model.graph.input, *self.model.graph.output)

    def with_inputs_fixed(self) -> Case | None:
        """Give the case with its first input alone left open, the others constants; None when there are no others.

        Operators of a file for a device want weights, axes and sizes constant, and in a trained model they are.
        """
        first, others = self.model.graph.input[:1], self.model.graph.input[1:]
        if not others or any(value.type.WhichOneof("value") != "tensor_type" for value in others):
            return None
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        model.ir_version = max(model.ir_version, CONSTANTS_ARE_NO_INPUTS)
        model.graph.initializer.extend(_tensor(self.inputs[value.name], value) for value in others)
        del model.graph.input[1:]
        return Case(
            name=self.name,
            operator=self.operator,
            model=model,
            inputs={value.name: self.inputs[value.name] for value in first},
            outputs=self.outputs,
        )


@cache
def cases() -> Mapping[str, Case]:
    """Give all cases of the installed onnx by name, sorted."""
    from onnx.backend.test.case.node import collect_testcases

    state = np.random.get_state()
    np.random.seed(SEED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the reference functions divide by zero on purpose
            found: dict[str, Any] = {case.name: case for case in collect_testcases(None)}
    finally:
        np.random.set_state(state)
    operators = {name: _operator(case.model) for name, case in found.items()}
    result = {}
    for name in sorted(found):
        model, (data_set,) = found[name].model, found[name].data_sets
        result[name] = Case(
            name=name,
            operator=operators.get(name.partition("_expanded")[0], operators[name]),
            model=model,
            inputs=_by_name(model.graph.input, data_set[0]),
            outputs=_by_name(model.graph.output, data_set[1]),
        )
    return MappingProxyType(result)


def _operator(model: onnx.ModelProto) -> str:
    """Give the operator of a model: that of its last node that is no constant."""
    nodes = [node for node in model.graph.node if node.op_type != "Constant"] or list(model.graph.node)
    node = nodes[-1]
    return f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)


def _by_name(infos: Any, values: Any) -> dict[str, Any]:
    """Name values; a tensor becomes an array, sequences and optionals stay what they are."""
    return {
        info.name: _array(value) if info.type.WhichOneof("value") == "tensor_type" else value
        for info, value in zip(infos, values, strict=True)
    }


def _array(value: Any) -> Array:
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _tensor(array: Array, info: onnx.ValueInfoProto) -> onnx.TensorProto:
    tensor = onnx.numpy_helper.from_array(array, info.name)
    assert tensor.data_type == info.type.tensor_type.elem_type, f"{info.name} is {array.dtype}"
    return tensor
