"""Places factors in a graph: the smaller layers that stand for one."""

from __future__ import annotations

from dataclasses import dataclass

import onnx_ir as ir

from ..passes.editing import Array, Editor
from .factors import Factors
from .layers import Layer


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """One of the smaller layers; `own` says that it moves the kernel over the places as the layer did."""

    name: str
    weights: Array
    own: bool


def place(editor: Editor, layer: Layer, factors: Factors) -> None:
    """Let factors stand for every node of a layer; they share the constants as the nodes did.

    A convolution becomes 1×1, a smaller kernel, 1×1; the kernel keeps strides, padding and dilations, since a 1×1 of
    padded zeros is zero. The last one keeps the bias.
    """
    steps = _steps(factors)
    weights = [editor.constant(layer.stored(step.weights), f"{layer.linear.weight.name}/{step.name}") for step in steps]
    for node in layer.nodes:
        _replace(editor, layer, node, list(zip(steps, weights, strict=True)))


def _steps(factors: Factors) -> list[_Step]:
    enter = None if factors.enter is None else factors.enter[:, :, None]
    leave = None if factors.leave is None else factors.leave[:, :, None]
    kernel = enter is not None or factors.core.shape[2] > 1
    core = _Step(name="core" if kernel else "low_rank_in", weights=factors.core, own=True)
    return [
        *([] if enter is None else [_Step(name="low_rank_in", weights=enter, own=False)]),
        core,
        *([] if leave is None else [_Step(name="low_rank_out", weights=leave, own=False)]),
    ]


def _replace(editor: Editor, layer: Layer, node: ir.Node, steps: list[tuple[_Step, ir.Value]]) -> None:
    value, old = node.inputs[0], node.outputs[0]
    assert value is not None
    for step, weights in steps:
        last = step is steps[-1][0]
        inputs = [value, weights, *(node.inputs[2:3] if last else ())]
        made = editor.node(
            node, node.op_type, inputs, _attributes(node, step, last), stem=f"{node.name}/{step.name}", like=old
        )
        maker = made.producer()
        assert maker is not None
        maker.metadata_props.update(node.metadata_props)
        if not last:
            made.shape = _shape(layer, old if step.own else value, old, step)
        value = made
    editor.replace(old, value)


def _attributes(node: ir.Node, step: _Step, last: bool) -> dict[str, ir.Attr]:
    if node.op_type == "Conv":
        kept = {name: attribute for name, attribute in node.attributes.items() if name != "kernel_shape"}
        return kept if step.own else {}
    if node.op_type == "Gemm":
        scaled = node.attributes.items()
        return {name: attribute for name, attribute in scaled if last or name == "transB"}
    return {}


def _shape(layer: Layer, places: ir.Value, old: ir.Value, step: _Step) -> ir.Shape | None:
    """Give the shape of a value in between: its channels at the places of what goes in, or of what comes out."""
    shape = places.shape
    if shape is None or old.shape is None:
        return None
    sizes = list(shape)
    axis = 1 if layer.linear.node.op_type == "Conv" else len(sizes) - 1
    sizes[axis] = step.weights.shape[0]
    return ir.Shape(sizes)
