"""FixDimensions: symbolic dimensions become numbers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import onnx_ir as ir

from ...vocabulary.errors import ConfigError
from ...vocabulary.signature import Signature, TensorSpec
from .base import Pass
from .infer_shapes import InferShapes


class FixDimensions(Pass):
    """Gives sizes to symbolic dimensions by name, in the signature and throughout the graph."""

    def __init__(self, sizes: Mapping[str, int]) -> None:
        """`sizes`: symbol → size.

        Raises:
            ConfigError: when a size is not positive.
        """
        for symbol, size in sizes.items():
            if size < 1:
                raise ConfigError(f"dimension {symbol!r} cannot be {size}: a size is at least 1")
        self.sizes = dict(sizes)

    def rewrite(self, model: ir.Model) -> bool:
        """Write the sizes, then infer everything that follows from them."""
        if not self.sizes:
            return False
        changed = False
        for graph in model.graphs():
            for value in graph.inputs:
                changed |= self._fix(value)
            for node in graph:
                for value in node.outputs:
                    changed |= self._fix(value)
        return InferShapes().rewrite(model) or changed

    def signature(self, before: Signature) -> Signature:
        """Put the sizes into the signature.

        Raises:
            ConfigError: when no input has a dimension of such a name.
        """
        return Signature(inputs=tuple(map(self._spec, before.inputs)), outputs=tuple(map(self._spec, before.outputs)))

    def _spec(self, spec: TensorSpec) -> TensorSpec:
        shape = tuple(self.sizes.get(size, size) if isinstance(size, str) else size for size in spec.shape)
        return msgspec.structs.replace(spec, shape=shape)

    def _fix(self, value: ir.Value) -> bool:
        if value.shape is None:
            return False
        sizes = [
            self.sizes.get(str(size.value), size) if isinstance(size, ir.SymbolicDim) else size for size in value.shape
        ]
        # an expression of symbols ("batch*4") is inferred anew
        fixed = [
            None
            if isinstance(size, ir.SymbolicDim) and size.value is not None and not str(size.value).isidentifier()
            else size
            for size in sizes
        ]
        if fixed == list(value.shape):
            return False
        value.shape = ir.Shape(fixed)
        return True


def with_every_symbol_at_one(model: ir.Model) -> ir.Model:
    """Give a copy in which every symbolic dimension is 1, and so every size known that follows from them."""
    sized = model.clone()
    shapes = [value.shape for value in sized.graph.inputs if value.shape is not None]
    symbols = {str(size.value) for shape in shapes for size in shape if isinstance(size, ir.SymbolicDim)}
    FixDimensions(dict.fromkeys(symbols, 1)).rewrite(sized)
    return sized
