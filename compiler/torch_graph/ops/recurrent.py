"""LSTM, GRU and RNN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder, torch_tensor
from ..lowering import Lowering
from .gates import activations_of
from .pieces import stem_of, tensor_of
from .recurrent_layer import OPERANDS, Cell, Recurrent

if TYPE_CHECKING:
    from torch.fx import Node

_BACKWARDS: Final = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def recurrent(call: Call[Node], b: Builder) -> list[Node | None]:
    """Run the directions; give their states at all steps and at the end."""
    if call.op == "LSTM" and "clip" in call.node.attributes:
        raise Refused("it clips its gates, and ONNX leaves open whether its memory too")
    if call.integer("input_forget", 0):
        raise Refused("its input and forget gates are coupled")
    backwards = _BACKWARDS[call.text("direction", "forward")]
    activations = activations_of(call, len(backwards))
    resets_after = call.op == "GRU" and bool(call.integer("linear_before_reset", 0))
    cells = [
        Cell(op=call.op, activations=own, backwards=back, resets_after=resets_after)
        for own, back in zip(activations, backwards, strict=True)
    ]
    tensors = {name: tensor_of(call, index) for index, name in enumerate(OPERANDS, 1)}
    indices = [index for index in range(1, len(OPERANDS) + 1) if call.has(index) and not _is_whole(call, index)]
    given = [index for index in indices if tensors[OPERANDS[index - 1]] is None]
    layer = Recurrent(cells, [OPERANDS[index - 1] for index in given], bool(call.integer("layout", 0)))
    for index in indices:
        name = OPERANDS[index - 1]
        tensor = tensors[name]
        if tensor is not None and tensor.dtype.is_floating_point() and name not in ("hidden", "memory"):
            setattr(layer, name, b.parameter(tensor))
        elif tensor is not None:
            layer.register_buffer(name, torch_tensor(tensor))
    results = b.layer(stem_of(call), layer, call[0], *(call[index] for index in given))
    return [b.item(results, place) for place in range(3 if call.op == "LSTM" else 2)]


def _is_whole(call: Call[Node], index: int) -> bool:
    """Whether an input says no more than that every sequence is as long as the input."""
    if OPERANDS[index - 1] != "lengths" or not call.is_constant(index):
        return False
    value = call.node.inputs[0]
    steps = value.shape[call.integer("layout", 0)] if value is not None and value.shape is not None else None
    return isinstance(steps, int) and bool(np.all(call.constant(index, "lengths") >= steps))


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("GRU", "LSTM", "RNN"), recurrent)
