"""Second moments: how the inputs of each layer with weights vary together over rows of data."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..model import Model
from ..passes.editing import ints
from .expose import giving
from .feed import Feed
from .linear import LinearLayer, linear_layer
from .session import opened, run_call

Array = NDArray[Any]

LARGEST_SIZE: Final = 4096
"""A layer in which more inputs are summed up for one output is left out: its moments would take more than 128 MB, and
choosing its integers (their number times the square of this) minutes."""

BUDGET_BYTES: Final = 256 * 2**20
"""How many bytes of moments are held at a time; one layer may take more by itself."""

MOST_POSITIONS: Final = 1024
"""How many places of one call are looked at, evenly spread: neighbouring patches of an image say much the same."""


def second_moments(
    model: Model, rows: Mapping[str, Array], *, largest_size: int = LARGEST_SIZE, budget_bytes: int = BUDGET_BYTES
) -> Iterator[tuple[str, Array]]:
    """Give for each constant weight of a Conv, Gemm or MatMul its name and H = E[x xᵀ] of what it is multiplied with.

    H is float32[groups, n, n]: n inputs are summed up for an output, for a convolution those of a patch, channel by
    channel. The mean is over the rows and places; padding counts as the zeros that it is. A weight that several layers
    share has the mean of theirs. A weight whose inputs are infinite, or so large that their squares are, has none. The
    rows are gone through once for each group of layers that fits the budget.

    Raises:
        DataError: when the rows do not fit the model.
        ToolError: when onnxruntime cannot run the model.
    """
    feed = Feed(model.signature, rows)
    inputs = {value.name for value in model.graph.inputs}
    for group in _groups(_summed(model, largest_size), budget_bytes):
        names = list(
            dict.fromkeys(layer.source for item in group for layer in item.layers if layer.source not in inputs)
        )
        if names:
            with opened(giving(model, names)) as session:
                for _, call in feed.calls():
                    _add(group, dict(call) | dict(zip(names, run_call(session, names, call), strict=True)))
        else:
            for _, call in feed.calls():
                _add(group, call)
        for item in group:
            with np.errstate(over="ignore"):
                mean = (item.total / item.count).astype(np.float32) if item.count else item.total
            if item.count and np.isfinite(mean).all():
                yield item.name, mean
            item.total = np.zeros(0)  # the list of all layers outlives the group


def save_moments(path: Path, moments: Iterable[tuple[str, Array]]) -> None:
    """Write moments as an `.npz`, one after the other; equal ones give equal bytes.

    Raises:
        OSError: when it cannot be written.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in moments:
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layer:
    """What of a layer its patches depend on."""

    source: str
    layer: LinearLayer

    def patches(self, x: Array) -> Array:
        """Give what is summed up for each output. x: the layer's input → float64[groups, places, n]."""
        node, groups = self.layer.node, self.layer.order.groups
        if node.op_type != "Conv":
            return _spread(x.reshape(-1, x.shape[-1]))[None].astype(np.float64)
        assert self.layer.weight.const_value is not None
        kernel = self.layer.order.shape[2:]
        axes = len(kernel)
        dilations = ints(node, "dilations") or (1,) * axes
        strides = ints(node, "strides") or (1,) * axes
        reach = [(size - 1) * step + 1 for size, step in zip(kernel, dilations, strict=True)]
        padded = np.pad(x, [(0, 0), (0, 0), *_pads(node, x.shape[2:], reach, strides)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(2, 2 + axes)))
        index = (slice(None), slice(None), *(slice(None, None, step) for step in strides))
        windows = windows[(*index, *(slice(None, None, step) for step in dilations))]
        places = windows.shape[0], *windows.shape[2 : 2 + axes]
        chosen = np.unravel_index(_spread(np.arange(math.prod(places))), places)
        picked = np.moveaxis(windows, 1, 1 + axes)[chosen]  # [places, channels, *kernel]
        by_group = picked.reshape(len(picked), groups, -1).transpose(1, 0, 2)
        return np.ascontiguousarray(by_group, dtype=np.float64)


@dataclass(kw_only=True, slots=True, eq=False)
class _Summed:
    """The moments of one weight, so far."""

    name: str
    layers: tuple[_Layer, ...]
    total: Array = field(default_factory=lambda: np.zeros(0))
    count: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """Groups, and twice the number of inputs that are summed up."""
        order = self.layers[0].layer.order
        size = math.prod(order.shape) // order.outputs
        return order.groups, size, size


def _add(group: Sequence[_Summed], values: Mapping[str, Array]) -> None:
    for item in group:
        if not item.count:
            item.total = np.zeros(item.shape)
        for layer in item.layers:
            patches = layer.patches(values[layer.source])
            with np.errstate(invalid="ignore", over="ignore"):  # moments that are not finite are not given
                item.total += patches.transpose(0, 2, 1) @ patches
            item.count += patches.shape[1]


def _summed(model: Model, largest_size: int) -> list[_Summed]:
    found: dict[str, list[_Layer]] = {}
    for node in model.graph:
        layer = linear_layer(node)
        source = node.inputs[0] if layer is not None else None
        if layer is None or source is None or source.const_value is not None:
            continue
        if node.op_type == "Conv" and node.attributes.get_string("auto_pad", "NOTSET") not in _KNOWN_PADDING:
            continue
        found.setdefault(str(layer.weight.name), []).append(_Layer(source=str(source.name), layer=layer))
    summed = [_Summed(name=name, layers=tuple(layers)) for name, layers in found.items()]
    return [
        item
        for item in summed
        if item.shape[1] <= largest_size and len({layer.layer.order for layer in item.layers}) == 1
    ]


def _groups(summed: Iterable[_Summed], budget_bytes: int) -> Iterator[list[_Summed]]:
    group: list[_Summed] = []
    taken = 0
    for item in summed:
        size = 8 * math.prod(item.shape)
        if group and taken + size > budget_bytes:
            yield group
            group, taken = [], 0
        group.append(item)
        taken += size
    if group:
        yield group


_KNOWN_PADDING: Final = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def _pads(node: ir.Node, sizes: Sequence[int], reach: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """Give what is padded at both ends of each axis, by the definition of Conv."""
    mode = node.attributes.get_string("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = ints(node, "pads") or (0,) * (2 * len(sizes))
        return list(zip(pads[: len(sizes)], pads[len(sizes) :], strict=True))
    if mode == "VALID":
        return [(0, 0)] * len(sizes)
    totals = [
        max(0, (-(-size // step) - 1) * step + width - size)
        for size, width, step in zip(sizes, reach, strides, strict=True)
    ]
    halves = [(total // 2, total - total // 2) for total in totals]
    return halves if mode == "SAME_UPPER" else [(after, before) for before, after in halves]


def _spread(entries: Array) -> Array:
    """Give entries of the first axis, evenly spread, so that they are not too many."""
    if len(entries) <= MOST_POSITIONS:
        return entries
    return entries[np.arange(MOST_POSITIONS) * len(entries) // MOST_POSITIONS]
