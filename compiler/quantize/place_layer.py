"""Weight and bias of one kernel become integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from ..passes.editing import Array, constant_array, is_op
from .kernels import Edge, Kernel
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
) -> None:
    """Choose the integers of a weight, correct the bias for it, and let the kernel read both from integers.

    `stored`: the parameters of activations. A bias becomes integers where the scheme has a grid for it and the kernel
    multiplies integers; else it stays float. Kernels without a weight are left alone.
    """
    edge, bias = kernel.edge(Role.WEIGHT), kernel.edge(Role.BIAS)
    if edge is None:
        return
    weight = _constant(edge)
    other = kernel.head.inputs[1 - edge.index] if edge.index < 2 else None
    activation = stored.get(other) if other is not None else None
    parameters = of_weight(weight, scheme.weights, axis=edge.axis if scheme.per_channel else None)
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
    added = correct(layer, integers)
    if added is not None and bias is None and is_op(kernel.head, "Conv", "ConvTranspose", "Gemm"):
        bias, values = Edge(node=kernel.head, index=2, role=Role.BIAS), np.zeros_like(added)
    if added is not None and bias is not None and values is not None:
        values = values + added
        placer.put(bias.node, bias.index, values)
    placer.read_integers(edge.node, edge.index, integers, parameters)
    if bias is not None and values is not None and activation is not None and scheme.bias is not None:
        own = of_bias(parameters, activation, scheme.bias, values)
        placer.read_integers(bias.node, bias.index, own.quantize(values), own)


def _constant(edge: Edge) -> Array:
    array = constant_array(edge.value)
    assert array is not None  # that is what makes it a weight or a bias
    return array
