"""Lists of tensors of one shape, which loops write to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import Arguments, Array
from .dtype_names import dtype_named
from .operation import Implementation

MAX_LENGTH = 2**24
"""More elements come from damaged files."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorList:
    """`elements`: place → tensor, where one was written; a list that `grows` does so when written behind its end."""

    elements: Mapping[int, Array]
    length: int
    grows: bool
    dtype: np.dtype[Any]


def make_list(a: Arguments) -> TensorList:
    """Make a list that nothing is written to."""
    length = a.integer("init_length", 1)
    if not 0 <= length <= MAX_LENGTH:
        raise ValueError(f"a list of {length} elements")
    return TensorList(
        elements={},
        length=length,
        grows=a.flag("dynamic_length", True),
        dtype=dtype_named(a.text("dtype", "fp32")),
    )


def list_length(a: Arguments) -> Array:
    """Give the number of elements."""
    return np.array(_list(a).length, np.int32)


def list_write(a: Arguments) -> TensorList:
    """Give the list with one element written."""
    return _written(_list(a), {a.integer("index"): a["value"]})


def list_scatter(a: Arguments) -> TensorList:
    """Give the list with some elements written."""
    indices, value = a.ints("indices"), a["value"]
    if len(indices) != len(value):
        raise ValueError(f"{len(value)} values for {len(indices)} places")
    return _written(_list(a), dict(zip(indices, value, strict=True)))


def list_read(a: Arguments) -> Array:
    """Give one element."""
    return _read(_list(a), a.integer("index"))


def list_gather(a: Arguments) -> Array:
    """Give some elements, one after the other along a new first axis."""
    given = _list(a)
    return np.stack([_read(given, index) for index in a.ints("indices")])


def _list(a: Arguments) -> TensorList:
    value: Any = a.values.get("ls")
    if not isinstance(value, TensorList):
        raise ValueError("its argument 'ls' is no list")
    return value


def _written(given: TensorList, elements: Mapping[int, Array]) -> TensorList:
    for index, value in elements.items():
        if index < 0 or index >= (MAX_LENGTH if given.grows else given.length):
            raise ValueError(f"place {index} of a list of {given.length}")
        if value.dtype != given.dtype:
            raise ValueError(f"a {value.dtype} into a list of {given.dtype}")
    length = max([given.length, *(index + 1 for index in elements)])
    return TensorList(elements={**given.elements, **elements}, length=length, grows=given.grows, dtype=given.dtype)


def _read(given: TensorList, index: int) -> Array:
    if index not in given.elements:
        raise ValueError(f"place {index} of a list of {given.length} was never written to")
    return given.elements[index]


OPERATIONS: dict[str, Implementation] = {
    "list_gather": list_gather,
    "list_length": list_length,
    "list_read": list_read,
    "list_scatter": list_scatter,
    "list_write": list_write,
    "make_list": make_list,
}
