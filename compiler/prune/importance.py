"""How much a model needs each of its slots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from ..passes.editing import Array
from .marks import Part, Trace

Importance = Callable[[Trace], NDArray[np.float64]]
"""Gives for each number of a slot what is lost with it; only those of roots are looked at."""


def by_magnitude(trace: Trace) -> NDArray[np.float64]:
    """Judge slots by the L2 norms of the weights that make them, each relative to the mean of its layer.

    Source: Li et al., Pruning Filters for Efficient ConvNets, 2017; the sum over a group, Fang et al., DepGraph, 2023.
    """
    found = np.zeros(len(trace.slots))
    for part in trace.parts:
        if part.makes:
            norms = np.linalg.norm(_rows(weight_of(part), part), axis=1)
            np.add.at(found, trace.slots.roots(part.ids), norms / (norms.mean() or 1.0))
    return found


def by_taylor(trace: Trace, products: Iterable[Mapping[str, Array]]) -> NDArray[np.float64]:
    """Judge slots by how much the loss changes without them, to first order, squared and summed over batches.

    products: for each batch, name of a weight → weight times the gradient of the loss. What is taken out is what the
    layers behind read of a slot, so that is what is summed; slots that none reads by weights, as queries and keys are,
    are judged by the weights that make them. Source: Molchanov et al., Importance Estimation for Neural Network
    Pruning, 2019, equation 8.
    """
    weights = [part for part in trace.parts if part.index == 1]
    reading = [part for part in weights if not part.makes]
    read = np.zeros(len(trace.slots), bool)
    for part in reading:
        read[trace.slots.roots(part.ids)] = True
    found = np.zeros(len(trace.slots))
    for batch in products:
        change = np.zeros(len(trace.slots))
        for part in weights:
            product = batch.get(_name(part))
            if product is None:
                continue
            roots = trace.slots.roots(part.ids)
            counted = read[roots] != part.makes
            np.add.at(change, roots[counted], _rows(product, part).sum(axis=1)[counted])
        found += change**2
    return found


def weight_of(part: Part) -> Array:
    """Give the numbers of a constant operand."""
    value = part.node.inputs[part.index]
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def _name(part: Part) -> str:
    value = part.node.inputs[part.index]
    assert value is not None
    return str(value.name)


def _rows(array: Array, part: Part) -> NDArray[np.float64]:
    """Give an operand as a matrix, a row for each place along the axis that shrinks."""
    moved = np.moveaxis(array.astype(np.float64), part.axis, 0)
    return moved.reshape(len(moved), -1)
