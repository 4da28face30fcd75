"""DeduplicateConstants: equal constants are stored once."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.digest import digest_bytes
from .base import Pass
from .editing import tensor_shape

_BEGINNING: Final = 64
"""Elements that tell most weights of one shape apart."""


class DeduplicateConstants(Pass):
    """Keeps the first of constants that are equal in dtype, shape and bytes."""

    def rewrite(self, model: ir.Model) -> bool:
        """Compare sizes first, then beginnings, then digests, so that large weights are seldom read whole."""
        graph, changed = model.graph, False
        candidates = [
            (value, value.const_value)
            for value in graph.initializers.values()
            if value.const_value is not None
            and value.dtype != ir.DataType.STRING
            and not value.is_graph_input()
            and not value.is_graph_output()
        ]
        sizes = Counter(_size(tensor) for _, tensor in candidates)
        similar = [(value, tensor) for value, tensor in candidates if sizes[_size(tensor)] > 1]
        beginnings = Counter(_beginning(tensor) for _, tensor in similar)
        first: dict[tuple[object, ...], ir.Value] = {}
        for value, tensor in similar:
            beginning = _beginning(tensor)
            if beginnings[beginning] == 1:
                continue
            kept = first.setdefault((*beginning, digest_bytes(_bytes(tensor))), value)
            if kept is not value:
                value.replace_all_uses_with(kept)
                graph.initializers.pop(str(value.name))
                changed = True
        return changed


def _size(tensor: ir.TensorProtocol) -> tuple[object, ...]:
    return tensor.dtype, tensor_shape(tensor)


def _beginning(tensor: ir.TensorProtocol) -> tuple[object, ...]:
    return *_size(tensor), tensor.numpy().reshape(-1)[:_BEGINNING].tobytes()


def _bytes(tensor: ir.TensorProtocol) -> memoryview:
    return np.ascontiguousarray(tensor.numpy()).reshape(-1).view(np.uint8).data
