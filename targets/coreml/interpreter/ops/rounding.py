"""The dtype that a result is to have."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import Array
from .precision import narrowed


def rounded(x: Any, dtype: np.dtype[Any]) -> Array:
    """Give a result in the dtype that it is to have: half precision is rounded once, an operation's numbers stay whole.

    Raises:
        ValueError: when the dtype has whole numbers only and the result others: MIL's documentation does not say what
            becomes of them.
    """
    array = np.asarray(x)
    if dtype.kind in "iu" and array.dtype.kind == "f":
        within = np.iinfo(dtype)
        if not np.all((array == np.trunc(array)) & (array >= within.min) & (array <= within.max)):
            raise ValueError(f"its result is no {dtype}; what becomes of it is not documented")
    return narrowed(array, dtype)
