"""Compares the tensors that an artifact shows with the reference's, and says where they part and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...profiles.bisection import Grid, TensorWalk, broken_bounds
from ...profiles.parity import compare
from ...targets.base import InnerTensor
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.tensor_folder import TensorFolder
from .trace_tensors import TracedTensor, read_trace

if TYPE_CHECKING:
    from ...compiler.model import Model

Array = NDArray[np.generic]

AROUND = 3
"""Compared tensors before and behind the first that parts, for which the error that is born there is computed."""


class CompareTensors(msgspec.Struct, frozen=True, kw_only=True, tag="compare"):
    """What was shown of one artifact. Leaves `walk.json`.

    `trace` is what `TraceTensors` left. The others are `TensorFolder`s whose first axis counts calls: `reference` by
    the names of the traced tensors, `shown` by the keys of their places, `variant` by their stand-ins. `inputs` holds
    the rows in the source's own layout, `rows_per_call` of them in a call.
    """

    trace: str
    reference: str
    shown: str
    variant: str
    inputs: str
    rows_per_call: int
    batched: bool
    precision: str

    @property
    def title(self) -> str:
        """`compare tensors`."""
        return "compare tensors"

    def key_parts(self) -> Mapping[str, Plain]:
        """Nothing: what is compared is never kept."""
        return {}

    def run(self, out: Path) -> None:
        """Compare them all, and look closer around the first that parts."""
        from ...compiler.model import Model

        traced = read_trace(Path(self.trace))
        folders = _Folders(TensorFolder(Path(self.reference)), TensorFolder(Path(self.shown)), Path(self.variant))
        walked = [walk_of(tensor, folders.pair(tensor), self.precision) for tensor in traced]
        first = next((index for index, each in enumerate(walked) if each.broken), None)
        if first is not None:
            model = Model.load(Path(self.trace) / "float")
            near = _near(walked, first)
            given = {tensor.name: folders.got(tensor) for tensor in traced if folders.holds(tensor)}
            for index in near:
                walked[index] = self._closer(walked[index], traced[index], folders, model, given)
        (out / "walk.json").write_bytes(encode_json(tuple(walked)))

    def _closer(
        self, walked: TensorWalk, tensor: TracedTensor, folders: _Folders, model: Model, given: Mapping[str, Array]
    ) -> TensorWalk:
        from ..own_result import own_result

        expected = own_result(model, tensor.name, given, self._calls())
        own = compare(tensor.name, expected, given[tensor.name])
        step = tensor.grid.scale if tensor.grid is not None else None
        variant = folders.variant_of(tensor)
        told = compare(tensor.name, folders.reference[tensor.name], variant) if variant is not None else None
        return msgspec.structs.replace(
            walked,
            own=own,
            own_broken=broken_bounds(self.precision, own, step),
            variant=told,
            variant_broken=broken_bounds(self.precision, told, step) if told is not None else (),
        )

    def _calls(self) -> Iterator[Mapping[str, Array]]:
        rows = TensorFolder(Path(self.inputs))
        for start in range(0, rows.row_count, self.rows_per_call):
            taken = rows.rows(start, start + self.rows_per_call)
            yield taken if self.batched else {name: np.asarray(array[0]) for name, array in taken.items()}


def read_walk(out: Path) -> tuple[TensorWalk, ...]:
    """Read what a `CompareTensors` left."""
    return msgspec.json.decode((out / "walk.json").read_bytes(), type=tuple[TensorWalk, ...])


def walk_of(tensor: TracedTensor, pair: tuple[Array, Array] | None, precision: str) -> TensorWalk:
    """Say how far a tensor is off, of the reference's and the artifact's values; None where there is no pair."""
    parity = compare(tensor.name, *pair) if pair is not None else None
    step = tensor.grid.scale if tensor.grid is not None else None
    return TensorWalk(
        name=tensor.name,
        node=tensor.node,
        op=tensor.op,
        inputs=tensor.inputs,
        parity=parity,
        broken=broken_bounds(precision, parity, step) if parity is not None else (),
        grid=used(tensor.grid, pair[0]) if tensor.grid is not None and pair is not None else tensor.grid,
    )


def used(grid: Grid, reference: Array) -> Grid:
    """Say what becomes of the reference's values on a grid."""
    low, high = grid.range
    values = reference[np.isfinite(reference)].astype(np.float64)
    half = grid.scale / 2
    outside = (values < low - half) | (values > high + half)
    there = values != 0.0
    lost = there & (np.abs(values) < half)
    return msgspec.structs.replace(
        grid,
        clipped=float(outside.mean()) if values.size else 0.0,
        lost=float(lost.sum() / there.sum()) if there.any() else 0.0,
    )


class _Folders:
    """The tensors of all calls, in the reference's own layout."""

    def __init__(self, reference: TensorFolder, shown: TensorFolder, variant: Path) -> None:
        self.reference, self.shown = reference, shown
        self.variant = TensorFolder(variant)

    def holds(self, tensor: TracedTensor) -> bool:
        """Whether the artifact showed a tensor in full."""
        place = tensor.place
        return (
            place is not None
            and place.key in self.shown
            and self.shown[place.key].size == self.reference[tensor.name].size
        )

    def pair(self, tensor: TracedTensor) -> tuple[Array, Array] | None:
        """Give what the reference and the artifact have."""
        return (self.reference[tensor.name], self.got(tensor)) if self.holds(tensor) else None

    def got(self, tensor: TracedTensor) -> Array:
        """Give what the artifact has."""
        assert tensor.place is not None
        return as_hub(self.shown[tensor.place.key], tensor.place, self.reference[tensor.name].shape)

    def variant_of(self, tensor: TracedTensor) -> Array | None:
        """Give what the variant has when the reference runs it; None where it has no such tensor."""
        if tensor.stand_in is None or tensor.stand_in not in self.variant:
            return None
        return self.variant[tensor.stand_in]


def as_hub(array: Array, place: InnerTensor, shape: tuple[int, ...]) -> Array:
    """Give what an artifact holds as the hub has it, [calls, …] of this shape, from its own layout and integers."""
    if place.quantization is not None:
        scale, zero_point = place.quantization
        array = ((array.astype(np.int64) - zero_point) * np.float64(scale)).astype(np.float32)
    if place.permutation is None:
        return array.reshape(shape)
    axes = (0, *(axis + 1 for axis in place.permutation))
    back = tuple(int(axis) for axis in np.argsort(axes))
    return array.reshape([shape[axis] for axis in axes]).transpose(back)


def _near(walked: list[TensorWalk], first: int) -> list[int]:
    compared = [index for index, each in enumerate(walked) if each.parity is not None]
    at = compared.index(first)
    return compared[max(0, at - AROUND) : at + AROUND + 1]
