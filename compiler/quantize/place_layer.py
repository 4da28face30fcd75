"""Weight and bias of one kernel become integers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import onnx_ir as ir

from ..passes.editing import Array, constant_array, is_op, only_user
from .kernels import Edge, Kernel, is_bias_of
from .parameters import Parameters, of_weight
from .place import Placer
from .ranges import TensorStatistics
from .scheme import Role, Scheme
from .weights import Correction, Layer, Rounding, by_channel, fit_bias, of_bias


def place_layer(
    placer: Placer,
    kernel: Kernel,
    scheme: Scheme,
    stored: Mapping[ir.Value, Parameters],
    statistics: Callable[[ir.Value], TensorStatistics | None],
    round_: Rounding,
    correct: Correction,
    quantized: Collection[ir.Node],
) -> None:
    """Choose the integers of a weight, correct the bias for it, and let the kernel read both from integers.

    `stored`: the parameters of activations. A bias becomes integers where the scheme has a grid for it and the kernel
    multiplies integers; else it stays float. Kernels without a weight are left alone. `quantized`: all nodes that
    become integers.
    """
    edge, bias = kernel.edge(Role.WEIGHT), kernel.edge(Role.BIAS)
    if edge is None:
        return
    weight = _constant(edge)
    other = kernel.head.inputs[1 - edge.index] if edge.index < 2 else None
    activation = stored.get(other) if other is not None else None
    parameters = _of_weight(weight, edge, scheme)
    values = None if bias is None else by_channel(_constant(bias), weight, edge.axis)
    if values is not None and activation is not None:
        parameters = fit_bias(parameters, weight, values, activation)
    layer = Layer(
        node=kernel.head,
        weight=weight,
        channel_axis=edge.axis,
        parameters=parameters,
        activation=activation,
        statistics=statistics(other) if other is not None else None,
    )
    integers = round_(layer)
    own = bias is not None or _can_take_bias(kernel.head)
    behind = None if own else _bias_behind(kernel, quantized)
    # a MatMul without any bias stays as it is: one more node would cost more
    added = correct(layer, integers) if own or behind is not None else None
    if added is not None and behind is not None:
        placer.put(behind.node, behind.index, _constant(behind).reshape(-1) + added)
    elif added is not None:
        bias = bias or Edge(node=kernel.head, index=2, role=Role.BIAS)
        values = added if values is None else values + added
        placer.put(bias.node, bias.index, values)
    placer.read_integers(edge.node, edge.index, integers, parameters)
    if bias is not None and values is not None and activation is not None and scheme.bias is not None:
        grid = of_bias(parameters, activation, scheme.bias, values)
        placer.read_integers(bias.node, bias.index, grid.quantize(values), grid)


def _can_take_bias(node: ir.Node) -> bool:
    """Whether a bias can be given to a node that has none."""
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        return False  # one that is computed, or scaled
    return is_op(node, "Conv") or (is_op(node, "Gemm") and node.attributes.get_float("alpha", 1.0) == 1.0)


def _bias_behind(kernel: Kernel, quantized: Collection[ir.Node]) -> Edge | None:
    """The bias that a sum in float adds to a MatMul."""
    result = kernel.head.outputs[0]
    node = only_user(result)
    if node is None or not is_op(node, "Add") or node in quantized:
        return None
    index = 1 if node.inputs[0] is result else 0
    value = node.inputs[index]
    return Edge(node=node, index=index, role=Role.BIAS) if value is not None and is_bias_of(kernel, value) else None


def _of_weight(weight: Array, edge: Edge, scheme: Scheme) -> Parameters:
    if scheme.block and edge.axis is not None:
        return of_weight(weight, scheme.weights, axis=1 - edge.axis, block=scheme.block)
    return of_weight(weight, scheme.weights, axis=edge.axis if scheme.per_channel else None)


def _constant(edge: Edge) -> Array:
    array = constant_array(edge.value)
    assert array is not None  # that is what makes it a weight or a bias
    return array
