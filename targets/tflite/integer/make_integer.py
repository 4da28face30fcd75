"""The pass that turns `DEQUANTIZE → float operator → QUANTIZE` into the integer operator."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from ....compiler.lowering.refused import Refused
from ..dialect import dtype_of, hub_node, is_constant, operand, text
from ..legalize.rewriter import Rewriter
from ..origin import carry_origins
from ..quantization import Quantization, grid_of, has_grid, put_on
from .exact import before, data_places, on_integers, reals
from .operands import behind, grid_in, is_from_grid, requantized
from .rules import RULES
from .stays import Stays

_INTEGERS = frozenset({ir.DataType.INT8, ir.DataType.INT16})
_UP_TO_6 = Quantization((float(np.float32(6 / 255)),), -128)


def make_integer(rewriter: Rewriter) -> dict[str, str]:
    """Say in integers whatever the kernels can; gives the reasons why nodes of the hub stay float, by their names.

    The graph must not be rewritten any more by passes that do not know grids.
    """
    graph, stays = rewriter.graph, dict[str, str]()
    while any(_put_before(rewriter, node) for node in reversed(graph)):
        pass
    for node in graph:
        if node.op_type == "QUANTIZE":
            _requantize(rewriter, node)
        elif node.op_type != "DEQUANTIZE" and any(is_from_grid(value) for value in node.inputs):
            reason = _say(rewriter, node)
            if reason is not None:
                stays.setdefault(hub_node(node), f"{node.op_type} stays float: {reason}")
    rewriter.remove_dead()
    _settle(graph)
    return stays


def _put_before(rewriter: Rewriter, node: ir.Node) -> bool:
    if node.op_type != "QUANTIZE" or dtype_of(node.outputs[0]) not in _INTEGERS:
        return False
    producer = operand(node, 0).producer()
    if producer is None or not data_places(producer):
        return False
    data = [operand(producer, place) for place in data_places(producer)]
    return any(not is_from_grid(value) and not is_constant(value) for value in data) and before(rewriter, node)


def _say(rewriter: Rewriter, node: ir.Node) -> str | None:
    """Say one float node in integers; gives the reason when that cannot be."""
    try:
        if node.op_type != "RELU" and on_integers(rewriter, node):
            return None
        wanted = _wanted(node)
        if wanted is None:
            return None if on_integers(rewriter, node) or _bounded(rewriter, node) else "its result is not quantized"
        if data_places(node) and node.op_type not in RULES and before(rewriter, wanted):
            return None  # what pads may lie beside the grid of the operand, and saturates on that of the result
        if node.op_type not in RULES:
            return f"the runtime has no {node.op_type} of integers on a grid"
        result = RULES[node.op_type](rewriter.builder, node, grid_in(wanted), dtype_of(wanted.outputs[0]))
    except (Stays, Refused) as reason:
        rewriter.forget()
        return str(reason)
    out = node.outputs[0]
    result = requantized(rewriter.builder, result, grid_in(wanted), dtype_of(result))
    result.name, out.name = out.name, None
    carry_origins(out, result)
    rewriter.replace(wanted, [result])
    return None


def _wanted(node: ir.Node) -> ir.Node | None:
    """Give the QUANTIZE that alone takes the result of a node."""
    out = node.outputs[0]
    users = [use.node for use in out.uses()]
    alone = len(node.outputs) == 1 and len(users) == 1 and not out.is_graph_output()
    return users[0] if alone and users[0].op_type == "QUANTIZE" and dtype_of(out) == ir.DataType.FLOAT else None


def _bounded(rewriter: Rewriter, node: ir.Node) -> bool:
    """Say a node in integers whose result nobody quantized, but whose activation bounds it. Tells whether it could.

    Only where every user is an operator between grids itself: the grid of the bounds costs half a step of it there.
    """
    out = node.outputs[0]
    activation = text(node, "fused_activation_function", "NONE") if node.op_type != "RELU6" else "RELU6"
    users = [use.node for use in out.uses()]
    if activation != "RELU6" or node.op_type not in RULES or out.is_graph_output():
        return False
    if not all(user.op_type in RULES and _wanted(user) is not None for user in users):
        return False
    result = RULES[node.op_type](rewriter.builder, node, _UP_TO_6, ir.DataType.INT8)
    rewriter.replace(node, [reals(rewriter.builder, requantized(rewriter.builder, result, _UP_TO_6, ir.DataType.INT8))])
    return True


def _requantize(rewriter: Rewriter, node: ir.Node) -> None:
    """Let a QUANTIZE behind a DEQUANTIZE work on the integers, or vanish."""
    source, out = behind(operand(node, 0)), node.outputs[0]
    if source is None or dtype_of(out) not in _INTEGERS:
        return
    rewriter.replace(node, [requantized(rewriter.builder, source, grid_in(node), dtype_of(out))])


def _settle(graph: ir.Graph) -> None:
    """Write the grids of what QUANTIZE gives and DEQUANTIZE takes onto these values, where the file has them."""
    for node in graph:
        places = data_places(node)
        if places and has_grid(operand(node, places[0])):
            for value in node.outputs:
                if dtype_of(value) in _INTEGERS and not has_grid(value):
                    put_on(value, grid_of(operand(node, places[0])))
        if "scale" not in node.attributes or node.op_type not in ("QUANTIZE", "DEQUANTIZE"):
            continue
        value = node.outputs[0] if node.op_type == "QUANTIZE" else operand(node, 0)
        grid = grid_in(node)
        if has_grid(value) and grid_of(value) != grid:
            raise AssertionError(f"{value.name}: two grids, {grid_of(value)} and {grid}")
        put_on(value, grid)
        for name in ("scale", "zero_point"):
            node.attributes.pop(name)
