"""What an operation gives is held against what the file declares for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .arguments import listed, matches
from .dtypes import storage
from .program import Operation, TensorType


@contextmanager
def implementing(operation: Operation) -> Iterator[None]:
    """Name the operation in whatever goes wrong while it is computed.

    Raises:
        ValueError: then.
    """
    try:
        with np.errstate(all="ignore"):  # infinities and NaN are results like others
            yield
    except Exception as error:  # NumPy raises whatever it runs into where a file lies about its values
        kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
        raise ValueError(f"{operation.type} {operation.name!r}: {kind}{error}") from error


def checked(operation: Operation, result: Any) -> list[Any]:
    """Give the results of an operation, one for each of its outputs.

    Raises:
        ValueError: when there are more or fewer of them, or one has another dtype, rank or size than the file declares.
    """
    results = [*result] if isinstance(result, list | tuple) else [result]
    if len(results) != len(operation.outputs):
        raise ValueError(
            f"{operation.type} {operation.name!r}: it gives {len(results)} results, the file declares"
            f" {len(operation.outputs)}"
        )
    return [_checked(operation, index, value) for index, value in enumerate(results)]


def _checked(operation: Operation, index: int, value: Any) -> Any:
    declared = operation.outputs[index].type
    if not isinstance(declared, TensorType):
        return value
    if isinstance(value, str) and declared.dtype == "string" and declared.shape == ():
        return value
    array = np.asarray(value)
    if array.dtype != storage(declared.dtype) or not matches(array.shape, declared.shape):
        raise ValueError(
            f"{operation.type} {operation.name!r}: it gives {array.dtype}{list(array.shape)}, the file declares"
            f" {declared.dtype}{listed(declared.shape)}"
        )
    return array
