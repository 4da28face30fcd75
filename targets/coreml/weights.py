"""How the constants of a program are stored: as the hub's integers, or by what their numbers allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any, Final

import numpy as np

from ...vocabulary.precision import Precision
from .builder import Array, Var
from .deployment import Deployment, NeedsNewer
from .quantized import Quantized
from .storage import TABLE_BITS, Form, Integers, Sparse, SparseIntegers, SparseTable, Table, blob_bytes
from .toolkit import coremltools

SMALLEST_ELEMENTS: Final = 2048
"""A constant of floats with fewer elements is stored plainly, as coremltools' own compression does."""

SMALLEST_INTEGERS: Final = 64
"""Integers of the hub with fewer elements are stored as the reals that they stand for: the record of an array takes as
many bytes."""


def store(function: Any, precision: Precision, known: Sequence[Quantized], deployment: Deployment) -> None:
    """Change how the large constants of a finished function are stored; what they are stays, bit by bit.

    `function` is coremltools' `Function`, and open. The integers that the hub has, `known`, stay integers. Floats are
    stored otherwise where the precision speaks of it, and where that takes fewer bytes.

    Raises:
        NeedsNewer: when a later deployment target reads what is stored so.
    """
    if not known and not precision.table_bits and not precision.sparse:
        return
    _fuse(function)
    for operation in tuple(function.operations):
        for constant in operation.outputs:
            if not _is_read(constant) or constant in function.outputs:
                continue
            form = form_of(constant.val, precision, known, deployment)
            if form is None:
                continue
            if form.needs > deployment:
                raise NeedsNewer(form.needs, f"the weight {constant.name}, stored in fewer bytes,")
            function.replace_uses_of_var_after_op(
                anchor_op=operation,
                old_var=constant,
                new_var=form.make(deployment, before_op=operation, name=f"{constant.name}_stored"),
                force_replace=True,
            )


def _fuse(function: Any) -> None:
    """Let products take in the sums behind them now: coremltools does not where a weight is no plain constant."""
    registry = coremltools().converters.mil.mil.passes.pass_registry.PASS_REGISTRY
    registry["common::fuse_linear_bias"].apply(SimpleNamespace(functions={"main": function}))


def _is_read(constant: Var) -> bool:
    """Whether a value is a constant of floats that is read when the program runs."""
    held = constant.val
    return (
        isinstance(held, np.ndarray)
        and held.dtype in (np.float32, np.float16)
        and held.ndim > 0
        and held.size >= SMALLEST_INTEGERS
        and any(result.val is None for reader in constant.child_ops for result in reader.outputs)
    )


def form_of(array: Array, precision: Precision, known: Sequence[Quantized], deployment: Deployment) -> Form | None:
    """Choose how a constant is stored; None is plainly.

    array: float32 or float16. `known`: integers that constants of the hub stand for.
    """
    forms: list[Form] = []
    integers = next((found for each in known if (found := each.arranged(array)) is not None), None)
    if integers is not None:
        forms.append(Integers(of=integers))
        mask = integers.integers != integers.over(integers.zero_point)
        if precision.sparse and not mask.all() and mask.any():
            forms.append(SparseIntegers(of=integers, mask=mask))
        return min(forms, key=_size)
    if array.ndim < 2 or array.size < SMALLEST_ELEMENTS:
        return None
    if precision.table_bits:
        forms.extend(_tables(array, precision.table_bits, deployment))
    if precision.sparse:
        forms.extend(_sparse(array, precision.table_bits))
    smallest = min(forms, key=_size, default=None)
    return smallest if smallest is not None and smallest.size_bytes < blob_bytes(array.nbytes) else None


def _size(form: Form) -> tuple[int, int]:
    return form.size_bytes, int(form.needs)


def _tables(array: Array, bits: int, deployment: Deployment) -> Iterator[Table]:
    """Give one table for all of a constant, and where it has more than 2^bits values one for each group of channels."""
    one = _table(array, 8, deployment)
    if one is not None:
        yield one
    for axis in (0, 1) if one is None or one.bits > bits else ():
        groups = _groups(array, axis, 1 << bits)
        if groups > 1:
            parts = [_table(part, bits, deployment, bits) for part in np.split(array, groups, axis=axis)]
            values = np.stack([part.values.ravel() for part in parts if part is not None])
            shape = [1] * array.ndim
            shape[axis] = groups
            yield Table(
                places=np.concatenate([part.places for part in parts if part is not None], axis=axis),
                values=values.reshape(*shape, -1),
            )


def _groups(array: Array, axis: int, count: int) -> int:
    """Give the smallest number of groups along an axis with at most `count` values each; 0 when there is none."""
    channels = array.shape[axis]
    for groups in range(2, channels + 1):
        if channels % groups == 0 and all(
            np.unique(_bits_of(part)).size <= count for part in np.split(array, groups, axis=axis)
        ):
            return groups
    return 0


def _table(array: Array, most_bits: int, deployment: Deployment, least_bits: int = 1) -> Table | None:
    """Give one table of an array's values, of as few bits as hold them; None when `most_bits` do not."""
    found = _places(array, most_bits, deployment, least_bits)
    if found is None:
        return None
    places, values = found
    return Table(places=places.reshape(array.shape), values=values.reshape(*[1] * array.ndim, -1))


def _places(array: Array, most_bits: int, deployment: Deployment, least_bits: int = 1) -> tuple[Array, Array] | None:
    """Give the place of each element, uint8, and the values, of which the last fills the table up."""
    patterns, places = np.unique(_bits_of(array), return_inverse=True)
    known = sorted({*TABLE_BITS, 3}) if deployment >= Deployment.IOS18 else TABLE_BITS
    bits = next((bits for bits in known if least_bits <= bits <= most_bits and patterns.size <= 1 << bits), None)
    if bits is None:
        return None
    filled = np.concatenate((patterns, np.repeat(patterns[-1:], (1 << bits) - patterns.size)))
    return places.astype(np.uint8), filled.view(array.dtype)


def _sparse(array: Array, bits: int) -> Iterator[Form]:
    """Give what is no zero with a mask, and where its values are few by their places in a table."""
    mask = _bits_of(array) != 0
    if mask.all() or not mask.any():
        return
    values = array[mask]
    yield Sparse(mask=mask, values=values)
    found = _places(values, 8, Deployment.IOS18) if bits else None
    if found is not None:
        yield SparseTable(mask=mask, places=found[0], values=found[1])


def _bits_of(array: Array) -> Array:
    """Give the bits of floats as integers: two zeros, or two NaN, are not the same."""
    return np.ascontiguousarray(array).view(np.uint32 if array.dtype == np.float32 else np.uint16)
