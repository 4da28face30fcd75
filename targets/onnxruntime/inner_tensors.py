"""Which tensors of the hub an optimised `.onnx` file still holds."""

from __future__ import annotations

from pathlib import Path

import onnx_ir as ir

from ...compiler.model import Model
from ..base import InnerTensor


def inner_tensors(model: Model, artifact: Path) -> dict[str, InnerTensor]:
    """Tell by name which tensors of the hub a file holds, in the order of the model; none where it is no `.onnx`.

    onnxruntime fuses nodes under the name of the last one's result, and gives what it adds a name of its own: equal
    names are equal tensors.
    """
    if artifact.suffix != ".onnx":
        return {}
    kept = {value.name for node in ir.load(artifact).graph for value in node.outputs}
    return {
        value.name: InnerTensor(key=value.name, quantization=_quantization(value))
        for node in model.graph
        for value in node.outputs
        if value.name and value.name in kept
    }


def _quantization(value: ir.Value) -> tuple[float, int] | None:
    """Give scale and zero point of what a QuantizeLinear with one of each gives."""
    node = value.producer()
    if node is None or node.op_type != "QuantizeLinear":
        return None
    scale = ir.convenience.get_const_tensor(node.inputs[1]) if node.inputs[1] is not None else None
    zero = node.inputs[2] if len(node.inputs) > 2 else None
    zero_point = ir.convenience.get_const_tensor(zero) if zero is not None else None
    if scale is None or scale.size != 1 or (zero is not None and zero_point is None):
        return None
    return float(scale.numpy().item()), int(zero_point.numpy().item()) if zero_point is not None else 0
