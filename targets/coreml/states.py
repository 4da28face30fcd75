"""Inputs and outputs that become a state of Core ML (iOS 18): what an output gives, its input reads at the next call.

Core ML's states hold float16, so what is kept between calls is rounded to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from .border import DTYPES
from .builder import Builder, Var
from .deployment import Deployment
from .toolkit import builder as mil_builder
from .toolkit import coremltools

_TYPES = {ir.DataType.FLOAT: "fp32", ir.DataType.FLOAT16: "fp16"}


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A state: its name in the package, and the hub's input and output that it stands for, with their dtype."""

    name: str
    input: str
    output: str
    dtype: str
    shape: tuple[int, ...]


class States:
    """The states of one function. `pairs`: hub input → the output that feeds it."""

    def __init__(self, pairs: Mapping[str, str]) -> None:
        """Start with none made."""
        self._pairs = pairs
        self._outputs = {output: input_ for input_, output in pairs.items()}
        self._placeholders: dict[str, Any] = {}
        self._made: list[State] = []

    @property
    def made(self) -> tuple[State, ...]:
        """The states, in the order of the hub's inputs."""
        return tuple(self._made)

    def placeholder(self, value: ir.Value, name: str, b: Builder) -> Any:
        """Make the state that stands for an input.

        Raises:
            NeedsNewer: before iOS 18.
        """
        b.require(Deployment.IOS18, "a state")
        shape = tuple(size for size in value.shape or () if isinstance(size, int))
        types = coremltools().converters.mil.mil.types
        dtype = DTYPES[_TYPES[value.dtype]] if value.dtype is not None else ""
        output = self._pairs[str(value.name)]
        self._made.append(State(name=name, input=str(value.name), output=output, dtype=dtype, shape=shape))
        return mil_builder().state_tensor_placeholder(shape=shape, dtype=types.fp16)

    def read(self, value: ir.Value, placeholder: Var, b: Builder) -> Var:
        """Let what the state holds stand for the hub's input."""
        self._placeholders[str(value.name)] = placeholder
        assert value.dtype is not None, value
        return b.cast(b.op("read_state", input=placeholder), _TYPES[value.dtype])

    def write(self, value: ir.Value, given: Var, b: Builder) -> None:
        """Keep an output in the state of the input that it feeds."""
        state = self._placeholders[self._outputs[str(value.name)]]
        # the one operation of coremltools' own dialect: it is written as write_state and read_state
        mil_builder().coreml_update_state(state=state, value=b.cast(given, "fp16"))


def may_be_state(value: ir.Value) -> None:
    """Check an input that is to become a state.

    Raises:
        Refused: when Core ML has no such state.
    """
    if value.dtype not in _TYPES:
        raise Refused("Core ML has states of floats alone")
    if not value.shape or not all(isinstance(size, int) for size in value.shape):
        raise Refused("Core ML has states of fixed shapes alone, of one axis at least")
