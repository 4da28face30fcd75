"""A walk through an artifact beside the reference: how far each tensor is off, and the first one that parts."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ..vocabulary.evidence import Evidence
from .gates import Gates
from .report import TensorParity
from .tensor_bounds import bounds_for


class Way(StrEnum):
    """How inner tensors were had."""

    SHOWN = "shown"
    """The runtime showed them."""
    CUT = "cut"
    """The model was cut behind each, compiled and run."""


class Grid(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The integers that stand for a tensor, and what becomes of its values on them.

    `clipped` is the share of the reference's values that lie outside of the range, by more than half a step; `lost` the
    share of its values other than zero that are nearer to zero than half a step, so that nothing is left of them.
    """

    scale: float
    zero_point: int
    lowest: int
    highest: int
    clipped: float = 0.0
    lost: float = 0.0

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest real."""
        return (self.lowest - self.zero_point) * self.scale, (self.highest - self.zero_point) * self.scale


class TensorWalk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tensor of the model, in topological order.

    `inputs` are the computed tensors that its node reads. `parity` is None where the artifact does not hold the tensor.
    `broken` says which bounds are broken, one sentence each. Near the first tensor that parts, `own` is how far the
    artifact is from what the reference makes of the artifact's own tensors: the error that is born here. `variant` is
    how far the quantized model is off when the reference runs it, without the target taking part.
    """

    name: str
    node: str
    op: str
    inputs: tuple[str, ...]
    parity: TensorParity | None = None
    broken: tuple[str, ...] = ()
    own: TensorParity | None = None
    own_broken: tuple[str, ...] = ()
    variant: TensorParity | None = None
    variant_broken: tuple[str, ...] = ()
    grid: Grid | None = None


class Bisection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a walk found.

    `calls` calls on these `rows`, counted from 0, of `inputs` (`evaluation`, `drawn`) were compared. `outputs` is how
    far the whole artifact is off there. `first` names the first tensor that parts; None when none does. `findings` say
    where the error comes from; `notes` what the walk could not look at.
    """

    artifact: str
    precision: str
    device: str
    evidence: Evidence
    calls: int
    rows: tuple[int, ...]
    inputs: str
    way: Way
    outputs: dict[str, TensorParity]
    tensors: tuple[TensorWalk, ...]
    first: str | None
    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def compared(self) -> int:
        """How many tensors were compared."""
        return sum(tensor.parity is not None for tensor in self.tensors)


def broken_bounds(precision: str, parity: TensorParity, step: float | None = None) -> tuple[str, ...]:
    """Say which default bounds of a precision a tensor breaks; they are those that outputs are held to.

    `step` is the distance of two neighbouring reals where integers stand for the tensor: no difference up to it counts
    in a tensor of zeros, which has no cosine.
    """
    if parity.nonfinite:
        return (f"{parity.nonfinite} elements are NaN or infinite here or in the reference alone",)
    if parity.max_abs == 0.0:
        return ()
    bounds, found = bounds_for(precision, parity, Gates()), []
    if bounds.max_abs is not None and (parity.max_abs is None or parity.max_abs > bounds.max_abs):
        found.append(f"off by {_number(parity.max_abs)}, over {bounds.max_abs:.3g}")
    if bounds.min_cosine is not None and (parity.cosine is None or parity.cosine < bounds.min_cosine):
        if (
            parity.reference_max_abs == 0.0
            and step is not None
            and parity.max_abs is not None
            and parity.max_abs <= step
        ):
            return tuple(found)
        found.append(
            f"cosine {parity.cosine:.4g}, under {bounds.min_cosine:.6g}"
            if parity.cosine is not None
            else "no cosine, for one side is all zeros"
        )
    return tuple(found)


def _number(value: float | None) -> str:
    return "no figure" if value is None else f"{value:.4g}"
