from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from edgewright.bundle.golden import mismatches, run_golden
from edgewright.bundle.interface import Interface
from edgewright.bundle.manifest import Golden, GoldenKind, Tolerance, ToleranceKind
from edgewright.targets.runtime import Array
from edgewright.vocabulary.signature import Signature, TensorSpec


def judge(kind: ToleranceKind, bound: float, got: list[float], expected: list[float]) -> tuple[str, ...]:
    tolerances = {"y": (Tolerance(kind=kind, bound=bound),)}
    return mismatches({"y": np.array(got)}, {"y": np.array(expected)}, tolerances)


@pytest.mark.parametrize(
    ("kind", "bound", "got", "expected", "holds"),
    [
        (ToleranceKind.MAX_ABS, 1e-3, [0.1, 0.2], [0.1, 0.2009], True),
        (ToleranceKind.MAX_ABS, 1e-3, [0.1, 0.2], [0.1, 0.2011], False),
        (ToleranceKind.MAX_ABS, 1e-3, [10.0, 0.2], [10.0, 0.209], False),
        (ToleranceKind.MAX_ABS_SCALED, 1e-3, [10.0, 0.2], [10.0, 0.209], True),  # by the largest magnitude, 10
        (ToleranceKind.MAX_ABS_SCALED, 1e-3, [0.1, 0.2], [0.1, 0.2011], False),
        (ToleranceKind.MAX_ABS, 1e-3, [float("nan")], [1.0], False),
        (ToleranceKind.MAX_ABS, 1e-3, [float("inf")], [float("inf")], True),
        (ToleranceKind.EQUAL_FRACTION, 0.5, [1, 2], [1, 3], True),
        (ToleranceKind.EQUAL_FRACTION, 1.0, [1, 2], [1, 3], False),
        (ToleranceKind.SNR_DB, 40.0, [1.0, 1.0], [1.001, 1.0], True),
        (ToleranceKind.SNR_DB, 40.0, [1.0, 1.0], [1.1, 1.0], False),
        (ToleranceKind.SNR_DB, 40.0, [1.0, 1.0], [1.0, 1.0], True),  # equal: the ratio would be infinite
        (ToleranceKind.SNR_DB, 40.0, [1.0], [0.0], False),
        (ToleranceKind.COSINE, 0.99, [1.0, 1.0], [2.0, 2.0], True),
        (ToleranceKind.COSINE, 0.99, [1.0, 1.0], [1.0, -1.0], False),
        (ToleranceKind.COSINE, 0.99, [0.0, 0.0], [1.0, 1.0], False),
    ],
)
def test_a_bound_holds_or_does_not(
    kind: ToleranceKind, bound: float, got: list[float], expected: list[float], holds: bool
) -> None:
    assert (judge(kind, bound, got, expected) == ()) is holds


def test_another_shape_is_a_mismatch() -> None:
    assert "shape" in judge(ToleranceKind.MAX_ABS, 1.0, [1.0], [1.0, 1.0])[0]


def test_the_sentence_says_how_far_off() -> None:
    assert judge(ToleranceKind.MAX_ABS, 1e-3, [0.5], [0.25]) == ("output 'y': max_abs 0.25 is above 0.001",)


class Double:
    """Computes 2·x and counts its calls."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.shapes.append(inputs["x"].shape)
        return {"y": inputs["x"] * 2}


@pytest.mark.parametrize(
    ("shape", "rows", "batched", "calls"),
    [
        (("batch", 3), (4, 3), True, [(1, 3)] * 4),
        ((1, 3), (4, 3), True, [(1, 3)] * 4),
        ((2, 3), (4, 3), True, [(2, 3)] * 2),
        ((3, 3), (4, 3), True, [(3, 3)] * 2),
        ((3,), (4, 3), False, [(3,)] * 4),
        ((2, 3), (4, 2, 3), False, [(2, 3)] * 4),
    ],
)
def test_rows_are_fed_as_the_original_takes_them(
    shape: tuple[int | str, ...], rows: tuple[int, ...], batched: bool, calls: list[tuple[int, ...]]
) -> None:
    signature = Signature(
        inputs=(TensorSpec(name="x", dtype="float32", shape=shape),),
        outputs=(TensorSpec(name="y", dtype="float32", shape=shape),),
    )
    golden = Golden(kind=GoldenKind.SYNTHETIC, rows=rows[0], batched=batched, tolerances={})
    session, x = Double(), np.arange(np.prod(rows), dtype="float32").reshape(rows)

    outputs = run_golden(session, Interface(original=signature, artifact=signature), golden, {"x": x})

    assert np.array_equal(outputs["y"], x * 2)
    assert session.shapes == calls
