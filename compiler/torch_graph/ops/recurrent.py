"""LSTM, GRU and RNN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Array, Builder, torch_tensor
from ..lowering import Lowering
from .gates import activations_of
from .pieces import stem_of, tensor_of
from .recurrent_layer import OPERANDS, Cell, Direction, Recurrent, Weights, weights_of

if TYPE_CHECKING:
    from torch.fx import Node

_WEIGHTS: Final = (1, 2, 3, 7)
"""The inputs that are weights: of the input, of the state, biases, peepholes."""

_SOURCES: Final = (0, 1, 2, 2, 3)
"""Which of these each of `Weights` is made of."""

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
    indices = [index for index in range(1, len(OPERANDS) + 1) if call.has(index) and not _is_whole(call, index)]
    directions = _directions(call, b, cells)
    if directions:
        indices = [index for index in indices if index not in _WEIGHTS]
    given = [index for index in indices if not call.is_constant(index)]
    names = [OPERANDS[index - 1] for index in given]
    layer = Recurrent(cells, directions, names, bool(call.integer("layout", 0)))
    for index in indices:
        tensor = tensor_of(call, index)
        if tensor is not None:
            layer.register_buffer(OPERANDS[index - 1], torch_tensor(tensor))
    results = b.layer(stem_of(call), layer, call[0], *(call[index] for index in given))
    return [b.item(results, place) for place in range(3 if call.op == "LSTM" else 2)]


def _directions(call: Call[Node], b: Builder, cells: Sequence[Cell]) -> list[Direction]:
    """Give each direction its weights, none when some weights are known only at run time."""
    tensors = [tensor_of(call, index) for index in _WEIGHTS]
    if any(call.has(index) and tensor is None for index, tensor in zip(_WEIGHTS, tensors, strict=True)):
        return []
    arrays = [None if tensor is None else tensor.numpy() for tensor in tensors]
    directions = []
    for place, cell in enumerate(cells):
        own = weights_of(cell, *(None if array is None else array[place] for array in arrays))
        direction = Direction()
        for name, source, array in zip(Weights._fields, _SOURCES, own, strict=True):
            tensor = tensors[source]
            if array is not None and tensor is not None:
                change = f"{name}_of_{call.op}_{place}_{cell.resets_after}"
                setattr(direction, name, b.parameter(b.changed(tensor, change, _giving(array))))
        directions.append(direction)
    return directions


def _giving(array: Array) -> Callable[[Array], Array]:
    return lambda _: array


def _is_whole(call: Call[Node], index: int) -> bool:
    """Whether an input says no more than that every sequence is as long as the input."""
    if OPERANDS[index - 1] != "lengths" or not call.is_constant(index):
        return False
    value = call.node.inputs[0]
    steps = value.shape[call.integer("layout", 0)] if value is not None and value.shape is not None else None
    return isinstance(steps, int) and bool(np.all(call.constant(index, "lengths") >= steps))


LOWERINGS: dict[str, Lowering] = dict.fromkeys(("GRU", "LSTM", "RNN"), recurrent)
