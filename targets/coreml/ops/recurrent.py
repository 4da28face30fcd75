"""LSTM, GRU and RNN: MIL's own operation where it is documented to compute the same, else step by step.

MIL's `direction="reverse"` does not say in which order it gives the sequence; so the input is reversed, and the result.
MIL's `gru` resets the state before the product, R (r ⊙ h), as the layer GRU of Core ML's neural networks is specified
and coremltools tests it against Core ML; the formula in the operation's documentation has it after. Those tests leave
out batches of more than one, which came out as zeros: a GRU of those is written out.
Sources: ONNX's operators; the documentation of MIL's `lstm` and `rnn`; GRULayerParams in Core ML's NeuralNetwork.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....compiler.lowering.refused import Refused
from ..builder import Array, Builder, Var, type_name
from ..call import Call
from ..deployment import Deployment
from .gates import NATIVE, Activation, activations_of
from .lowering import Lowering
from .pieces import concatenated, like, part, reshaped, transposed
from .recurrent_steps import Cell, written_out

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}

_ORDER = {"LSTM": (0, 2, 1, 3), "GRU": (1, 2, 0), "RNN": (0,)}
"""Which of ONNX's gates (iofc, zrh) stands at each place of MIL's (ifoz, roz)."""

_BACKWARDS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}

_ACTIVATIONS = {
    "LSTM": ("recurrent_activation", "cell_activation", "activation"),
    "GRU": ("recurrent_activation", "activation"),
    "RNN": ("activation",),
}
"""MIL's names of what the gates apply, in ONNX's order."""

Run = tuple[Var, tuple[Var, ...]]
"""What a direction gives: its first state at every step, float[steps, batch, H], and the last states [batch, H]."""


def recurrent(call: Call, b: Builder) -> list[Var | None]:
    """Run the directions; give their states at all steps and at the end."""
    batch_first = bool(call.integer("layout", 0))
    x = b.op("transpose", x=call[0], perm=[1, 0, 2]) if batch_first else call[0]
    backwards = _BACKWARDS[call.text("direction", "forward")]
    activations = activations_of(call, len(backwards))
    if call.integer("input_forget", 0):
        raise Refused("its input and forget gates are coupled")
    native = _is_native(call, x, activations)
    if native and type_name(x) == "fp16":
        b.require(Deployment.IOS17, f"{call.op.lower()} of float16")
    states = [_initial(call, b, index, x, len(backwards)) for index in ((5, 6) if call.op == "LSTM" else (5,))]
    if native and call.op == "LSTM" and len(backwards) == 2:
        runs = _both(call, b, x, states, activations)
    else:
        one = _one_operation if native else _steps
        runs = [
            one(call, b, x, place, tuple(state[place] for state in states), activations[place], back)
            for place, back in enumerate(backwards)
        ]
    return _outputs(b, runs, batch_first)


def _outputs(b: Builder, runs: Sequence[Run], batch_first: bool) -> list[Var | None]:
    """Stack the directions: the sequence as [steps, directions, batch, H], last states as [directions, batch, H]."""
    axis = 2 if batch_first else 1
    sequence = concatenated(b, [b.op("expand_dims", x=every, axes=[1]) for every, _ in runs], 1)
    last = []
    for place in range(len(runs[0][1])):
        states = [b.op("expand_dims", x=states[place], axes=[axis - 1]) for _, states in runs]
        last.append(concatenated(b, states, axis - 1))
    return [transposed(b, sequence, (2, 0, 1, 3)) if batch_first else sequence, *last]


def _initial(call: Call, b: Builder, index: int, x: Var, directions: int) -> list[Var]:
    """Give the state that each direction starts with, [batch, H]."""
    hidden = int(call.shape(2)[-1])
    given = call.get(index)
    if given is None:
        return [_zeros(b, x, hidden)] * directions
    axis = 1 if call.integer("layout", 0) else 0
    return [b.op("squeeze", x=part(b, given, axis, place, place + 1), axes=[axis]) for place in range(directions)]


def _zeros(b: Builder, x: Var, hidden: int) -> Var:
    """Give zeros [batch, hidden] for x [steps, batch, I]."""
    batch = x.shape[1]
    if isinstance(batch, int | np.integer):
        return b.const(like(x, np.zeros((batch, hidden))))
    size = part(b, b.op("shape", x=x), 0, 1, 2)
    return b.op("fill", shape=b.op("concat", values=[size, np.array([hidden], np.int32)], axis=0), value=0.0)


def _is_native(call: Call, x: Var, activations: Sequence[Sequence[Activation]]) -> bool:
    """Whether MIL's operation computes what the node says."""
    named = all(activation.name in NATIVE for each in activations for activation in each)
    constant = all(call.is_constant(index) for index in (1, 2, 3) if call.has(index))
    if not (named and constant) or call.has(7) or "clip" in call.node.attributes or not _is_whole(call, x):
        return False
    return call.op != "GRU" or (x.shape[1] == 1 and not call.integer("linear_before_reset", 0))


def _is_whole(call: Call, x: Var) -> bool:
    """Whether every sequence is known to be as long as the input."""
    if not call.has(4):
        return True
    steps = x.shape[0]
    return call.is_constant(4) and isinstance(steps, int) and bool(np.all(call.constant(4, "lengths") >= steps))


def _weights(call: Call, place: int) -> dict[str, Any]:
    """Give the weights of a direction with the gates in MIL's order, both biases added."""
    hidden, order = int(call.shape(2)[-1]), _ORDER[call.op]

    def ordered(array: Array) -> Array:
        gates = array.reshape(len(order), hidden, *array.shape[1:])
        return np.ascontiguousarray(gates[list(order)].reshape(array.shape))

    arrays = {"weight_ih": call.constant(1, "weights")[place], "weight_hh": call.constant(2, "weights")[place]}
    if call.has(3):
        wide = call.constant(3, "bias")[place]
        half = len(wide) // 2
        arrays["bias"] = wide[:half] + wide[half:]
    return {name: ordered(array) for name, array in arrays.items()}


def _one_operation(
    call: Call, b: Builder, x: Var, place: int, states: tuple[Var, ...], activations: Sequence[Activation], back: bool
) -> Run:
    """Run one direction by MIL's operation."""
    weights = _weights(call, place)
    x = b.op("reverse", x=x, axes=[0]) if back else x
    names = _ACTIVATIONS[call.op]
    kinds = {name: activation.name for name, activation in zip(names, activations, strict=True)}
    given = dict(zip(("initial_h", "initial_c"), states, strict=False))
    constants = {name: b.const(array) for name, array in weights.items()}
    every, *last = b.op(call.op.lower(), x=x, **given, **constants, output_sequence=True, **kinds)
    return (b.op("reverse", x=every, axes=[0]) if back else every), tuple(last)


def _both(
    call: Call, b: Builder, x: Var, states: Sequence[Sequence[Var]], activations: Sequence[Sequence[Activation]]
) -> list[Run]:
    """Run both directions of an LSTM by one operation; their activations must be the same."""
    if activations[0] != activations[1]:
        return [
            _one_operation(call, b, x, place, tuple(state[place] for state in states), activations[place], bool(place))
            for place in range(2)
        ]
    hidden = int(call.shape(2)[-1])
    constants = {name: b.const(array) for name, array in _weights(call, 0).items()}
    constants |= {f"{name}_back": b.const(array) for name, array in _weights(call, 1).items()}
    names = _ACTIVATIONS["LSTM"]
    results = b.op(
        "lstm",
        x=x,
        initial_h=_side_by_side(b, states[0]),
        initial_c=_side_by_side(b, states[1]),
        **constants,
        direction="bidirectional",
        output_sequence=True,
        **{name: activation.name for name, activation in zip(names, activations[0], strict=True)},
    )
    cut = [[part(b, value, -1, place * hidden, (place + 1) * hidden) for value in results] for place in range(2)]
    return [(every, tuple(last)) for every, *last in cut]


def _side_by_side(b: Builder, states: Sequence[Var]) -> Var:
    if all(state.val is not None for state in states):
        return b.const(np.concatenate([np.asarray(state.val) for state in states], -1))
    return b.op("concat", values=[*states], axis=-1)


def _steps(
    call: Call, b: Builder, x: Var, place: int, states: tuple[Var, ...], activations: Sequence[Activation], back: bool
) -> Run:
    """Write one direction out."""
    if call.op == "LSTM" and "clip" in call.node.attributes:
        raise Refused("it clips its gates, and ONNX leaves open whether its memory too")

    def own(index: int) -> Var | None:
        if not call.has(index):
            return None
        return b.op("squeeze", x=part(b, call[index], 0, place, place + 1), axes=[0])

    weight, recurrent_weight = own(1), own(2)
    assert weight is not None, call.node
    assert recurrent_weight is not None, call.node
    cell = Cell(
        op=call.op,
        weight=weight,
        recurrent=recurrent_weight,
        bias=own(3),
        peephole=own(7),
        activations=activations,
        clip=call.real("clip", 0.0) if "clip" in call.node.attributes else None,
        resets_after=bool(call.integer("linear_before_reset", 0)),
    )
    lengths = None if _is_whole(call, x) else reshaped(b, call[4], (1, -1, 1))
    return written_out(b, cell, x, states, lengths, back)


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("GRU", "LSTM", "RNN"), recurrent)
