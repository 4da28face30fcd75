"""Einsum: two operands at a time, as a product of matrices between transpositions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from ....compiler.lowering.call import Call
from ....compiler.lowering.einsum import Term, contracted, labels_of, roles
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Expr, dtype_of
from ..lowering import Lowering
from ..toolkit import relax
from .elements import Element
from .pieces import cast, reshaped, sizes_of, transposed, widened


def einsum(call: Call[Expr], b: Builder) -> Expr:
    """Einsum of any number of operands, from left to right."""
    inputs, result = labels_of(call)
    values = [widened(b, value) for value in call.all()]
    terms = [_diagonal(b, Term(value=value, labels=own)) for value, own in zip(values, inputs, strict=True)]
    made = contracted(terms, result, partial(_total, b), partial(_product, b))
    return cast(b, _ordered(b, made, result), dtype_of(call[0]))


def _total(b: Builder, x: Expr, axes: list[int]) -> Expr:
    return b.op(relax().op.sum, x, axis=axes)


def _size(term: Term[Expr], label: str) -> int:
    return sizes_of(term.value)[term.labels.index(label)]


def _diagonal(b: Builder, term: Term[Expr]) -> Term[Expr]:
    """Take the diagonal of axes that share a label."""
    labels = "".join(dict.fromkeys(term.labels))
    if labels == term.labels:
        return term
    own = term.labels

    def element(place: Sequence[Element], data: Expr) -> Element:
        return data(*(place[labels.index(label)] for label in own))

    if any(_size(term, label) != size for label, size in zip(own, sizes_of(term.value), strict=True)):
        raise Refused("the diagonal of axes of two sizes")
    return Term(value=b.each("diagonal", [_size(term, label) for label in labels], element, term.value), labels=labels)


def _ordered(b: Builder, term: Term[Expr], labels: str) -> Expr:
    """Bring the axes into an order."""
    return transposed(b, term.value, [term.labels.index(label) for label in labels])


def _product(b: Builder, one: Term[Expr], other: Term[Expr], kept: set[str]) -> Term[Expr]:
    """Multiply two terms, and sum over the labels that both have and nobody else asks for."""
    role = roles(one.labels, other.labels, kept)
    shared = [*role.batch, *role.inner]
    one, other = (_broadcast(b, term, shared, rival) for term, rival in ((one, other), (other, one)))
    x = _matrix(b, one, role.batch, role.rows, role.inner)
    y = _matrix(b, other, role.batch, role.inner, role.columns)
    # Without an inner label it is [batch, rows, 1] by [batch, 1, columns].
    made = b.op(relax().op.matmul if role.inner else relax().op.multiply, x, y)
    sizes = [_size(one, label) for label in (*role.batch, *role.rows)]
    sizes += [_size(other, label) for label in role.columns]
    return Term(value=reshaped(b, made, sizes), labels="".join([*role.batch, *role.rows, *role.columns]))


def _broadcast(b: Builder, term: Term[Expr], shared: Sequence[str], rival: Term[Expr]) -> Term[Expr]:
    """Repeat a term along axes of size 1 that are longer in the other."""
    sizes = [
        max(_size(term, label), _size(rival, label)) if label in shared else _size(term, label) for label in term.labels
    ]
    if tuple(sizes) == sizes_of(term.value):
        return term
    return Term(value=b.op(relax().op.broadcast_to, term.value, sizes), labels=term.labels)


def _matrix(b: Builder, term: Term[Expr], batch: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> Expr:
    """Give a term as [batch, rows, columns]."""
    value = _ordered(b, term, "".join([*batch, *rows, *columns]))
    return reshaped(b, value, [math.prod(_size(term, label) for label in group) for group in (batch, rows, columns)])


LOWERINGS: dict[str, Lowering] = {"Einsum": einsum}
