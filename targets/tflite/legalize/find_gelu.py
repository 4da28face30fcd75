"""Gelu written out by products, Erf or Tanh, as exporters before opset 20 do."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

_TOLERANCE = 1e-5
"""Relative; constants come rounded to float32, or with six digits."""


@dataclass(frozen=True, slots=True)
class Gelu:
    """Gelu of `x`, exact or by tanh."""

    x: ir.Value
    approximate: bool


@dataclass(frozen=True, slots=True)
class _Product:
    """A value as a constant times other values."""

    constant: float
    factors: Counter[ir.Value]


def find_gelu(graph: ir.Graph) -> dict[ir.Node, Gelu]:
    """Give the nodes whose result is the Gelu of some value: x · (1 + erf(x / √2)) / 2, or its tanh form."""
    found = {}
    if any(node.op_type in ("Erf", "Tanh") for node in graph):
        for node in graph:
            gelu = _match(node) if node.op_type in ("Mul", "Div") and not node.domain else None
            if gelu is not None:
                found[node] = gelu
    return found


def _match(node: ir.Node) -> Gelu | None:
    product = _product(node.outputs[0])
    if not math.isclose(product.constant, 0.5, rel_tol=_TOLERANCE) or product.factors.total() != 2:
        return None
    for one in product.factors:
        (x,) = (product.factors - Counter([one])) or (None,)
        inner = _beside_one(one)
        if x is None or inner is None:
            continue
        if inner.op_type == "Erf" and _is(inner, _Product(math.sqrt(0.5), Counter([x]))):
            return Gelu(x, approximate=False)
        if inner.op_type == "Tanh" and _is_cubic(inner, x):
            return Gelu(x, approximate=True)
    return None


def _is(node: ir.Node, wanted: _Product) -> bool:
    """Whether the operand of Erf or Tanh is this product."""
    value = node.inputs[0]
    return value is not None and _same(_product(value), wanted)


def _same(product: _Product, wanted: _Product) -> bool:
    close = math.isclose(product.constant, wanted.constant, rel_tol=_TOLERANCE)
    return close and product.factors == wanted.factors


def _is_cubic(node: ir.Node, x: ir.Value) -> bool:
    """Whether the operand of Tanh is √(2/π) · (x + 0.044715 · x³)."""
    value = node.inputs[0]
    product = _product(value) if value is not None else None
    if product is None or product.factors.total() != 1:
        return False
    if not math.isclose(product.constant, math.sqrt(2 / math.pi), rel_tol=_TOLERANCE):
        return False
    (total,) = product.factors
    terms = _addends(total)
    cube = _Product(0.044715, Counter({x: 3}))
    return len(terms) == 2 and any(a is x and _same(_product(b), cube) for a, b in (terms, terms[::-1]))


def _beside_one(value: ir.Value) -> ir.Node | None:
    """Give the node of f where a value is 1 + f(…)."""
    terms = _addends(value)
    for one, other in (terms, terms[::-1]) if len(terms) == 2 else ():
        if _number(one) == 1.0:
            return other.producer()
    return None


def _addends(value: ir.Value) -> tuple[ir.Value, ...]:
    producer = value.producer()
    if producer is None or producer.op_type != "Add" or producer.domain:
        return ()
    return tuple(operand for operand in producer.inputs if operand is not None)


def _product(value: ir.Value, depth: int = 6) -> _Product:
    """Multiply out, `depth` nodes deep at the most: deeper than any Gelu, and short for powers of powers."""
    number = _number(value)
    if number is not None:
        return _Product(number, Counter())
    producer = value.producer()
    operands = (
        []
        if producer is None or producer.domain or not depth
        else [entry for entry in producer.inputs if entry is not None]
    )
    if producer is not None and producer.op_type == "Mul" and len(operands) == 2:
        left, right = (_product(operand, depth - 1) for operand in operands)
        return _Product(left.constant * right.constant, left.factors + right.factors)
    if producer is not None and producer.op_type in ("Div", "Pow") and len(operands) == 2:
        base, number = _product(operands[0], depth - 1), _number(operands[1])
        if producer.op_type == "Div" and number:
            return _Product(base.constant / number, base.factors)
        if producer.op_type == "Pow" and number in (2.0, 3.0):
            times = int(number)
            return _Product(base.constant**times, Counter({key: count * times for key, count in base.factors.items()}))
    return _Product(1.0, Counter([value]))


def _number(value: ir.Value) -> float | None:
    tensor = ir.convenience.get_const_tensor(value)
    if tensor is None or tensor.size != 1 or tensor.dtype not in (ir.DataType.FLOAT, ir.DataType.INT64):
        return None
    return float(np.asarray(tensor.numpy()).item())
