"""From a hub model to a MIL program of one function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir

from ...compiler.expand.expand import Expand
from ...compiler.expand.statistics import statistics
from ...compiler.lowering.refused import Refused
from ...compiler.model import Model
from ..artifact import Coverage
from .asked import Asked
from .border import Border, border_of, outside
from .builder import Builder, Var
from .deployment import Deployment, NeedsNewer
from .images import may_be_picture, scaled
from .lower_rank import LowerRank
from .names import naming
from .ops.table import LOWERINGS
from .states import State, States, may_be_state
from .toolkit import builder as mil_builder
from .toolkit import coremltools
from .translate import Translator
from .weights import store


@dataclass(frozen=True, kw_only=True, slots=True)
class Emitted:
    """A MIL program, the oldest system that has all of its operations, and what became of each hub node.

    `program` is coremltools' `Program`; its one function is `main`. It is whole only when no node is refused; `inputs`
    and `outputs` are what the package has to have then, `states` what lies between calls. `made` names what was made
    for each hub node; `statistics` are those whose numbers float16 does not hold.
    """

    program: Any
    deployment: Deployment
    coverage: Coverage
    inputs: tuple[Border, ...]
    outputs: tuple[Border, ...]
    states: tuple[State, ...]
    asked: Asked
    made: Mapping[str, frozenset[str]]
    statistics: frozenset[str]


def emit(model: Model, at_least: Deployment, asked: Asked = Asked()) -> Emitted:  # noqa: B008 - it is frozen
    """Say a model for the oldest deployment target, from `at_least` on, that has every operation that it needs."""
    expanded = LowerRank()(Expand(LOWERINGS)(model))
    deployment = at_least
    while True:
        try:
            return _Emission(expanded, deployment, asked).emitted()
        except NeedsNewer as need:
            deployment = need.deployment


class _Emission:
    """One attempt, for one deployment target."""

    def __init__(self, model: Model, deployment: Deployment, asked: Asked) -> None:
        self.asked = asked
        self.graph, self.precision, self.deployment = model.graph, model.precision, deployment
        self.names = naming(_names(model.graph.inputs), _names(model.graph.outputs))
        self.builder = Builder(deployment, self.names.taken)
        self.translator = Translator(self.builder, model.ir.opset_imports)
        self.pairs = self._pairs()
        self.states = States(self.pairs)

    def emitted(self) -> Emitted:
        """Make the program.

        Raises:
            NeedsNewer: when a later deployment target is needed.
        """
        mil_builder().name_count.clear()  # names that coremltools makes up count on from the last program's
        if len(self.asked.shapes) > 1:
            self.builder.require(Deployment.IOS18, "several inputs with enumerated shapes")
        mil = coremltools().converters.mil.mil
        program = mil.Program()
        with mil.Function(self._placeholders(), opset_version=self.deployment.opset) as function:
            for value in self.graph.inputs:
                self._take(value, function.inputs[self.names.inputs[str(value.name)]])
            for node in self.graph:
                self.translator.say(node)
            outputs = [self._give(value) for value in self.graph.outputs]
            function.set_outputs([given for given in outputs if given is not None])
            store(function, self.precision, self.builder.integers, self.deployment)
        program.add_function("main", function)
        return Emitted(
            program=program,
            deployment=self.deployment,
            coverage=self.translator.coverage(),
            inputs=tuple(
                border_of(value, name, function.inputs[name], self.asked.pictures.get(str(value.name)))
                for value, name in zip(self.graph.inputs, self.names.inputs.values(), strict=True)
                if value.name not in self.pairs
            ),
            outputs=tuple(
                border_of(value, self.names.outputs[str(value.name)], given)
                for value, given in zip(self.graph.outputs, outputs, strict=True)
                if given is not None
            ),
            states=self.states.made,
            asked=self.asked,
            made=self.translator.made,
            statistics=statistics(self.graph),
        )

    def _pairs(self) -> dict[str, str]:
        """Give the inputs that become states, each with the output that feeds it; what cannot is refused."""
        found = {}
        for value in self.graph.inputs:
            name = str(value.name)
            if name not in self.asked.states:
                continue
            try:
                may_be_state(value)
                found[name] = self.asked.states[name]
            except Refused as refusal:
                self.translator.refuse_value(value, f"input {name}", str(refusal))
        return found

    def _placeholders(self) -> dict[str, Any]:
        """Make an input for each of the hub's; one that is refused stands there as a float, and nobody may use it."""
        types = coremltools().converters.mil.mil.types
        symbols: dict[str, Any] = {}
        made = {}
        for value in self.graph.inputs:
            name = self.names.inputs[str(value.name)]
            try:
                dtype, shape = outside(value, self.deployment), _shape(value, symbols)
                if value.name in self.asked.pictures:
                    may_be_picture(value)
            except Refused as refusal:
                self.translator.refuse_value(value, f"input {value.name}", str(refusal))
                dtype, shape = "fp32", (1,)
            if value.name in self.pairs:
                made[name] = self.states.placeholder(value, name, self.builder)
                continue
            made[name] = mil_builder().placeholder(shape=shape, dtype=types.string_to_builtin(dtype))
        return made

    def _take(self, value: ir.Value, placeholder: Var) -> None:
        """Let an input stand for the hub's: without the axis that a scalar has outside, booleans as such."""
        if value.name in self.pairs:
            self.translator.values[value] = self.states.read(value, placeholder, self.builder)
            return
        taken = placeholder
        if value.name in self.asked.pictures:
            taken = scaled(placeholder, self.asked.pictures[str(value.name)], self.builder)
        if value.shape is not None and not len(value.shape):
            taken = self.builder.op("squeeze", x=taken, axes=[0])
        self.translator.values[value] = self.builder.cast(taken, "bool") if value.dtype == ir.DataType.BOOL else taken

    def _give(self, value: ir.Value) -> Var | None:
        """Make an output of what stands for the hub's, None when a state takes it; when it is refused, something."""
        name = self.names.outputs[str(value.name)]
        given = self.translator.values.get(value)
        try:
            if given is None and value.const_value is not None:
                given = self.builder.hold(value.const_value)
            if given is not None:
                outside(value, self.deployment)
        except Refused as refusal:
            self.translator.refuse_value(value, f"output {value.name}", str(refusal))
            given = None
        if given is not None and value.name in self.pairs.values():
            self.states.write(value, given, self.builder)
            return None
        if given is None:
            return self.builder.op("identity", x=self.builder.const(0.0), name=name)
        if value.dtype == ir.DataType.BOOL:
            given = self.builder.cast(given, "int32")
        if not len(given.shape):
            given = self.builder.op("expand_dims", x=given, axes=[0])
        if given.op is None or given.op.op_type == "const" or given.name in self.names.taken or given.child_ops:
            # what is used further on as well, a pass may merge with what it becomes, and two outputs with it
            return self.builder.op("identity", x=given, name=name)
        given.name = name
        if len(given.op.outputs) == 1:
            given.op.name = name
        return given


def _names(values: Any) -> list[str]:
    return [str(value.name) for value in values]


def _shape(value: ir.Value, symbols: dict[str, Any]) -> tuple[Any, ...]:
    """Give the shape of an input; a scalar has one element, and a symbol of the hub one of MIL's.

    Raises:
        Refused: when the number of axes is not known.
    """
    if value.shape is None:
        raise Refused("how many axes it has is not known")
    get_new_symbol = coremltools().converters.mil.mil.get_new_symbol
    sizes = []
    for size in value.shape:
        if not isinstance(size, int):
            size = symbols.setdefault(str(size.value), get_new_symbol())
        sizes.append(size)
    return tuple(sizes) or (1,)
