"""Fixing symbolic dimensions: a graph of the dialect has static shapes."""

from __future__ import annotations

from collections.abc import Mapping

from ...vocabulary.errors import ModelError
from ...vocabulary.signature import Signature
from ..model import Model
from ..passes.fix_dimensions import FixDimensions


def static_input_shapes(signature: Signature, dims: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Give every input's shape with its symbols fixed: by `dims`, or 1 where the symbol leads an input.

    Raises:
        ModelError: when a symbol stays open, or `dims` names one that the model does not have.
    """
    unknown = sorted(set(dims) - set(signature.symbols))
    if unknown:
        known = ", ".join(signature.symbols) or "none"
        raise ModelError(f"the model has no dimension {unknown[0]!r}", hint=f"its symbolic dimensions: {known}")
    sizes = {spec.shape[0]: 1 for spec in signature.inputs if spec.shape and isinstance(spec.shape[0], str)} | dict(
        dims
    )
    for spec in signature.inputs:
        for size in spec.shape:
            if isinstance(size, str) and size not in sizes:
                raise ModelError(
                    f"input {spec.name!r}: dimension {size!r} is not fixed, and this target needs fixed shapes",
                    hint=f"say dims = {{ {size} = … }} for this target",
                )
    return {
        spec.name: tuple(sizes[size] if isinstance(size, str) else size for size in spec.shape)
        for spec in signature.inputs
    }


def with_static_shapes(model: Model, dims: Mapping[str, int]) -> Model:
    """Give the model with the sizes that `static_input_shapes` says.

    Raises:
        ModelError: as `static_input_shapes` does.
    """
    shapes = static_input_shapes(model.signature, dims)
    pairs = (pair for spec in model.signature.inputs for pair in zip(spec.shape, shapes[spec.name], strict=True))
    return FixDimensions({symbol: size for symbol, size in pairs if isinstance(symbol, str)})(model)
