"""Einsum: two operands at a time, as a product of matrices between transpositions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.einsum import Term, contracted, labels_of, roles
from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call
from .dtypes import name_of
from .linear import LINEAR_RANK
from .lowering import Lowering
from .pieces import is_float, reshaped, transposed

BATCH_AXES = 3
"""Axes that are left to a batch of matrices."""


def einsum(call: Call, b: Builder) -> Var:
    """Einsum of any number of operands, from left to right."""
    if call.dtype() in (ir.DataType.UINT32, ir.DataType.UINT64):
        raise Refused(f"a product of {name_of(call.dtype())}, which int32 does not hold")
    inputs, result = labels_of(call)
    terms = [_diagonal(b, Term(value=call[place], labels=labels)) for place, labels in enumerate(inputs)]
    made = contracted(terms, result, partial(_total, b), partial(_product, b))
    return _ordered(b, made, result).value


def _total(b: Builder, x: Var, axes: list[int]) -> Var:
    return b.op("reduce_sum", x=x, axes=axes, keep_dims=False)


def _size(term: Term[Var], label: str) -> Any:
    return term.value.shape[term.labels.index(label)]


def _diagonal(b: Builder, term: Term[Var]) -> Term[Var]:
    """Take the diagonal of axes that share a label."""
    for label in dict.fromkeys(term.labels):
        while term.labels.count(label) > 1:
            rest = "".join(other for other in term.labels if other != label) + label * (term.labels.count(label) - 2)
            ordered = _ordered(b, term, rest + label * 2)
            size = ordered.value.shape[-1]
            if not isinstance(size, int | np.integer) or ordered.value.shape[-2] != size:
                raise Refused("the diagonal of an axis whose size is known only at run time, or that has two sizes")
            flat = b.op("reshape", x=ordered.value, shape=[*ordered.value.shape[:-2], int(size) ** 2])
            places = np.arange(size, dtype=np.int32) * np.int32(size + 1)
            term = Term(value=b.op("gather", x=flat, indices=places, axis=-1), labels=rest + label)
    return term


def _ordered(b: Builder, term: Term[Var], labels: str) -> Term[Var]:
    """Bring the axes into an order; equal labels keep theirs."""
    places = {label: [place for place, own in enumerate(term.labels) if own == label] for label in {*term.labels}}
    return Term(value=transposed(b, term.value, [places[label].pop(0) for label in labels]), labels=labels)


def _product(b: Builder, one: Term[Var], other: Term[Var], kept: set[str]) -> Term[Var]:
    """Multiply two terms, and sum over the labels that both have and nobody else asks for."""
    if one.value.val is not None and other.value.val is None:
        one, other = other, one
    role = roles(one.labels, other.labels, kept)
    batch, inner, rows, columns = role.batch, role.inner, role.rows, role.columns
    if not inner:
        return _elementwise(b, one, other, [*batch, *rows, *columns])
    if any(_size(one, label) != _size(other, label) for label in inner):
        return _elementwise(b, one, other, [*batch, *rows, *inner, *columns]).summed(kept, partial(_total, b))
    if len(batch) > BATCH_AXES and any(_size(one, label) != _size(other, label) for label in batch):
        raise Refused(f"more than {BATCH_AXES} batch axes, of which one is broadcast")
    # without batch axes each row but the last may be one, over which the other operand is repeated
    spread = rows[:-1] if not batch and len(rows) <= BATCH_AXES + 1 else []
    own = rows[len(spread) :]
    result = _multiplied(b, _matrix(b, one, [*batch, *spread], own, inner), _matrix(b, other, batch, inner, columns))
    labels = [*batch, *rows, *columns]
    lead = len(batch) + len(spread)
    if lead <= BATCH_AXES and len(own) <= 1 and len(columns) <= 1:
        empty = [axis for axis, group in ((-2, own), (-1, columns)) if not group]
        return Term(value=b.op("squeeze", x=result, axes=empty) if empty else result, labels="".join(labels))
    sizes = [*result.shape[:lead]] if lead <= BATCH_AXES else [_size(one, label) for label in batch]
    sizes += [_size(one, label) for label in own] + [_size(other, label) for label in columns]
    return Term(value=reshaped(b, result, _one_unknown(sizes)), labels="".join(labels))


def _multiplied(b: Builder, one: tuple[Var, bool], other: tuple[Var, bool]) -> Var:
    """Multiply two matrices, each turned over or not; a constant one on the right stays a weight."""
    (x, turned_x), (y, turned_y) = one, other
    if y.val is not None and is_float(x) and not turned_x and len(y.shape) == 2 and len(x.shape) <= LINEAR_RANK:
        weight = np.asarray(y.val)
        return b.op("linear", x=x, weight=b.const(np.ascontiguousarray(weight if turned_y else weight.T)))
    return b.op("matmul", x=x, y=y, transpose_x=turned_x, transpose_y=turned_y)


def _elementwise(b: Builder, one: Term[Var], other: Term[Var], labels: list[str]) -> Term[Var]:
    """Multiply each by each, with the labels in this order."""
    values = []
    for term in (one, other):
        ordered = _ordered(b, term, "".join(label for label in labels if label in term.labels)).value
        missing = [place for place, label in enumerate(labels) if label not in term.labels]
        values.append(b.op("expand_dims", x=ordered, axes=missing) if missing else ordered)
    return Term(value=b.op("mul", x=values[0], y=values[1]), labels="".join(labels))


def _matrix(b: Builder, term: Term[Var], batch: list[str], rows: list[str], columns: list[str]) -> tuple[Var, bool]:
    """Give a term as [batch…, rows, columns], or as [batch…, columns, rows] and True where it lies so already."""
    turned = term.labels == "".join([*batch, *columns, *rows]) != "".join([*batch, *rows, *columns])
    groups = [columns, rows] if turned else [rows, columns]
    value = _ordered(b, term, "".join([*batch, *groups[0], *groups[1]])).value
    if len(batch) <= BATCH_AXES and all(len(group) <= 1 for group in groups):
        empty = [len(batch) + place for place, group in enumerate(groups) if not group]
        return (b.op("expand_dims", x=value, axes=empty) if empty else value), turned
    sizes = [*(_size(term, label) for label in batch)] if len(batch) <= BATCH_AXES else [_product_of(term, batch)]
    sizes += [_product_of(term, group) for group in groups]
    return reshaped(b, value, _one_unknown(sizes)), turned


def _product_of(term: Term[Var], labels: Sequence[str]) -> Any:
    sizes = [_size(term, label) for label in labels]
    if all(isinstance(size, int | np.integer) for size in sizes):
        return int(np.prod(sizes, dtype=np.int64))
    return sizes[0] if len(sizes) == 1 else None


def _one_unknown(sizes: Sequence[Any]) -> list[int]:
    """Give sizes for a reshape, −1 for the one that is known only at run time."""
    numbers = [int(size) if isinstance(size, int | np.integer) else -1 for size in sizes]
    if numbers.count(-1) > 1:
        raise Refused("two sizes that are known only at run time would have to be told apart in one reshape")
    return numbers


LOWERINGS: dict[str, Lowering] = {"Einsum": einsum}
