"""Arithmetic, comparisons and logic, element by element. Two arguments broadcast as NumPy's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arguments import Arguments, Array
from .dtype_names import dtype_named
from .error_function import erf
from .operation import Implementation
from .precision import widened
from .rounding import rounded


def _unary(function: Callable[[Array], Any]) -> Implementation:
    def implementation(a: Arguments) -> Array:
        return rounded(function(widened(a["x"])), a["x"].dtype)

    return implementation


def _binary(function: Callable[[Array, Array], Any]) -> Implementation:
    def implementation(a: Arguments) -> Array:
        x, y = _pair(a)
        return rounded(function(widened(x), widened(y)), x.dtype)

    return implementation


def _comparison(function: Callable[[Array, Array], Any]) -> Implementation:
    def implementation(a: Arguments) -> Array:
        return np.asarray(function(*_pair(a)), np.bool_)

    return implementation


def _pair(a: Arguments) -> tuple[Array, Array]:
    x, y = a["x"], a["y"]
    if x.dtype != y.dtype:
        raise ValueError(f"x is {x.dtype} and y is {y.dtype}; they have to be of one type")
    return x, y


def cast(a: Arguments) -> Array:
    """Give other elements of the same value; towards zero where the type has whole numbers only.

    Raises:
        ValueError: when a value is beyond the type: the documentation does not say what becomes of it.
    """
    x, dtype = a["x"], dtype_named(a.text("dtype"))
    if dtype.kind in "iu" and x.dtype.kind in "fiu" and x.size:
        whole = np.trunc(widened(x)) if x.dtype.kind == "f" else x
        within = np.iinfo(dtype)
        # float64 and Python's integers hold the bounds of every type exactly
        low, high = float(whole.min()), float(whole.max())
        if not (low >= within.min and high <= within.max):
            raise ValueError(f"values from {low:g} to {high:g} as {dtype}: what becomes of them is not documented")
        return whole.astype(dtype)
    return x.astype(dtype)


def _clip(a: Arguments) -> Array:
    x = widened(a["x"])
    return rounded(np.minimum(np.maximum(x, _scalar(a, "alpha", x)), _scalar(a, "beta", x)), a["x"].dtype)


def _threshold(a: Arguments) -> Array:
    x = widened(a["x"])
    return rounded(np.maximum(x, _scalar(a, "alpha", x)), a["x"].dtype)


def _scalar(a: Arguments, name: str, like: Array) -> Array:
    return widened(a[name]).astype(like.dtype)


def _with_epsilon(function: Callable[[Array], Any], default: float) -> Implementation:
    """Compute a function of `x + epsilon`; the default is of the dtype of `x` (1e-45 is 0 in float16)."""

    def implementation(a: Arguments) -> Array:
        x = a["x"]
        epsilon = a["epsilon"] if "epsilon" in a else np.asarray(default).astype(x.dtype)
        return rounded(function(widened(x) + widened(epsilon)), x.dtype)

    return implementation


def _dividing(function: Callable[[Array, Array], Any]) -> Implementation:
    """Compute what divides; of whole numbers a division by zero is not documented."""

    def divided(x: Array, y: Array) -> Any:
        if y.dtype.kind in "iu" and not np.all(y):
            raise ValueError("a whole number is divided by zero; what comes out is not documented")
        return function(x, y)

    return _binary(divided)


OPERATIONS: dict[str, Implementation] = {
    "abs": _unary(np.abs),
    "acos": _unary(np.arccos),
    "add": _binary(np.add),
    "asin": _unary(np.arcsin),
    "atan": _unary(np.arctan),
    "atanh": _unary(np.arctanh),
    "cast": cast,
    "ceil": _unary(np.ceil),
    "clip": _clip,
    "cos": _unary(np.cos),
    "cosh": _unary(np.cosh),
    "equal": _comparison(np.equal),
    "erf": _unary(erf),
    "exp": _unary(np.exp),
    "exp2": _unary(np.exp2),
    "floor": _unary(np.floor),
    "floor_div": _dividing(np.floor_divide),
    "greater": _comparison(np.greater),
    "greater_equal": _comparison(np.greater_equal),
    "inverse": _with_epsilon(lambda x: 1 / x, 1e-4),
    "less": _comparison(np.less),
    "less_equal": _comparison(np.less_equal),
    "log": _with_epsilon(np.log, 1e-45),
    "logical_and": _comparison(np.logical_and),
    "logical_not": lambda a: np.logical_not(a["x"]),
    "logical_or": _comparison(np.logical_or),
    "logical_xor": _comparison(np.logical_xor),
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "mod": _dividing(np.mod),
    "mul": _binary(np.multiply),
    "not_equal": _comparison(np.not_equal),
    "pow": _binary(np.power),
    "real_div": _dividing(np.true_divide),
    "round": _unary(np.rint),
    "rsqrt": _with_epsilon(lambda x: 1 / np.sqrt(x), 1e-12),
    "sign": _unary(np.sign),
    "sin": _unary(np.sin),
    "sinh": _unary(np.sinh),
    "sqrt": _unary(np.sqrt),
    "square": _unary(np.square),
    "sub": _binary(np.subtract),
    "tan": _unary(np.tan),
    "tanh": _unary(np.tanh),
    "threshold": _threshold,
}
