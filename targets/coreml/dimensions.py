"""Symbolic dimensions: fixed by name, or 1 where they lead an input; the rest must be said to be flexible."""

from __future__ import annotations

from collections.abc import Mapping

from ...vocabulary.errors import ModelError
from ...vocabulary.signature import Signature
from .asked import Asked


def sizes_of(signature: Signature, dims: Mapping[str, int], asked: Asked) -> dict[str, int]:
    """Give the size of every symbolic dimension that is not flexible.

    Raises:
        ModelError: when a symbol stays open, is given twice, or is none of the model's.
    """
    flexible = {*asked.bounds, *asked.open}
    twice = sorted(flexible.intersection(dims) | {*asked.bounds}.intersection((*asked.open, *asked.fixed)))
    if twice:
        raise ModelError(
            f"dimension {twice[0]!r} has two rules",
            hint="say either dims, or settings.flexible, or settings.shapes for it",
        )
    for name in (*dims, *asked.bounds):
        if name not in signature.symbols:
            known = ", ".join(signature.symbols) or "none"
            raise ModelError(f"the model has no dimension {name!r}", hint=f"its symbolic dimensions: {known}")
    leading = {spec.shape[0] for spec in signature.inputs if spec.shape and isinstance(spec.shape[0], str)}
    sizes = {**dict.fromkeys(sorted(leading.difference(flexible)), 1), **asked.fixed, **dims}
    for spec in signature.inputs:
        for size in spec.shape:
            if isinstance(size, str) and size not in sizes and size not in flexible:
                raise ModelError(
                    f"input {spec.name!r}: dimension {size!r} is not fixed, and coreml needs to know its bounds",
                    hint=f'say dims = {{ {size} = … }} for this target, or settings.flexible = {{ {size} = "1..512" }}',
                )
    return sizes
