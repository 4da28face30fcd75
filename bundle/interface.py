"""Calling an artifact as the original is called, however the artifact itself wants its tensors.

An artifact may have narrower integers, another layout, or a fixed leading dimension. Who runs a bundle must not see
which rung answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..targets.adapt import adapt
from ..targets.runtime import Array, Session
from ..vocabulary.signature import Signature, TensorSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Interface:
    """How the original is called, and how the artifact that stands for it."""

    original: Signature
    artifact: Signature

    def run(self, session: Session, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run an artifact once, or as often as its fixed leading dimension asks for.

        `inputs` and what is given back have the original's names, dtypes, shapes and layouts.

        Raises:
            ValueError: when an integer does not fit the artifact's narrower one, or the artifact does not take the
                shape or give an output that the original gives.
        """
        rows, rows_per_call = self._rows(inputs), self._rows_per_call()
        if rows is None or rows_per_call is None or rows == rows_per_call:
            return self._call(session, inputs)
        pieces = []
        for start in range(0, rows, rows_per_call):
            piece = {name: array[start : start + rows_per_call] for name, array in inputs.items()}
            count = min(rows_per_call, rows - start)
            pieces.append(
                (count, self._call(session, {name: fill(array, rows_per_call) for name, array in piece.items()}))
            )
        return {
            spec.name: _join(spec, [(count, piece[spec.name]) for count, piece in pieces], rows_per_call)
            for spec in self.original.outputs
        }

    def _call(self, session: Session, inputs: Mapping[str, Array]) -> dict[str, Array]:
        given = {
            taken.name: adapt(inputs[spec.name], spec, taken)
            for spec, taken in zip(self.original.inputs, self.artifact.inputs, strict=True)
        }
        outputs = session.run(given)
        missing = [spec.name for spec in self.artifact.outputs if spec.name not in outputs]
        if missing:
            raise ValueError(f"the artifact gave no output {missing[0]!r}")
        return {
            spec.name: adapt(outputs[gives.name], gives, spec)
            for gives, spec in zip(self.artifact.outputs, self.original.outputs, strict=True)
        }

    def _rows(self, inputs: Mapping[str, Array]) -> int | None:
        """How many rows the inputs hold, if all of them leave the leading dimension open in the original."""
        leading = {
            len(inputs[spec.name]) if spec.shape and isinstance(spec.shape[0], str) else None
            for spec in self.original.inputs
        }
        return leading.pop() if len(leading) == 1 else None

    def _rows_per_call(self) -> int | None:
        """How many rows the artifact takes in a call; None when it takes any number."""
        leading = {spec.shape[0] for spec in self.artifact.inputs if spec.shape}
        size = leading.pop() if len(leading) == 1 else None
        return size if isinstance(size, int) else None


def check_inputs(signature: Signature, inputs: Mapping[str, Array]) -> None:
    """Check arrays against the inputs of a signature.

    Raises:
        ValueError: when one is missing, unknown, or of another dtype or shape, or when dimensions of one name differ.
    """
    expected = [spec.name for spec in signature.inputs]
    if set(inputs) != set(expected):
        raise ValueError(f"expected the inputs {expected}, got {sorted(inputs)}")
    sizes: dict[str, int] = {}
    for spec in signature.inputs:
        array = inputs[spec.name]
        fits = len(array.shape) == len(spec.shape) and all(
            sizes.setdefault(wanted, got) == got if isinstance(wanted, str) else wanted == got
            for wanted, got in zip(spec.shape, array.shape, strict=True)
        )
        if not fits or array.dtype.name != spec.dtype:
            raise ValueError(
                f"input {spec.name!r}: expected {spec.dtype}[{', '.join(map(str, spec.shape))}], "
                f"got {array.dtype.name}[{', '.join(map(str, array.shape))}]"
            )


def fill(array: Array, rows: int) -> Array:
    """Repeat the last row of an array until it has `rows`."""
    return np.concatenate([array, np.repeat(array[-1:], rows - len(array), axis=0)]) if len(array) < rows else array


def _join(spec: TensorSpec, pieces: list[tuple[int, Array]], rows_per_call: int) -> Array:
    for _, array in pieces:
        if array.ndim == 0 or len(array) != rows_per_call:
            raise ValueError(
                f"output {spec.name!r} of shape {list(array.shape)} does not hold a row for each of "
                f"{rows_per_call} rows"
            )
    return np.concatenate([array[:count] for count, array in pieces])
