"""The sizes of open dimensions: fixed ones, and those that a profile gives."""

from __future__ import annotations

from collections.abc import Mapping

from ...vocabulary.errors import ModelError, RequestError
from ...vocabulary.signature import Signature
from .settings import Bounds


def fixed_sizes(signature: Signature, dims: Mapping[str, int], bounds: Mapping[str, Bounds]) -> dict[str, int]:
    """Give the size of every symbol that does not stay open: by `dims`, or 1 where it leads an input.

    Raises:
        ModelError: when a symbol is neither fixed nor in the profile, or is not one of the model's.
        RequestError: when a symbol is both.
    """
    known = ", ".join(signature.symbols) or "none, all of its dimensions are numbers"
    for name in (*dims, *bounds):
        if name not in signature.symbols:
            raise ModelError(f"the model has no dimension named {name!r}", hint=f"its symbolic dimensions: {known}")
        if name in dims and name in bounds:
            raise RequestError(
                f"dimension {name!r} is fixed to {dims[name]}, and has sizes in the profile",
                hint=f"leave it out of dims or of targets.tensorrt.settings.profile.{name}",
            )
    leading = {str(spec.shape[0]): 1 for spec in signature.inputs if spec.shape and isinstance(spec.shape[0], str)}
    sizes = {name: size for name, size in leading.items() if name not in bounds} | dict(dims)
    for spec in signature.inputs:
        for size in spec.shape:
            if isinstance(size, str) and size not in sizes and size not in bounds:
                raise ModelError(
                    f"input {spec.name!r}: dimension {size!r} is open, and TensorRT makes an engine for sizes that it "
                    "is told",
                    hint=f"fix it by dims = {{ {size} = … }}, or give its lowest and highest size by "
                    f'settings = {{ profile = {{ {size} = "1..8" }} }}',
                )
    return sizes
