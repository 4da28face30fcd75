"""The words that arguments of operations have for data types."""

from __future__ import annotations

from typing import Any

import numpy as np

DTYPES: dict[str, np.dtype[Any]] = {
    "fp16": np.dtype(np.float16),
    "fp32": np.dtype(np.float32),
    "int8": np.dtype(np.int8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype(np.uint16),
    "bool": np.dtype(np.bool_),
}


def dtype_named(name: str) -> np.dtype[Any]:
    """Give the dtype of a name, `fp16`.

    Raises:
        ValueError: when there is no such name.
    """
    if name.lower() not in DTYPES:
        raise ValueError(f"unknown dtype {name!r}, expected one of {', '.join(DTYPES)}")
    return DTYPES[name.lower()]
