"""Einsum: two operands at a time, as a product of matrices between transpositions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax
from .elements import Element
from .pieces import cast, reshaped, sizes_of, transposed, widened

_ELLIPSIS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Labels for the axes that `...` stands for; a letter that the equation uses itself is not taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Term:
    """A value with a label for each of its axes."""

    value: Expr
    labels: str

    def size(self, label: str) -> int:
        return sizes_of(self.value)[self.labels.index(label)]


def einsum(call: Call[Expr], b: Builder) -> Expr:
    """Einsum of any number of operands, from left to right."""
    inputs, result = _labels(call)
    values = [widened(b, value) for value in call.all()]
    terms = [_diagonal(b, _Term(value=value, labels=own)) for value, own in zip(values, inputs, strict=True)]
    first, *others = terms
    for place, other in enumerate(others, 1):
        kept = set(result).union(*(term.labels for term in terms[place + 1 :]))
        first = _product(b, _summed(b, first, kept | {*other.labels}), _summed(b, other, kept | {*first.labels}), kept)
    return cast(b, _ordered(b, _summed(b, first, set(result)), result), dtype_of(call[0]))


def _labels(call: Call[Expr]) -> tuple[list[str], str]:
    """Read the equation: the labels of each operand's axes, and those of the result."""
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


def _diagonal(b: Builder, term: _Term) -> _Term:
    """Take the diagonal of axes that share a label."""
    labels = "".join(dict.fromkeys(term.labels))
    if labels == term.labels:
        return term
    own = term.labels

    def element(place: Sequence[Element], data: Expr) -> Element:
        return data(*(place[labels.index(label)] for label in own))

    if any(term.size(label) != size for label, size in zip(own, sizes_of(term.value), strict=True)):
        raise Refused("the diagonal of axes of two sizes")
    return _Term(value=b.each("diagonal", [term.size(label) for label in labels], element, term.value), labels=labels)


def _ordered(b: Builder, term: _Term, labels: str) -> Expr:
    """Bring the axes into an order."""
    return transposed(b, term.value, [term.labels.index(label) for label in labels])


def _summed(b: Builder, term: _Term, kept: set[str]) -> _Term:
    """Sum over the axes that nobody asks for any more."""
    axes = [place for place, label in enumerate(term.labels) if label not in kept]
    if not axes:
        return term
    value = b.op(relax().op.sum, term.value, axis=axes)
    return _Term(value=value, labels="".join(label for label in term.labels if label in kept))


def _product(b: Builder, one: _Term, other: _Term, kept: set[str]) -> _Term:
    """Multiply two terms, and sum over the labels that both have and nobody else asks for."""
    shared = [label for label in one.labels if label in other.labels]
    one, other = (_broadcast(b, term, shared, rival) for term, rival in ((one, other), (other, one)))
    batch = [label for label in shared if label in kept]
    inner = [label for label in shared if label not in kept]
    rows = [label for label in one.labels if label not in shared]
    columns = [label for label in other.labels if label not in shared]
    x = _matrix(b, one, batch, rows, inner)
    y = _matrix(b, other, batch, inner, columns)
    # Without an inner label it is [batch, rows, 1] by [batch, 1, columns].
    made = b.op(relax().op.matmul if inner else relax().op.multiply, x, y)
    labels = [*batch, *rows, *columns]
    sizes = [one.size(label) for label in (*batch, *rows)] + [other.size(label) for label in columns]
    return _Term(value=reshaped(b, made, sizes), labels="".join(labels))


def _broadcast(b: Builder, term: _Term, shared: Sequence[str], rival: _Term) -> _Term:
    """Repeat a term along axes of size 1 that are longer in the other."""
    sizes = [max(term.size(label), rival.size(label)) if label in shared else term.size(label) for label in term.labels]
    if tuple(sizes) == sizes_of(term.value):
        return term
    return _Term(value=b.op(relax().op.broadcast_to, term.value, sizes), labels=term.labels)


def _matrix(b: Builder, term: _Term, batch: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> Expr:
    """Give a term as [batch, rows, columns]."""
    value = _ordered(b, term, "".join([*batch, *rows, *columns]))
    return reshaped(b, value, [math.prod(term.size(label) for label in group) for group in (batch, rows, columns)])


LOWERINGS: dict[str, Lowering] = {"Einsum": einsum}
