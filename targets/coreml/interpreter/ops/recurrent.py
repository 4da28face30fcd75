"""Recurrent layers.

What the documentation leaves open is read from coremltools' own tests of these operations, which compare with Core ML:

- `reverse` reads the sequence from its end; the outputs stand in the order in which they were computed, so the last
  step read is the last output. The backward half of `bidirectional` stands in the order of the sequence.
- `scaled_tanh` is `tanh`, `hard_sigmoid` is `clip(0.2 x + 0.5, 0, 1)`, `linear` is the identity.
- `clip` bounds the cell's state, before the output gate reads it.
- `gru` multiplies the hidden state by the reset gate before the matrix (`W_ho (r * h)`), where the formula in its
  documentation multiplies the product.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation
from .precision import narrowed, widened

Activation = Callable[[Array], Array]


def _sigmoid(x: Array) -> Array:
    y: Array = 0.5 * (np.tanh(0.5 * x) + 1)
    return y


def _hard_sigmoid(x: Array) -> Array:
    y: Array = np.clip(x.dtype.type(0.2) * x + x.dtype.type(0.5), 0, 1)
    return y


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _linear(x: Array) -> Array:
    return x


ACTIVATIONS: dict[str, Activation] = {
    "hard_sigmoid": _hard_sigmoid,
    "linear": _linear,
    "relu": _relu,
    "scaled_tanh": np.tanh,
    "sigmoid": _sigmoid,
    "sigmoid_hard": _hard_sigmoid,
    "tanh": np.tanh,
}


def lstm(a: Arguments) -> tuple[Array, Array, Array]:
    """Give the outputs `[S or 1, N, D * H]` of `x: [S, N, I]`, the last hidden state and the last cell, `[N, D * H]`.

    The rows of the weights are those of the gates input, forget, output and cell, in this order; `peephole: [3 * H]`
    is of the first three. Input and forget gate see the cell as it was, the output gate as it becomes.
    """
    x, h, c = widened(a["x"]), widened(a["initial_h"]), widened(a["initial_c"])
    direction = a.text("direction", "forward")
    if direction == "bidirectional":
        size = a["weight_hh"].shape[1]
        there = _lstm(a, x, h[:, :size], c[:, :size], "")
        back = _lstm(a, x[::-1], h[:, size:], c[:, size:], "_back")
        parts = [(there[0], back[0][::-1]), (there[1], back[1]), (there[2], back[2])]
        outputs, h, c = (np.concatenate(pair, axis=-1) for pair in parts)
    else:
        outputs, h, c = _lstm(a, _ordered(x, direction), h, c, "")
    y = outputs if a.flag("output_sequence", False) else h[None]
    dtype = a["x"].dtype
    return narrowed(y, dtype), narrowed(h, dtype), narrowed(c, dtype)


def _lstm(a: Arguments, x: Array, h: Array, c: Array, suffix: str) -> tuple[Array, Array, Array]:
    gate = _activation(a, "recurrent_activation", "sigmoid")
    cell, outer = _activation(a, "cell_activation", "tanh"), _activation(a, "activation", "tanh")
    driven, recurrent = _driven(a, x, suffix), widened(a[f"weight_hh{suffix}"]).T
    peephole = a.get(f"peephole{suffix}")
    zero = np.float32(0)
    p_i, p_f, p_o = (zero, zero, zero) if peephole is None else np.split(widened(peephole), 3)
    clip = a.get("clip")
    outputs = []
    for step in driven:
        i, f, o, z = np.split(step + h @ recurrent, 4, axis=-1)
        c = gate(f + c * p_f) * c + gate(i + c * p_i) * cell(z)
        c = c if clip is None else np.clip(c, -widened(clip), widened(clip))
        h = gate(o + c * p_o) * outer(c)
        outputs.append(h)
    return np.stack(outputs), h, c


def gru(a: Arguments) -> tuple[Array, Array]:
    """Give the outputs `[S or 1, N, H]` of `x: [S, N, I]` and the last hidden state `[N, H]`.

    The rows of the weights are those of the gates reset, new and update, in this order. `bias` is the sum of those of
    input and state; iOS 18 may give that of the input by itself, in `input_bias`.

    Raises:
        ValueError: with `reset_after` (iOS 18). Its documentation contradicts its name, and coremltools' own test of
            it against PyTorch is marked as failing in Core ML.
    """
    if a.flag("reset_after", False):
        raise ValueError("what reset_after does in Core ML is not documented")
    gate, new = _activation(a, "recurrent_activation", "sigmoid"), _activation(a, "activation", "tanh")
    h = widened(a["initial_h"])
    size = h.shape[1]
    w_r, w_o, w_z = (rows.T for rows in np.split(widened(a["weight_hh"]), 3))
    outputs = []
    for step in _driven(a, _ordered(widened(a["x"]), a.text("direction", "forward")), ""):
        r, z = gate(step[:, :size] + h @ w_r), gate(step[:, 2 * size :] + h @ w_z)
        h = (1 - z) * new(step[:, size : 2 * size] + (r * h) @ w_o) + z * h
        outputs.append(h)
    return _sequence(a, outputs)


def rnn(a: Arguments) -> tuple[Array, Array]:
    """Give the outputs `[S or 1, N, H]` of `x: [S, N, I]` and the last hidden state `[N, H]`."""
    activation = _activation(a, "activation", "tanh")
    h, recurrent = widened(a["initial_h"]), widened(a["weight_hh"]).T
    outputs = []
    for step in _driven(a, _ordered(widened(a["x"]), a.text("direction", "forward")), ""):
        h = activation(step + h @ recurrent)
        outputs.append(h)
    return _sequence(a, outputs)


def _sequence(a: Arguments, outputs: list[Array]) -> tuple[Array, Array]:
    dtype = a["x"].dtype
    kept = outputs if a.flag("output_sequence", False) else outputs[-1:]
    return narrowed(np.stack(kept), dtype), narrowed(outputs[-1], dtype)


def _driven(a: Arguments, x: Array, suffix: str) -> Array:
    """Give what the input adds to the gates at every step, and the biases, which every step adds: `[S, N, gates]`."""
    driven: Array = x @ widened(a[f"weight_ih{suffix}"]).T
    for name in (f"bias{suffix}", f"input_bias{suffix}"):
        bias = a.get(name)
        driven = driven if bias is None else driven + widened(bias)
    return driven


def _ordered(x: Array, direction: str) -> Array:
    if direction not in ("forward", "reverse"):
        raise ValueError(f"direction {direction!r} is unknown")
    return x if direction == "forward" else x[::-1]


def _activation(a: Arguments, name: str, default: str) -> Activation:
    wanted = a.text(name, default).lower()
    if wanted not in ACTIVATIONS:
        raise ValueError(f"{name} {wanted!r} is unknown")
    return ACTIVATIONS[wanted]


OPERATIONS: dict[str, Implementation] = {"gru": gru, "lstm": lstm, "rnn": rnn}
