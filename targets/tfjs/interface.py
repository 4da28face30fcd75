"""How a graph model is called: as a signature, and as the file itself tells it to whoever loads it."""

from __future__ import annotations

from typing import Any

import msgspec

from ...vocabulary.signature import Signature, TensorSpec
from ..base import Options
from .graph import Graph, Tensor


def signature_of(source: Signature, graph: Graph, options: Options) -> Signature:
    """Give the source's signature with the dtypes, shapes and layouts that the graph has."""

    def spec_of(spec: TensorSpec, tensor: Tensor) -> TensorSpec:
        layout = options.layout.get(spec.name, spec.layout)
        return msgspec.structs.replace(spec, dtype=tensor.dtype.value, shape=tensor.shape, layout=layout)

    return Signature(
        inputs=tuple(spec_of(spec, graph.inputs[spec.name]) for spec in source.inputs),
        outputs=tuple(spec_of(spec, graph.outputs[spec.name]) for spec in source.outputs),
    )


def narrowed(source: Signature, artifact: Signature) -> dict[str, str]:
    """Say whose dtype differs: `{"ids": "int64 → int32"}`."""
    pairs = zip((*source.inputs, *source.outputs), (*artifact.inputs, *artifact.outputs), strict=True)
    return {before.name: f"{before.dtype} → {after.dtype}" for before, after in pairs if before.dtype != after.dtype}


def metadata_of(signature: Signature, options: Options) -> dict[str, Any]:
    """Give the user metadata of `model.json`: the variant, and the signature in its order with layouts and labels."""
    return {"edgewright": {"variant": options.variant, "signature": msgspec.to_builtins(signature)}}
