"""What the gates of LSTM, GRU and RNN apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from ...lowering.call import Call
from ...lowering.refused import Refused

if TYPE_CHECKING:
    from torch import Tensor
    from torch.fx import Node

DEFAULTS: Final = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}
"""Operator → what it applies where it says nothing else, in ONNX's order."""

_NUMBERS: Final[Mapping[str, Mapping[str, float]]] = {
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
    "thresholdedrelu": {"alpha": 1.0},
}
"""The numbers that an activation takes, with their defaults. Source: the operators of ONNX of the same names."""

_FUNCTIONS: Final[Mapping[str, Callable[..., Tensor]]] = {
    "affine": lambda x, alpha, beta: alpha * x + beta,
    "elu": functional.elu,
    "hardsigmoid": lambda x, alpha, beta: (alpha * x + beta).clamp(0.0, 1.0),
    "leakyrelu": functional.leaky_relu,
    "relu": torch.relu,
    "scaledtanh": lambda x, alpha, beta: alpha * torch.tanh(beta * x),
    "sigmoid": torch.sigmoid,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "tanh": torch.tanh,
    "thresholdedrelu": lambda x, alpha: functional.threshold(x, alpha, 0.0),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """A function of a gate, with its numbers; x is brought between −clip and clip before, where there is a clip."""

    name: str
    numbers: tuple[float, ...]
    clip: float | None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply it."""
        return _FUNCTIONS[self.name](x if self.clip is None else x.clamp(-self.clip, self.clip), *self.numbers)


def activations_of(call: Call[Node], directions: int) -> list[tuple[Activation, ...]]:
    """Read the activations of each direction. Numbers are handed out in order to the activations that take one.

    Raises:
        Refused: when there is no such activation.
    """
    defaults = DEFAULTS[call.op]
    names = [name.lower() for name in call.texts("activations") or [*defaults] * directions]
    given = {name: _floats(call, f"activation_{name}") for name in ("alpha", "beta")}
    clip = call.real("clip", 0.0) if "clip" in call.node.attributes else None
    found = []
    for name in names:
        if name not in _NUMBERS:
            raise Refused(f"activation {name}")
        numbers = tuple(given[key].pop(0) if given[key] else default for key, default in _NUMBERS[name].items())
        found.append(Activation(name=name, numbers=numbers, clip=clip))
    each: Sequence[int] = range(0, len(defaults) * directions, len(defaults))
    return [tuple(found[start : start + len(defaults)]) for start in each]


def _floats(call: Call[Node], name: str) -> list[float]:
    attribute = call.node.attributes.get(name)
    return [*attribute.as_floats()] if attribute is not None else []
