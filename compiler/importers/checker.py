"""ONNX's checker on a user's file, forgiving what onnxruntime forgives."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import onnx

from ...vocabulary.errors import ModelError

_CONTRIB_IN_DEFAULT_DOMAIN: Final = {"LayerNormalization": 17, "SimplifiedLayerNormalization": 1 << 30}
"""Operators of onnxruntime that it writes into the default domain, and the opset in which ONNX took them over."""


def own_contrib_nodes(proto: onnx.ModelProto) -> bool:
    """Give onnxruntime's operators in the default domain the domain they belong to. Give whether there were any."""
    version = max((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    found = False
    for node in proto.graph.node:
        if node.domain == "" and version < _CONTRIB_IN_DEFAULT_DOMAIN.get(node.op_type, 0):
            node.domain, found = "com.microsoft", True
    if found and "com.microsoft" not in {entry.domain for entry in proto.opset_import}:
        proto.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return found


def check(path: Path, proto: onnx.ModelProto, *, changed: bool) -> None:
    """Run ONNX's checker: on the file, or on what was read from it when that was `changed` since.

    Outputs without a shape are let through: runtimes do without.

    Raises:
        ModelError: when the checker refuses the model.
    """
    shapeless = [value for value in proto.graph.output if not value.type.tensor_type.HasField("shape")]
    for value in shapeless:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.shape.SetInParent()
    try:
        onnx.checker.check_model(_without_external(proto) if changed or shapeless else path)
    except (onnx.checker.ValidationError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{path}: not a valid ONNX model: {first}") from error


def _without_external(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The checker looks for external data in the current folder when it is not given a path: inputs in their place."""
    external = [tensor for tensor in proto.graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL]
    if not external:
        return proto
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    inputs = {value.name for value in copy.graph.input}
    kept = [tensor for tensor in copy.graph.initializer if tensor.data_location != onnx.TensorProto.EXTERNAL]
    del copy.graph.initializer[:]
    copy.graph.initializer.extend(kept)
    for tensor in external:
        if tensor.name not in inputs:
            copy.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return copy
