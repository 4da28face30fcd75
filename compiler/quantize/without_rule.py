"""What of a model a scheme does not know: it stays float whatever is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import onnx_ir as ir

from ..passes.editing import constant_array
from .kernels import Choice
from .scheme import Scheme

_BORDERS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")


def without_rule(graph: ir.Graph, scheme: Scheme, choice: Choice) -> Mapping[str, int]:
    """Count the nodes that compute float32 of float32 and that no rule speaks of, by operator, the most frequent first.

    What a kernel of the choice takes in behind another node is computed in integers without a rule of its own.
    """
    taken = {node for kernel in choice.kernels for node in kernel.nodes}
    found = Counter(
        node.op_type
        for node in graph
        if node not in taken
        and node.op_type not in (*_BORDERS, *scheme.ops)
        and any(value.dtype == ir.DataType.FLOAT for value in node.outputs)
        and any(
            value is not None and value.dtype == ir.DataType.FLOAT and constant_array(value) is None
            for value in node.inputs
        )
    )
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
