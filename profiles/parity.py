"""How far an artifact's outputs are from the original's, read in pieces so that memory does not grow with the rows."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..vocabulary.errors import ToolError
from ..vocabulary.tensor_folder import Array, TensorFolder
from .report import Parity, TensorParity

CHUNK_ELEMENTS = 1 << 19
"""Elements that are compared at a time: 4 MiB of float64 for each intermediate."""


def measure(reference: TensorFolder, candidate: TensorFolder, *, inputs: str) -> Parity:
    """Compare every output over all rows; `inputs` says what they were run on (`evaluation`, `drawn`).

    The candidate may have another dtype than the reference (a target may narrow), but not another shape.

    Raises:
        ToolError: when the two do not hold the same outputs of the same shapes, or hold no rows.
    """
    if set(reference) != set(candidate):
        raise ToolError(f"the artifact gives the outputs {sorted(candidate)}, the original {sorted(reference)}")
    if not reference.row_count:
        raise ToolError("there are no outputs to compare")
    return Parity(
        outputs={name: _by_rows(name, reference[name], candidate[name]) for name in reference},
        rows=reference.row_count,
        inputs=inputs,
    )


def compare(name: str, reference: Array, candidate: Array) -> TensorParity:
    """Compare one output, `reference` and `candidate` of equal shape and of real or boolean numbers; no `worst_row`.

    Raises:
        ToolError: when the shapes differ, or there are no numbers to compare.
    """
    return _summed(name, reference, candidate).parity(reference.dtype.name, reference.size)


def _by_rows(name: str, reference: Array, candidate: Array) -> TensorParity:
    """Compare one output whose first axis counts rows, and say which row is the worst."""
    sums = _summed(name, reference, candidate)
    parity = sums.parity(reference.dtype.name, reference.size)
    if sums.worst is None:
        return parity
    return msgspec.structs.replace(parity, worst_row=sums.worst // (reference.size // len(reference)))


def _summed(name: str, reference: Array, candidate: Array) -> _Sums:
    if reference.shape != candidate.shape:
        raise ToolError(
            f"output {name!r}: the artifact gives the shape {list(candidate.shape)}, "
            f"the original {list(reference.shape)}"
        )
    for array in (reference, candidate):
        if array.dtype.kind not in "biuf":
            raise ToolError(f"output {name!r}: values of {array.dtype} cannot be compared as numbers")
    sums = _Sums()
    left, right = reference.reshape(-1), candidate.reshape(-1)
    for start in range(0, left.size, CHUNK_ELEMENTS):
        sums.add(start, left[start : start + CHUNK_ELEMENTS], right[start : start + CHUNK_ELEMENTS])
    return sums


class _Sums:
    """Sums over the elements at which both are finite, in float64.

    `worst` is the place of the largest difference, of the first element that is not finite in one alone where there is
    one; None while all are equal.
    """

    def __init__(self) -> None:
        self.squared_error = self.squared_reference = self.squared_candidate = self.product = 0.0
        self.max_abs = self.reference_max_abs = 0.0
        self.equal = self.nonfinite = self.finite = 0
        self.worst: int | None = None

    def add(self, start: int, reference: Array, candidate: Array) -> None:
        same = np.asarray(np.equal(reference, candidate))
        left: NDArray[np.float64] = reference.astype(np.float64)
        right: NDArray[np.float64] = candidate.astype(np.float64)
        same |= np.isnan(left) & np.isnan(right)
        finite = np.isfinite(left) & np.isfinite(right)
        self.equal += int(np.count_nonzero(same))
        if not self.nonfinite and (broken := ~finite & ~same).any():
            self.worst = start + int(broken.argmax())
        self.nonfinite += int(np.count_nonzero(~finite & ~same))
        self.finite += int(np.count_nonzero(finite))
        if not finite.all():
            left, right = left[finite], right[finite]
        if not left.size:
            return
        error = right - left
        at = int(np.abs(error).argmax())
        if abs(error[at]) > self.max_abs:
            self.max_abs = float(abs(error[at]))
            if not self.nonfinite:
                self.worst = start + int(np.flatnonzero(finite)[at])
        self.reference_max_abs = max(self.reference_max_abs, float(np.abs(left).max()))
        with np.errstate(over="ignore"):  # a sum that overflows makes its figure None
            self.squared_error += float(np.dot(error, error))
            self.squared_reference += float(np.dot(left, left))
            self.squared_candidate += float(np.dot(right, right))
            self.product += float(np.dot(left, right))

    def parity(self, dtype: str, count: int) -> TensorParity:
        return TensorParity(
            max_abs=None if self.nonfinite or not math.isfinite(self.max_abs) else self.max_abs,
            cosine=self._cosine(),
            psnr_db=self._decibels(self.finite * self.reference_max_abs * self.reference_max_abs),
            snr_db=self._decibels(self.squared_reference),
            equal_fraction=self.equal / count if count else 1.0,
            reference_max_abs=self.reference_max_abs,
            dtype=dtype,
            nonfinite=self.nonfinite,
        )

    def _cosine(self) -> float | None:
        if self.nonfinite:
            return None
        lengths = math.sqrt(self.squared_reference) * math.sqrt(self.squared_candidate)
        if not 0.0 < lengths < math.inf or not math.isfinite(self.product):
            return None
        return max(-1.0, min(1.0, self.product / lengths))

    def _decibels(self, signal: float) -> float | None:
        """Give `10·log10(signal / squared error)`; None where that is no finite number."""
        noise = self.squared_error
        if self.nonfinite or not 0.0 < signal < math.inf or not 0.0 < noise < math.inf:
            return None
        return 10.0 * (math.log10(signal) - math.log10(noise))
