"""Reading arithmetic back: what a value is as a polynomial of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from .editing import constant_array, is_op, only_user

Polynomial = Mapping[tuple[int, ...], float]
"""Exponents of the variables → coefficient: `x*g + 0.5*x` of (x, g) is `{(1, 1): 1.0, (1, 0): 0.5}`."""

_LARGEST_DEGREE = 4
_MOST_STEPS = 8


def polynomial(value: ir.Value, variables: Sequence[ir.Value], steps: int = _MOST_STEPS) -> Polynomial | None:
    """Expand sums, products and powers with constants of one element; None where anything else stands."""
    for index, variable in enumerate(variables):
        if value is variable:
            return {tuple(int(place == index) for place in range(len(variables))): 1.0}
    array = constant_array(value, most_elements=1)
    if array is not None and array.dtype.kind == "f":
        return {(0,) * len(variables): float(array.reshape(()))}
    node = value.producer()
    if node is None or steps == 0 or not is_op(node, "Add", "Sub", "Mul", "Div", "Pow", "Neg", "Identity"):
        return None
    parts = [polynomial(part, variables, steps - 1) if part is not None else None for part in node.inputs]
    left, right = parts[0], parts[1] if len(parts) > 1 else {}
    if left is None or right is None:
        return None
    match node.op_type:
        case "Add":
            return _sum(left, right)
        case "Sub":
            return _sum(left, _scaled(right, -1.0))
        case "Neg":
            return _scaled(left, -1.0)
        case "Mul":
            return _product(left, right)
        case "Div":
            divisor = _number(right)
            return _scaled(left, 1.0 / divisor) if divisor else None
        case "Pow":
            return _power(left, _number(right))
        case _:
            return left


def is_close(found: Polynomial | None, wanted: Polynomial) -> bool:
    """Whether two polynomials are equal to the rounding of float32 constants."""
    if found is None:
        return False
    found = {powers: factor for powers, factor in found.items() if factor != 0.0}
    # 1e-6: constants are rounded to float32 once or twice (6e-8 each), exporters write some with seven digits
    return found.keys() == wanted.keys() and all(
        abs(found[powers] - factor) <= 1e-6 * abs(factor) for powers, factor in wanted.items()
    )


def sources(value: ir.Value, steps: int = _MOST_STEPS) -> Iterator[ir.Value]:
    """Go through the values that arithmetic made this one of, nearest first."""
    seen, level = {value}, [value]
    for _ in range(steps):
        yield from level
        level = [
            part
            for item in level
            if is_op(item.producer(), "Add", "Sub", "Mul", "Div", "Pow", "Neg")
            for part in item.producer().inputs  # type: ignore[union-attr]  # is_op has seen that there is one
            if part is not None and constant_array(part, most_elements=1) is None and part not in seen
        ]
        seen.update(level)


def results(value: ir.Value, steps: int = _MOST_STEPS) -> Iterator[ir.Value]:
    """Go through the values that arithmetic makes of this one, as long as each has one user."""
    for _ in range(steps):
        user = only_user(value)
        if user is None or not is_op(user, "Add", "Sub", "Mul", "Div"):
            return
        value = user.outputs[0]
        yield value


def _number(terms: Polynomial) -> float | None:
    return next(iter(terms.values())) if all(not any(powers) for powers in terms) and terms else None


def _sum(left: Polynomial, right: Polynomial) -> Polynomial:
    total = dict(left)
    for powers, factor in right.items():
        total[powers] = total.get(powers, 0.0) + factor
    return total


def _scaled(terms: Polynomial, factor: float) -> Polynomial:
    return {powers: factor * own for powers, own in terms.items()}


def _product(left: Polynomial, right: Polynomial) -> Polynomial | None:
    total: dict[tuple[int, ...], float] = {}
    for powers, factor in left.items():
        for others, other in right.items():
            key = tuple(int(number) for number in np.add(powers, others))
            total[key] = total.get(key, 0.0) + factor * other
    return total if all(sum(powers) <= _LARGEST_DEGREE for powers in total) else None


def _power(terms: Polynomial, exponent: float | None) -> Polynomial | None:
    if exponent is None or exponent not in (1.0, 2.0, 3.0):
        return None
    result: Polynomial | None = terms
    for _ in range(int(exponent) - 1):
        result = _product(result, terms) if result is not None else None
    return result
