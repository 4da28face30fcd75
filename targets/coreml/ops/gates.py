"""What the gates of LSTM, GRU and RNN apply."""

from __future__ import annotations

from dataclasses import dataclass

from ....compiler.lowering.refused import Refused
from ..builder import Builder, Var
from ..call import Call

DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}

_NUMBERS: dict[str, dict[str, float]] = {
    "affine": {"alpha": 1.0, "beta": 0.0},
    "elu": {"alpha": 1.0},
    "hardsigmoid": {"alpha": 0.2, "beta": 0.5},
    "leakyrelu": {"alpha": 0.01},
    "relu": {},
    "scaledtanh": {"alpha": 1.0, "beta": 1.0},
    "sigmoid": {},
    "softplus": {},
    "softsign": {},
    "tanh": {},
}
"""The numbers that an activation takes, with their defaults. Source: the operators of ONNX of the same names."""

_MIL = {
    "affine": "linear_activation",
    "elu": "elu",
    "hardsigmoid": "sigmoid_hard",
    "leakyrelu": "leaky_relu",
    "relu": "relu",
    "scaledtanh": "scaled_tanh",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "softsign": "softsign",
    "tanh": "tanh",
}

NATIVE = frozenset({"relu", "sigmoid", "tanh"})
"""Activations that MIL's recurrent operations know by the same name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """A function of a gate, with its numbers."""

    name: str
    numbers: dict[str, float]

    def __call__(self, b: Builder, x: Var, clip: float | None = None) -> Var:
        """Apply it to x, brought between −clip and clip before."""
        if clip is not None:
            x = b.op("clip", x=x, alpha=-clip, beta=clip)
        return b.op(_MIL[self.name], x=x, **self.numbers)


def activations_of(call: Call, directions: int) -> list[list[Activation]]:
    """Read the activations of each direction. Numbers are handed out in order to the activations that take one.

    Raises:
        Refused: when MIL has no such activation.
    """
    each = len(DEFAULTS[call.op])
    names = [name.lower() for name in call.texts("activations") or DEFAULTS[call.op] * directions]
    given = {name: _floats(call, f"activation_{name}") for name in ("alpha", "beta")}
    found = []
    for name in names:
        if name not in _NUMBERS:
            raise Refused(f"activation {name}")
        numbers = {key: given[key].pop(0) if given[key] else default for key, default in _NUMBERS[name].items()}
        found.append(Activation(name=name, numbers=numbers))
    return [found[each * place : each * (place + 1)] for place in range(directions)]


def _floats(call: Call, name: str) -> list[float]:
    attribute = call.node.attributes.get(name)
    return [*attribute.as_floats()] if attribute is not None else []
