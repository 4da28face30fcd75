"""DeduplicateConstants: equal constants are stored once."""

from __future__ import annotations

import onnx_ir as ir

from ...vocabulary.digest import digest_bytes
from .base import Pass


class DeduplicateConstants(Pass):
    """Keeps the first of constants that are equal in dtype, shape and bytes."""

    def rewrite(self, model: ir.Model) -> bool:
        """Compare by size first, by digest where sizes are equal."""
        graph, changed = model.graph, False
        candidates = [
            (value, value.const_value)
            for value in graph.initializers.values()
            if value.const_value is not None and not value.is_graph_input() and not value.is_graph_output()
        ]
        sizes: dict[tuple[object, ...], int] = {}
        for _, tensor in candidates:
            sizes[_size(tensor)] = sizes.get(_size(tensor), 0) + 1
        first: dict[tuple[object, ...], ir.Value] = {}
        for value, tensor in candidates:
            if sizes[_size(tensor)] == 1 or tensor.dtype == ir.DataType.STRING:
                continue
            kept = first.setdefault((*_size(tensor), digest_bytes(tensor.tobytes())), value)
            if kept is not value:
                value.replace_all_uses_with(kept)
                graph.initializers.pop(str(value.name))
                changed = True
        return changed


def _size(tensor: ir.TensorProtocol) -> tuple[object, ...]:
    return tensor.dtype, tuple(tensor.shape)
