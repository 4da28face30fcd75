"""The data types of MIL: their numbers in the files, their sizes, and how NumPy holds them.

Source: the enumeration `DataType` of `MIL.proto`, `ArrayDataType` of `FeatureTypes.proto`, and `BlobDataType` of the
storage format MILBlob (https://github.com/apple/coremltools/tree/main/mlmodel).
"""

from __future__ import annotations

import numpy as np

NAMES = {
    1: "bool",
    2: "string",
    10: "float16",
    11: "float32",
    12: "float64",
    13: "bfloat16",
    21: "int8",
    22: "int16",
    23: "int32",
    24: "int64",
    25: "int4",
    31: "uint8",
    32: "uint16",
    33: "uint32",
    34: "uint64",
    35: "uint4",
    36: "uint2",
    37: "uint1",
    38: "uint6",
    39: "uint3",
    40: "float8e4m3fn",
    41: "float8e5m2",
}
"""`DataType` of a program."""

ARRAY_NAMES = {65568: "float32", 65600: "float64", 131104: "int32", 131080: "int8", 65552: "float16"}
"""`ArrayDataType` of a description: a kind, and the bits of an element."""

BLOB_NUMBERS = {
    "float16": 1,
    "float32": 2,
    "uint8": 3,
    "int8": 4,
    "bfloat16": 5,
    "int16": 6,
    "uint16": 7,
    "int4": 8,
    "uint1": 9,
    "uint2": 10,
    "uint4": 11,
    "uint3": 12,
    "uint6": 13,
    "int32": 14,
    "uint32": 15,
    "float8e4m3fn": 16,
    "float8e5m2": 17,
}
"""`BlobDataType` of a weight file."""

SUB_BYTE_BITS = {"uint1": 1, "uint2": 2, "uint3": 3, "uint4": 4, "uint6": 6, "int4": 4}
"""Bits of the types whose elements share bytes."""

STORAGE: dict[str, np.dtype[np.generic]] = {
    "bool": np.dtype(np.bool_),
    "string": np.dtype(object),
    "float16": np.dtype("<f2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "int4": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "uint1": np.dtype("u1"),
    "uint2": np.dtype("u1"),
    "uint3": np.dtype("u1"),
    "uint4": np.dtype("u1"),
    "uint6": np.dtype("u1"),
}
"""How an element is held once it is unpacked. What is missing here (bfloat16, float8) is refused."""


def storage(dtype: str) -> np.dtype[np.generic]:
    """Give the NumPy dtype that holds elements of a MIL type.

    Raises:
        ValueError: when NumPy has none (bfloat16, float8).
    """
    if dtype not in STORAGE:
        raise ValueError(f"NumPy has no type for {dtype}; the interpreter does not run it")
    return STORAGE[dtype]
