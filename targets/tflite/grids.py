"""Quantization parameters in the file: vectors of equal numbers are written once.

A convolution of 64 channels has 64 scales for its weights and 64 for its bias, and as many zero points of eight bytes,
all of them 0. The schema's own packer would write each vector anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from numpy.typing import NDArray

from .quantization import Quantization


class SharedVectors:
    """The vectors of one file, by content."""

    def __init__(self) -> None:
        """Start with none."""
        self._offsets: dict[bytes, int] = {}

    def quantization(self, grid: Quantization) -> Any:
        """Give the table for a grid."""
        return _Parameters(self, grid)

    def write(self, builder: Any, array: NDArray[Any]) -> int:
        """Write a vector, or find it written."""
        key = array.dtype.char.encode() + array.tobytes()
        if key not in self._offsets:
            self._offsets[key] = builder.CreateNumpyVector(array)
        return self._offsets[key]


class _Parameters(tfl.QuantizationParametersT):  # type: ignore[misc]  # the schema has no type information
    def __init__(self, vectors: SharedVectors, grid: Quantization) -> None:
        super().__init__()
        self._vectors, self._grid = vectors, grid

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the name is the schema's
        """Write the parameters; called by the tensor's own `Pack`."""
        scales = self._vectors.write(builder, np.array(self._grid.scales, np.float32))
        points = self._vectors.write(builder, np.full(len(self._grid.scales), self._grid.zero_point, np.int64))
        tfl.QuantizationParametersStart(builder)
        tfl.QuantizationParametersAddScale(builder, scales)
        tfl.QuantizationParametersAddZeroPoint(builder, points)
        tfl.QuantizationParametersAddQuantizedDimension(builder, self._grid.axis)
        return int(tfl.QuantizationParametersEnd(builder))
