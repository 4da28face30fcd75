"""Rows of data as calls that a page can ask for one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec
import numpy as np

from ...bundle.content import SignedContent
from ...bundle.interface import fill
from ...bundle.manifest import GOLDEN_INPUTS, GOLDEN_OUTPUTS
from ...targets.runtime import Array
from ...vocabulary.batching import Batching, batching_for
from ...vocabulary.signature import Signature

Arrays: TypeAlias = Mapping[str, Array]


class TensorFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor of one call, as its bytes are sent: little-endian, row by row."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Calls made of rows. The first axis of every array counts the rows.

    `outputs` are the original's, where they are known; `labels` is an array of its own.
    """

    inputs: Arrays
    outputs: Arrays | None
    labels: Array | None
    batching: Batching

    @property
    def calls(self) -> int:
        """How many calls the rows make; the last is filled up with its last row."""
        rows = min(len(array) for array in self.inputs.values())
        return -(-rows // self.batching.rows_per_call)

    def input(self, call: int, name: str) -> Array:
        """Give an input of a call, as the original takes it."""
        rows = self._rows(self.inputs[name], call)
        return fill(rows, self.batching.rows_per_call) if self.batching.batched else rows[0]

    def output(self, call: int, name: str) -> Array:
        """Give what the original answered; for a call that was filled up, only the rows that count.

        Raises:
            KeyError: when the outputs of these rows are not known.
        """
        if self.outputs is None:
            raise KeyError(name)
        rows = self._rows(self.outputs[name], call)
        return rows if self.batching.batched else rows[0]

    def label(self, call: int) -> Array:
        """Give the labels of a call's rows.

        Raises:
            KeyError: when the rows have none.
        """
        if self.labels is None:
            raise KeyError("labels")
        return self._rows(self.labels, call)

    def _rows(self, array: Array, call: int) -> Array:
        start = call * self.batching.rows_per_call
        return np.array(array[start : start + self.batching.rows_per_call])


def golden_examples(content: SignedContent) -> Examples:
    """Read the golden vectors of a bundle, with the original's outputs.

    Raises:
        TrustError: when a file is no longer what was signed.
    """
    return examples_of(content.manifest.signature, content.tensors(GOLDEN_INPUTS), content.tensors(GOLDEN_OUTPUTS))


def examples_of(
    signature: Signature, inputs: Arrays, outputs: Arrays | None = None, labels: Array | None = None
) -> Examples:
    """Make calls of rows for a model of this signature.

    Raises:
        DataError: when the inputs disagree on how many rows a call takes.
    """
    batching = batching_for(signature, {name: array.shape for name, array in inputs.items()})
    return Examples(inputs=inputs, outputs=outputs, labels=labels, batching=batching)


def facts_of(name: str, array: Array) -> TensorFacts:
    """Say how a tensor is sent."""
    return TensorFacts(name=name, dtype=array.dtype.name, shape=array.shape)


def wire_bytes(array: Array) -> bytes:
    """Give a tensor's elements, little-endian, row by row."""
    return np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
