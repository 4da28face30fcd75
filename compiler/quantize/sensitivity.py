"""Which nodes a model loses its accuracy in: each is quantized alone, and the error at the outputs is measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...vocabulary.sensitivity import NodeSensitivity
from ..model import Model
from ..passes.editing import constant_array
from .isolate import dequantizer, isolate, quantized_nodes
from .methods import signal_to_noise_db
from .noise import Bins
from .ranges import Ranges, TensorStatistics
from .scheme import Scheme
from .session import opened, run_call

Array = NDArray[Any]
Call = Mapping[str, Array]
Tensors = Mapping[str, TensorStatistics]

LARGEST_DB: Final = 200.0
"""What stands for no error at all, and its negative for nothing but error: float32 ends at 150 dB."""

_CANCELS: Final = 0.01
"""A difference with less of the power of what it is taken from has lost 20 dB of what they had."""

_NODES_LOOKED_AT: Final = 40
"""How many nodes behind one are looked at for what makes its error large."""

_FEW_STEPS: Final = 8
"""A channel with fewer steps to either side of 0 has four bits or less."""

_POOR_DB: Final = 25.0
"""A tensor with less has lost half of its eight bits or more: an even spread over 256 steps has 48 dB."""


def rank(
    model: Model, quantized: Model, scheme: Scheme, ranges: Ranges | None, calls: Sequence[Call]
) -> tuple[NodeSensitivity, ...]:
    """Rank the nodes that are integers in `quantized`, which `scheme` made of `model`, the most sensitive first.

    Each is quantized alone, with the parameters that it has in the whole, and the model is run over `calls` (the inputs
    of one call each) in onnxruntime with the integers simulated in float32. That tells the order in which nodes are
    worth keeping float; what an artifact loses only a run of it tells. Memory is that of two such models. `ranges` are
    those of `model`; without them nothing can be said of tensors.

    Raises:
        ToolError: when onnxruntime fails.
    """
    reference = _outputs(model, calls)
    found = []
    for node in quantized_nodes(quantized.ir, scheme):
        alone = quantized.with_graph(isolate(quantized.ir, model.ir, str(node.name), scheme))
        snr_db = _worst_snr_db(reference, _outputs(alone, calls))
        found.append(_told(node, snr_db, ranges.tensors if ranges is not None else {}))
    return tuple(sorted(found, key=lambda item: (item.snr_db, item.node)))


def _outputs(model: Model, calls: Sequence[Call]) -> list[list[Array]]:
    """Give the outputs of every call, an output in the order of the signature."""
    names = [spec.name for spec in model.signature.outputs]
    with opened(model) as session:
        by_call = [run_call(session, names, call) for call in calls]
    return [list(arrays) for arrays in zip(*by_call, strict=True)]


def _worst_snr_db(reference: Sequence[Sequence[Array]], candidate: Sequence[Sequence[Array]]) -> float:
    return min((_snr_db(one, other) for one, other in zip(reference, candidate, strict=True)), default=LARGEST_DB)


def _snr_db(reference: Sequence[Array], candidate: Sequence[Array]) -> float:
    signal = noise = 0.0
    for left, right in zip(reference, candidate, strict=True):
        exact, other = left.astype(np.float64), right.astype(np.float64)
        signal += float(np.square(exact).sum())
        noise += float(np.square(other - exact).sum())
    if not math.isfinite(noise) or not signal:
        return -LARGEST_DB if noise else LARGEST_DB
    return 10.0 * math.log10(signal / noise) if noise else LARGEST_DB


def _told(node: ir.Node, snr_db: float, tensors: Tensors) -> NodeSensitivity:
    """Say of a node of the quantized model which of its tensors its grid fits worst."""
    poorest, least, why = "", LARGEST_DB, _amplified(node, tensors)
    for value, (scale, zero_point, dtype) in _grids(node):
        statistics = tensors.get(value)
        if statistics is None or not statistics.count:
            continue
        bounds = np.iinfo(dtype)
        low, high = ((edge - zero_point) * scale for edge in (bounds.min, bounds.max))
        tensor_db = min(LARGEST_DB, signal_to_noise_db(statistics, low, high, bounds.max - bounds.min + 1))
        channels = _lost_channels(value, statistics, scale)
        if channels is not None:
            return NodeSensitivity(
                node=str(node.name), op=node.op_type, snr_db=snr_db, tensor=value, tensor_snr_db=tensor_db, why=channels
            )
        if tensor_db < least:
            poorest, least = value, tensor_db
            if tensor_db < _POOR_DB:
                first, last = _spread(statistics.counts, statistics.bin_low, statistics.bin_width)
                why = (
                    f"{value} lies in {statistics.low:.3g} … {statistics.high:.3g}, 99% of it within "
                    f"{first:.3g} … {last:.3g}, and a step is {scale:.3g}: {tensor_db:.0f} dB are left"
                )
    return NodeSensitivity(
        node=str(node.name), op=node.op_type, snr_db=snr_db, tensor=poorest, tensor_snr_db=least, why=why
    )


def _lost_channels(name: str, statistics: TensorStatistics, step: float) -> str | None:
    """Say that one channel takes the steps of most others; None when it does not."""
    if not statistics.channel_low:
        return None
    reach = np.maximum(np.abs(statistics.channel_low), np.abs(statistics.channel_high))
    largest, median = int(reach.argmax()), float(np.median(reach))
    if not 0 < median < _FEW_STEPS * step:
        return None
    return (
        f"channel {largest} of {name} reaches {reach[largest]:.3g}, half of the channels no more than {median:.3g}: "
        f"with a step of {step:.3g} these have {median / step:.2g} steps to either side"
    )


def _amplified(node: ir.Node, tensors: Tensors) -> str:
    """Say what makes a small error of a node large: a difference of nearly equal tensors behind it, if there is one."""
    reached, seen = [node], {node}
    while reached:
        current = reached.pop(0)
        if current.op_type in ("Add", "Sub") and current is not node:
            powers = [_power(name, tensors) for name in (_name(current.outputs[0]), *map(_name, current.inputs))]
            kept, *parts = powers
            if (
                kept is not None
                and (largest := max((part for part in parts if part), default=0.0))
                and (kept < _CANCELS * largest)
            ):
                return (
                    f"{current.op_type} {current.name} behind it takes nearly equal tensors from each other: "
                    f"{100 * math.sqrt(kept / largest):.2g}% of their size are left, and all of the error"
                )
        if len(seen) < _NODES_LOOKED_AT:
            behind = [user for value in current.outputs for user, _ in value.uses() if user not in seen]
            seen.update(behind)
            reached += behind
    return "its tensors fit their grids"


def _name(value: ir.Value | None) -> str:
    """Name what a value is in float: the tensor that was quantized."""
    maker = dequantizer(value)
    stored = maker.inputs[0].producer() if maker is not None and maker.inputs[0] is not None else None
    source = stored.inputs[0] if stored is not None else value
    return str(source.name) if source is not None else ""


def _power(name: str, tensors: Tensors) -> float | None:
    """Give the mean square of a tensor's values."""
    statistics = tensors.get(name)
    return Bins.of(statistics).power if statistics is not None and statistics.count else None


def _grids(node: ir.Node) -> list[tuple[str, tuple[float, int, Any]]]:
    """Name the tensors that are quantized around a node, each with scale, zero point and dtype of its integers."""
    found = []
    for value in node.inputs:
        maker = dequantizer(value)
        stored = maker.inputs[0].producer() if maker is not None and maker.inputs[0] is not None else None
        if stored is not None and stored.op_type == "QuantizeLinear":
            found.append(stored)
    for value in node.outputs:
        found += [user for user, _ in value.uses() if user.op_type == "QuantizeLinear"]
    grids = []
    for quantizer in found:
        source, scale, zero_point = quantizer.inputs[0], constant_array(quantizer.inputs[1]), None
        if len(quantizer.inputs) > 2:
            zero_point = constant_array(quantizer.inputs[2])
        if source is None or scale is None or zero_point is None or scale.size != 1:
            continue
        grids.append((str(source.name), (float(scale.reshape(())), int(zero_point.reshape(())), zero_point.dtype)))
    return grids


def _spread(counts: Sequence[int], low: float, width: float) -> tuple[float, float]:
    """Give the range that holds 99% of the values, half a percent left out on either side."""
    below = np.cumsum(counts) / max(1, sum(counts))
    first, last = int(np.searchsorted(below, 0.005)), int(np.searchsorted(below, 0.995))
    return low + first * width, low + (last + 1) * width
