"""Products of matrices."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened

EXACT = 2.0**53
"""Up to here float64 holds every whole number."""


def linear(a: Arguments) -> Array:
    """Compute `x @ weight.T + bias`, of the dtype of `x`: `x: [..., D_in]`, `weight: [D_out, D_in]`."""
    x = a["x"]
    y = _product(x, a["weight"].T)
    bias = a.get("bias")
    return narrowed(y if bias is None else y + widened(bias), x.dtype)


def matmul(a: Arguments) -> Array:
    """Multiply matrices with NumPy's broadcasting.

    From iOS 17 on a constant factor may have another dtype than the other, which is the result's; the file declares it.
    """
    x, y = a["x"], a["y"]
    dtype = x.dtype if x.dtype == y.dtype else np.dtype(a.result().dtype)
    left = x.swapaxes(-1, -2) if a.flag("transpose_x", False) and x.ndim > 1 else x
    right = y.swapaxes(-1, -2) if a.flag("transpose_y", False) and y.ndim > 1 else y
    return narrowed(np.asarray(_product(left, right)), dtype)


def _product(x: Array, y: Array) -> Array:
    """Multiply; whole numbers exactly (in int32 modulo its range), by BLAS where float64 holds every partial sum."""
    if x.dtype.kind not in "iu" or y.dtype.kind not in "iu":
        product: Array = widened(x) @ widened(y)
        return product
    bound = float(np.abs(x.astype(np.float64)).max(initial=0)) * float(np.abs(y.astype(np.float64)).max(initial=0))
    wide = np.float64 if bound * x.shape[-1] < EXACT else np.int64
    return np.asarray(np.matmul(x.astype(wide), y.astype(wide))).astype(np.int64)


def einsum(a: Arguments) -> Array:
    """Multiply along axis -1 of the first and -3 of the second: `nchw,nwhu->nchu` or `chw,whr->chr`.

    Sizes of one are broadcast along the other axes.

    Raises:
        ValueError: for any other equation; the documentation has these two.
    """
    x, y = a.list("values")
    equation = a.text("equation").replace(" ", "")
    letters = {letter: place for place, letter in enumerate(dict.fromkeys(equation.replace(",", "").split("->")[0]))}
    pattern = "".join("abcdefgh"[letters[sign]] if sign in letters else sign for sign in equation)
    if pattern not in ("abcd,adce->abce", "abc,cbd->abd"):
        raise ValueError(f"{equation!r} is not among the equations that are documented")
    product = widened(x).swapaxes(-3, -2) @ widened(y).swapaxes(-3, -2)
    return narrowed(product.swapaxes(-3, -2), x.dtype)


OPERATIONS: dict[str, Implementation] = {"einsum": einsum, "linear": linear, "matmul": matmul}
