"""How a package is called: as a signature, and as the package itself tells it to who runs it.

A package holds under the user's own key `edgewright` how its names stand for the source's, as JSON:
`{"inputs": {"input_1": "input.1"}, "outputs": {}}`. A name that is the same is not in it.
"""

from __future__ import annotations

import json

import msgspec

from ...vocabulary.signature import Signature, TensorSpec
from .border import DTYPES, Border
from .emit import Emitted

METADATA_KEY = "edgewright"


def metadata_of(emitted: Emitted) -> dict[str, str]:
    """Give what a package says of how it is called."""
    told = {
        kind: {border.name: border.source for border in borders if border.name != border.source}
        for kind, borders in (("inputs", emitted.inputs), ("outputs", emitted.outputs))
    }
    return {METADATA_KEY: json.dumps(told, sort_keys=True, ensure_ascii=False)}


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
