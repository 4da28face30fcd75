"""Follows slots through a model: which channels can be removed, and what has to shrink with each.

An element of a value belongs to the slot of the channel that it was made from. That is written down as one axis and the
slots along it (`Marks`), since a value of which whole channels are removed stays a box. Operators fall into few kinds:
layers end the slots of their input and begin new ones; operators element by element tie what meets; what moves elements
is run on the slots themselves; windows keep channels apart. Whatever is none of these fixes what goes in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import onnx_ir as ir

from ..passes.editing import is_op, static_shape
from .layers import conv, gemm, matmul
from .marks import Trace, fix, fix_value
from .moves import concat, gather, reshape, slice_, split, transpose
from .pointwise import along, channelwise, elementwise, layer_norm, reduce


def trace(model: ir.Model, *, whole_heads: bool = False) -> Trace:
    """Follow the slots of a model, every shape known. Subgraphs fix what they use.

    `whole_heads`: of attention, heads are slots, and not the channels that are in all of them (see `Trace`).
    """
    found = Trace(whole_heads=whole_heads)
    for node in model.graph:
        rule = _RULES.get(node.op_type, fix) if is_op(node, node.op_type) else fix
        if any(static_shape(value) is None for value in (*filter(None, node.inputs), *node.outputs)):
            rule = fix
        rule(found, node)
        for attribute in node.attributes.values():
            if attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS):
                _fix_captured(found, attribute)
    for output in model.graph.outputs:
        fix_value(found, output)
    return found


def _fix_captured(found: Trace, attribute: ir.Attr) -> None:
    graphs = [attribute.as_graph()] if attribute.type == ir.AttributeType.GRAPH else attribute.as_graphs()
    for graph in graphs:
        for node in ir.traversal.RecursiveGraphIterator(graph):
            for value in node.inputs:
                fix_value(found, value)


_SAME: Final = ("Identity", "Dropout", "Cast")
_ELEMENTWISE: Final = (
    *(
        "Abs",
        "Add",
        "Ceil",
        "Celu",
        "Clip",
        "Cos",
        "Div",
        "Elu",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
    ),
    *("LeakyRelu", "Log", "Max", "Mean", "Min", "Mish", "Mul", "Neg", "PRelu", "Pow", "Reciprocal", "Relu", "Selu"),
    *(
        "Sigmoid",
        "Sign",
        "Sin",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Sub",
        "Sum",
        "Swish",
        "Tanh",
        "ThresholdedRelu",
        "Where",
    ),
)
_WINDOWS: Final = (
    *(
        "AveragePool",
        "BatchNormalization",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "GlobalLpPool",
        "InstanceNormalization",
    ),
    *("LpPool", "MaxPool", "Pad", "Resize"),
)
_REDUCTIONS: Final = (
    *("ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"),
    "ReduceSumSquare",
)

Rule = Callable[[Trace, ir.Node], Any]

_RULES: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(("Conv", "ConvTranspose"), conv),
    "Gemm": gemm,
    "MatMul": matmul,
    **dict.fromkeys((*_SAME, *_ELEMENTWISE), elementwise),
    **dict.fromkeys(_WINDOWS, channelwise),
    **dict.fromkeys(_REDUCTIONS, reduce),
    **dict.fromkeys(("Softmax", "LogSoftmax"), along),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), layer_norm),
    "Transpose": transpose,
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), reshape),
    "Concat": concat,
    "Gather": gather,
    "Split": split,
    "Slice": slice_,
}
