"""What the gates of LSTM, GRU and RNN apply."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ....compiler.lowering.call import Call
from ....compiler.lowering.refused import Refused
from ..builder import Expr
from ..toolkit import te, tirx
from .extremes import bounded
from .tanh import tanh

DEFAULTS: Final[Mapping[str, Sequence[str]]] = {
    "LSTM": ("sigmoid", "tanh", "tanh"),
    "GRU": ("sigmoid", "tanh"),
    "RNN": ("tanh",),
}
"""Operator → what it applies where it says nothing else, in ONNX's order."""

_NUMBERS: Final[Mapping[str, Sequence[float | None]]] = {
    "affine": (None, None),
    "elu": (1.0,),
    "hardsigmoid": (0.2, 0.5),
    "leakyrelu": (0.01,),
    "relu": (),
    "scaledtanh": (None, None),
    "sigmoid": (),
    "softplus": (),
    "softsign": (),
    "tanh": (),
    "thresholdedrelu": (None,),
}
"""The numbers that an activation takes, alpha and then beta, with their defaults. Source: ONNX's operators of the same
names. None: onnxruntime 1.31 takes 0 where they have another default or none."""


def _zero(x: Any) -> Any:
    return tirx().const(0, str(x.ty.dtype))


def _where_positive(x: Any, other: Any) -> Any:
    return tirx().Select(x > _zero(x), x, other)


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "affine": lambda x, alpha, beta: x * alpha + beta,
    "elu": lambda x, alpha: _where_positive(x, (te().exp(x) - 1.0) * alpha),
    "hardsigmoid": lambda x, alpha, beta: bounded(x * alpha + beta, 0, 1),
    "leakyrelu": lambda x, alpha: _where_positive(x, x * alpha),
    "relu": lambda x: bounded(x, 0, None),
    "scaledtanh": lambda x, alpha, beta: tanh(x * beta) * alpha,
    "sigmoid": lambda x: te().sigmoid(x),
    "softplus": lambda x: te().max(x, _zero(x)) + tirx().log1p(te().exp(_zero(x) - te().abs(x))),
    "softsign": lambda x: x / (te().abs(x) + 1.0),
    "tanh": tanh,
    "thresholdedrelu": lambda x, alpha: tirx().Select(x > alpha, x, _zero(x)),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Activation:
    """A function of a gate, with its numbers; x is brought between −clip and clip before, where there is a clip."""

    name: str
    numbers: tuple[float, ...]
    clip: float | None

    def __call__(self, x: Any) -> Any:
        """Apply it to one element, an expression of `tvm.tirx`."""
        if self.clip is not None:
            x = bounded(x, -self.clip, self.clip)
        return _FUNCTIONS[self.name](x, *self.numbers)


def activations_of(call: Call[Expr], directions: int) -> list[list[Activation]]:
    """Read the activations of each direction. Numbers are handed out in order to the activations that take one.

    Raises:
        Refused: when ONNX has no such activation, or its numbers are not said and not agreed on.
    """
    each = len(DEFAULTS[call.op])
    names = [name.lower() for name in call.texts("activations") or [*DEFAULTS[call.op]] * directions]
    clip = call.real("clip", 0.0) if "clip" in call.node.attributes else None
    given = [_floats(call, f"activation_{name}") for name in ("alpha", "beta")]
    found = []
    for name in names:
        if name not in _NUMBERS:
            raise Refused(f"activation {name}")
        numbers = [given[place].pop(0) if given[place] else default for place, default in enumerate(_NUMBERS[name])]
        known = tuple(value for value in numbers if value is not None)
        if len(known) < len(numbers):
            raise Refused(f"activation {name} without its numbers, for which ONNX and onnxruntime take different ones")
        found.append(Activation(name=name, numbers=known, clip=clip))
    return [found[each * place : each * (place + 1)] for place in range(directions)]


def _floats(call: Call[Expr], name: str) -> list[float]:
    attribute = call.node.attributes.get(name)
    return [*attribute.as_floats()] if attribute is not None else []
