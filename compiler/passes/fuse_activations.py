"""FuseActivations: activations that exporters spelled out become the operators that runtimes have for them."""

from __future__ import annotations

import math
from typing import Final

import onnx_ir as ir

from .base import Pass
from .editing import Editor, all_nodes, constant_array, is_op
from .polynomial import Polynomial, is_close, polynomial, results, sources

_HALF_OF_BOTH: Final[Polynomial] = {(1, 0): 0.5, (1, 1): 0.5}
"""`0.5 * x * (1 + g)`."""

_ERF: Final[Polynomial] = {(1,): 1 / math.sqrt(2)}
_TANH: Final[Polynomial] = {(1,): math.sqrt(2 / math.pi), (3,): 0.044715 * math.sqrt(2 / math.pi)}
_SHIFTED: Final[Polynomial] = {(1,): 1.0, (0,): 3.0}


class FuseActivations(Pass):
    """Finds Gelu (by Erf, or approximated by Tanh) and HardSwish in whatever order their terms were written.

    What is found is expanded as a polynomial and compared with the definition of the operator, so the fused model
    differs by rounding alone.
    """

    def rewrite(self, model: ir.Model) -> bool:
        """Look at each Erf, Tanh, Clip and HardSigmoid."""
        editor, changed = Editor(model), False
        for node in all_nodes(model):
            if node.graph is None or not node.inputs or node.inputs[0] is None:
                continue
            if is_op(node, "Erf"):
                changed |= _fuse(editor, node, _ERF, _HALF_OF_BOTH, "Gelu", {})
            elif is_op(node, "Tanh"):
                changed |= _fuse(editor, node, _TANH, _HALF_OF_BOTH, "Gelu", {"approximate": "tanh"})
            elif is_op(node, "Clip") and _bounds(node) == (0.0, 6.0):
                changed |= _fuse(editor, node, _SHIFTED, {(1, 1): 1 / 6}, "HardSwish", {})
            elif is_op(node, "HardSigmoid") and _is_sixth(node):
                changed |= _fuse(editor, node, {(1,): 1.0}, {(1, 1): 1.0}, "HardSwish", {})
        return changed


def _fuse(
    editor: Editor, node: ir.Node, argument: Polynomial, whole: Polynomial, op_type: str, attributes: dict[str, str]
) -> bool:
    inner, outer = node.inputs[0], node.outputs[0]
    assert inner is not None
    for source in sources(inner):
        if not is_close(polynomial(inner, [source]), argument):
            continue
        for result in results(outer):
            if is_close(polynomial(result, [source, outer]), whole):
                maker = result.producer()
                assert maker is not None
                if source.shape is None or result.shape is None or len(source.shape) != len(result.shape):
                    return False  # a constant of one element may still add axes
                editor.replace(result, editor.node(maker, op_type, [source], attributes, like=result))
                return True
    return False


def _bounds(node: ir.Node) -> tuple[float, float] | None:
    low, high = (constant_array(value, most_elements=1) for value in (*node.inputs[1:3], None, None)[:2])
    return None if low is None or high is None else (float(low.reshape(())), float(high.reshape(())))


def _is_sixth(node: ir.Node) -> bool:
    alpha, beta = node.attributes.get_float("alpha", 0.2), node.attributes.get_float("beta", 0.5)
    return abs(alpha * 6 - 1) <= 1e-6 and beta == 0.5
