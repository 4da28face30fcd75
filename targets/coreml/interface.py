"""How a package is called: as a signature, and as the package itself tells it to whoever runs it."""

from __future__ import annotations

import msgspec

from ...vocabulary.signature import Signature, TensorSpec
from .border import DTYPES, Border
from .calling import METADATA_KEY, Calling
from .emit import Emitted


def metadata_of(emitted: Emitted) -> dict[str, str]:
    """Give what a package says of how it is called."""
    inputs, outputs = (
        {border.name: border.source for border in borders if border.name != border.source}
        for borders in (emitted.inputs, emitted.outputs)
    )
    return {METADATA_KEY: Calling(inputs=inputs, outputs=outputs).encode()}


def signature_of(source: Signature, emitted: Emitted) -> Signature:
    """Give the source's signature with the names, dtypes and shapes that the package has."""
    return Signature(
        inputs=tuple(map(_spec, source.inputs, emitted.inputs)),
        outputs=tuple(map(_spec, source.outputs, emitted.outputs)),
    )


def narrowed(source: Signature, artifact: Signature) -> dict[str, str]:
    """Say whose dtype differs: `{"ids": "int64 → int32"}`."""
    pairs = zip((*source.inputs, *source.outputs), (*artifact.inputs, *artifact.outputs), strict=True)
    return {before.name: f"{before.dtype} → {after.dtype}" for before, after in pairs if before.dtype != after.dtype}


def _spec(spec: TensorSpec, border: Border) -> TensorSpec:
    said = spec.shape or border.shape
    shape = tuple(
        known if known is not None else size if size is not None else f"{border.name}_{axis}"
        for axis, (known, size) in enumerate(zip(border.shape, said, strict=True))
    )
    return msgspec.structs.replace(
        spec,
        dtype=DTYPES[border.dtype],
        shape=shape,
        known_as=border.name if border.name != border.source else None,
    )
