"""Computing at compile time what depends on constants alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Array = NDArray[Any]

RANDOM: Final = frozenset(
    ["Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"]
)
"""Operators that give something else each time."""

_WIDENING = {(ir.DataType.FLOAT16, ir.DataType.FLOAT), (ir.DataType.INT32, ir.DataType.INT64)}


def evaluate(node: ir.Node, arrays: Sequence[Array | None], opsets: Mapping[str, int]) -> list[Array] | None:
    """Compute a hub node by ONNX's reference implementation of its operator; None when there is none that can."""
    if node.op_type in RANDOM:
        return None
    widened = _widening_cast(node, arrays)
    if widened is not None:
        return [widened]
    # Imported here: most models need it for a handful of nodes, many for none.
    import onnx
    from onnx.reference import ReferenceEvaluator

    feeds = {
        str(value.name): array for value, array in zip(node.inputs, arrays, strict=True) if value and array is not None
    }
    proto = ir.to_proto(node)
    graph = onnx.GraphProto(name="fold", node=[proto])
    graph.input.extend(onnx.ValueInfoProto(name=name) for name in feeds)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in proto.output if name)
    model = onnx.ModelProto(ir_version=10, graph=graph)
    model.opset_import.extend(
        onnx.OperatorSetIdProto(domain=domain, version=version) for domain, version in opsets.items()
    )
    try:
        results = dict(
            zip((value.name for value in graph.output), ReferenceEvaluator(model).run(None, feeds), strict=True)
        )
    except Exception:  # noqa: BLE001 - the reference raises anything for what it does not know; the lowering decides then
        return None
    if not all(isinstance(result, np.ndarray | np.generic) for result in results.values()):
        return None
    return [np.asarray(results[name]) if name else np.empty(0) for name in proto.output]


def _widening_cast(node: ir.Node, arrays: Sequence[Array | None]) -> Array | None:
    """Weights stored in 16 bits arrive as casts of large constants: NumPy does those without a detour."""
    if node.op_type != "Cast" or node.domain or arrays[0] is None:
        return None
    to = ir.DataType(node.attributes["to"].as_int())
    source = ir.DataType.from_numpy(arrays[0].dtype)
    return arrays[0].astype(to.numpy()) if (source, to) in _WIDENING else None
