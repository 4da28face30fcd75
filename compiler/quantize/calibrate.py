"""Calibration: what values the tensors of a model take over rows of data, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...vocabulary.errors import DataError
from ..graph_digest import graph_digest
from ..model import Model
from .channel_axis import channel_axis
from .expose import float_tensors, giving, giving_shapes
from .feed import Feed
from .histogram import Channels, Histogram
from .ranges import Ranges, TensorStatistics
from .session import opened, run_call

Array = NDArray[Any]

BUDGET_BYTES: Final = 256 * 2**20
"""How many bytes of inner tensors are held at a time."""

_FLOAT32_BYTES: Final = 4


def calibrate(model: Model, rows: Mapping[str, Array], *, budget_bytes: int = BUDGET_BYTES) -> Ranges:
    """Run a hub model over rows of data, and give the statistics of its float32 inputs and of all that it computes.

    `rows` holds an array for each input, its first axis counting the rows; a `TensorFolder` may be larger than memory.
    A call takes one row (or as many as a fixed leading dimension says; then the last call is filled up with the last
    row, whose copies are counted). Inner tensors become outputs of the model, and what would drop or fuse them is off.
    When those of one call take more than `budget_bytes`, they are looked at in several groups, each over all rows.
    Infinities that the model computes, such as masks of −∞, are counted; the statistics are of the finite values.

    Raises:
        DataError: when there are no rows, an input is missing or does not fit, when an input holds NaN or infinity, or
            an inner tensor NaN; the message names the tensor and the row.
        ToolError: when onnxruntime cannot run the model.
    """
    feed = Feed(model.signature, rows)
    first = feed.first
    inputs = {str(value.name): value for value in model.graph.inputs if first[str(value.name)].dtype == np.float32}
    gathered = {name: _Gathered(name, value, first[name].shape) for name, value in inputs.items()}
    for words, call in feed.calls():
        for name in inputs:
            gathered[name].add(call[name], words)
    inner = {str(value.name): value for value in float_tensors(model)}
    if inner:
        shapes = _shapes(model, tuple(inner), first)
        gathered |= {name: _Gathered(name, value, shapes[name]) for name, value in inner.items()}
        for group in _groups(shapes, budget_bytes):
            with opened(giving(model, group)) as session:
                for words, call in feed.calls():
                    for name, array in zip(group, run_call(session, group, call), strict=True):
                        gathered[name].add(array, words)
    tensors = {name: found.statistics() for name, found in gathered.items()}
    return Ranges(model=graph_digest(model), rows=feed.row_count, tensors=tensors)


class _Gathered:
    """What is known so far of one tensor."""

    def __init__(self, name: str, value: ir.Value, shape: tuple[int, ...]) -> None:
        """`shape` is the one that it has in the first call."""
        self._name, self._value = name, value
        self._histogram = Histogram()
        self._infinite = 0
        axis = channel_axis(value, len(shape))
        self._channels = Channels(axis, shape[axis]) if axis is not None and shape[axis] else None

    def add(self, array: Array, words: str) -> None:
        """Take in the values of one call; `words` say which rows it took.

        Raises:
            DataError: when one of them is NaN, or an input of the model infinite.
        """
        if array.size == 0:
            return
        channels = self._channels
        if channels is not None and (array.ndim <= channels.axis or array.shape[channels.axis] != channels.size):
            self._channels = channels = None  # rows of several sizes have no channels in common
        low, high = (float(array.min()), float(array.max())) if channels is None else channels.add(array)
        if math.isfinite(low) and math.isfinite(high):
            self._histogram.add(array, low, high)
        elif self._value.producer() is None or np.isnan(array).any():
            raise self._not_finite(array, words)
        else:
            self._add_the_finite(array)

    def _add_the_finite(self, array: Array) -> None:
        """Take in what is finite of the values; slices with infinities in them have no statistics."""
        self._channels = None
        finite = array[np.isfinite(array)]
        self._infinite += array.size - finite.size
        if finite.size:
            self._histogram.add(finite, float(finite.min()), float(finite.max()))

    def statistics(self) -> TensorStatistics:
        """Give what was found."""
        histogram, channels = self._histogram, self._channels
        if not histogram.count:
            return TensorStatistics(
                low=0.0, high=0.0, count=0, bin_low=0.0, bin_width=1.0, counts=(), infinite=self._infinite
            )
        return TensorStatistics(
            low=histogram.low,
            high=histogram.high,
            count=histogram.count,
            bin_low=histogram.bin_low,
            bin_width=histogram.bin_width,
            counts=histogram.counts,
            infinite=self._infinite,
            channel_axis=None if channels is None else channels.axis,
            channel_low=() if channels is None else channels.low,
            channel_high=() if channels is None else channels.high,
            channel_mean=() if channels is None else channels.mean,
        )

    def _not_finite(self, array: Array, words: str) -> DataError:
        kind = "NaN" if np.isnan(array).any() else "infinity"
        producer = self._value.producer()
        if producer is None:
            return DataError(f"input {self._name!r} holds {kind} in {words}", hint="leave such rows out")
        return DataError(
            f"tensor {self._name!r}, which {producer.op_type} node {producer.name!r} computes, holds {kind} in {words}",
            hint="a row that is no data, or a division of zero by zero: leave such rows out, or look at the node",
        )


def _shapes(model: Model, names: Sequence[str], call: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    """Give the shapes that tensors have in a call, without holding one of them."""
    asking = giving_shapes(model, names)
    outputs = [str(value.name) for value in asking.graph.outputs]
    with opened(asking) as session:
        found = run_call(session, outputs, call)
    return {name: tuple(shape.tolist()) for name, shape in zip(names, found, strict=True)}


def _groups(shapes: Mapping[str, tuple[int, ...]], budget_bytes: int) -> Iterator[list[str]]:
    """Part tensors into groups of which each fits the budget, or is a single tensor."""
    group: list[str] = []
    taken = 0
    for name, shape in shapes.items():
        size = _FLOAT32_BYTES * math.prod(shape)
        if group and taken + size > budget_bytes:
            yield group
            group, taken = [], 0
        group.append(name)
        taken += size
    yield group
