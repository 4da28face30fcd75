"""Einsum: its equation, and operands joined two at a time, whatever multiplies them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .operands import Operands
from .refused import Refused

V = TypeVar("V")

_ELLIPSIS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Labels for the axes that `...` stands for; a letter that the equation uses itself is not taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term(Generic[V]):
    """A value with a label for each of its axes."""

    value: V
    labels: str

    def summed(self, kept: Collection[str], total: Callable[[V, list[int]], V]) -> Term[V]:
        """Sum over the axes that nobody asks for any more; `total` sums over some axes, which go."""
        axes = [place for place, label in enumerate(self.labels) if label not in kept]
        if not axes:
            return self
        left = "".join(label for label in self.labels if label in kept)
        return Term(value=total(self.value, axes), labels=left)


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """What the labels of two terms are in their product.

    `batch` both have and stay, `inner` both have and are summed over, `rows` the first has alone, `columns` the other.
    """

    batch: list[str]
    inner: list[str]
    rows: list[str]
    columns: list[str]


def roles(one: str, other: str, kept: Collection[str]) -> Roles:
    """Tell labels apart; those in `kept` somebody still asks for."""
    shared = [label for label in one if label in other]
    return Roles(
        batch=[label for label in shared if label in kept],
        inner=[label for label in shared if label not in kept],
        rows=[label for label in one if label not in shared],
        columns=[label for label in other if label not in shared],
    )


def contracted(
    terms: Sequence[Term[V]],
    result: str,
    total: Callable[[V, list[int]], V],
    product: Callable[[Term[V], Term[V], set[str]], Term[V]],
) -> Term[V]:
    """Join terms from left to right; every axis is summed over as soon as nobody asks for it any more.

    `product` multiplies two terms and sums over the labels that both have and the set does not; the result has the
    labels of `result` in any order.
    """
    first, *others = terms
    for place, other in enumerate(others, 1):
        kept = set(result).union(*(term.labels for term in terms[place + 1 :]))
        one = first.summed(kept | {*other.labels}, total)
        first = product(one, other.summed(kept | {*first.labels}, total), kept)
    return first.summed({*result}, total)


def labels_of(call: Operands) -> tuple[list[str], str]:
    """Read the equation: the labels of each operand's axes, and those of the result.

    Raises:
        Refused: when it does not fit the operands.
    """
    equation = call.text("equation", "").replace(" ", "")
    left, arrow, result = equation.partition("->")
    operands = left.split(",")
    free = [label for label in _ELLIPSIS if label not in equation]
    dots = max(
        (call.rank(place) - len(labels.replace("...", "")) for place, labels in enumerate(operands) if "..." in labels),
        default=0,
    )
    if dots > len(free) or len(operands) != len(call.inputs):
        raise Refused(f"equation {equation!r}")
    inputs = []
    for place, labels in enumerate(operands):
        own = call.rank(place) - len(labels.replace("...", ""))
        inputs.append(labels.replace("...", "".join(free[dots - own : dots])))
        if len(inputs[-1]) != call.rank(place):
            raise Refused(f"equation {equation!r} for operand {place} of {call.rank(place)} axes")
    if not arrow:
        letters = left.replace("...", "").replace(",", "")
        result = "..." + "".join(sorted(label for label in {*letters} if letters.count(label) == 1))
    return inputs, result.replace("...", "".join(free[:dots]))
