"""The golden vectors: whether an artifact still computes here what the original computed when the bundle was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..profiles.parity import compare
from ..profiles.report import TensorParity
from ..targets.runtime import Array, Session
from ..vocabulary.errors import ToolError
from .interface import Interface, fill
from .manifest import Golden, Tolerance, ToleranceKind


def run_golden(session: Session, interface: Interface, golden: Golden, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Run an artifact over the golden inputs; gives its outputs, the first axis of each counting the rows.

    One row a call where the original leaves the batch open: that is how the golden outputs were computed.

    Raises:
        ValueError: when the artifact does not take the inputs, or does not give the original's outputs.
    """
    leading = {spec.shape[0] if spec.shape else 1 for spec in interface.original.inputs}
    fixed = [size for size in leading if isinstance(size, int)]
    rows_per_call = 1 if not golden.batched else min(fixed, default=1)
    pieces = []
    for start in range(0, golden.rows, rows_per_call):
        rows = {
            name: fill(np.array(array[start : start + rows_per_call]), rows_per_call) for name, array in inputs.items()
        }
        if golden.batched:
            pieces.append(interface.run(session, rows))
        else:
            outputs = interface.run(session, {name: array[0] for name, array in rows.items()})
            pieces.append({name: array[np.newaxis] for name, array in outputs.items()})
    return {name: np.concatenate([piece[name] for piece in pieces])[: golden.rows] for name in pieces[0]}


def mismatches(
    outputs: Mapping[str, Array], expected: Mapping[str, Array], tolerances: Mapping[str, Sequence[Tolerance]]
) -> tuple[str, ...]:
    """Compare outputs with the golden ones: one sentence for each bound that does not hold."""
    found = []
    for name, bounds in tolerances.items():
        try:
            parity = compare(name, expected[name], outputs[name])
        except ToolError as error:
            found.append(error.message)
            continue
        found += [sentence for bound in bounds if (sentence := breach(name, parity, bound)) is not None]
    return tuple(found)


def breach(name: str, parity: TensorParity, tolerance: Tolerance) -> str | None:
    """Say how an output breaks a bound; None when it holds. A figure that does not exist breaks it, unless equal."""
    if parity.equal_fraction == 1.0 and not parity.nonfinite:
        return None
    if tolerance.kind in (ToleranceKind.MAX_ABS, ToleranceKind.MAX_ABS_SCALED):
        scale = max(1.0, parity.reference_max_abs) if tolerance.kind is ToleranceKind.MAX_ABS_SCALED else 1.0
        bound = tolerance.bound * scale
        value = parity.max_abs
        holds = value is not None and value <= bound
        return None if holds else f"output {name!r}: max_abs {_show(value)} is above {bound:.3g}"
    value = {
        ToleranceKind.EQUAL_FRACTION: parity.equal_fraction,
        ToleranceKind.SNR_DB: parity.snr_db,
        ToleranceKind.PSNR_DB: parity.psnr_db,
        ToleranceKind.COSINE: parity.cosine,
    }[tolerance.kind]
    holds = value is not None and value >= tolerance.bound
    return None if holds else f"output {name!r}: {tolerance.kind} {_show(value)} is below {tolerance.bound:.6g}"


def _show(value: float | None) -> str:
    return "(none)" if value is None else f"{value:.6g}"
