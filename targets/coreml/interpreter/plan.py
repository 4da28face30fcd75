"""What of a function is done once, before it runs: constants decoded, weights decompressed, lifetimes found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arguments import Arguments
from .blob import unpack
from .checked import checked, implementing
from .ops.operation import Implementation
from .ops.table import OPERATIONS
from .program import Block, Constant, Literal, Operation, Packed, Reference

CONSTANT, DECOMPRESSED = "const", "constexpr_"
"""Operations whose results are known before anything runs: the one, and all whose names begin with the other."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """An operation that is ready to run.

    `fixed`: argument → its value, where that is known. `named`: argument → name of a value (or a tuple of names and
    constants, for variadic arguments). `frees`: names whose last use this is.
    """

    operation: Operation
    implementation: Implementation
    fixed: Mapping[str, Any]
    named: Mapping[str, Reference | tuple[Any, ...]]
    blocks: tuple[Plan, ...]
    frees: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A block that is ready to run. `constants` are those of its own that steps, results or inner blocks name."""

    inputs: tuple[str, ...]
    constants: Mapping[str, Any]
    steps: tuple[Step, ...]
    outputs: tuple[str, ...]


def plan_block(block: Block, inputs: tuple[str, ...], opset: str, outer: Mapping[str, Any] | None = None) -> Plan:
    """Plan a block.

    `inputs`: the names that it is given values for. `outer`: what is known around it, name → constant, or `UNKNOWN`
    where the value comes only at run time.

    Raises:
        ValueError: when the block has an operation that the interpreter does not know, or a name that nothing defines,
            or a constant of it cannot be decoded.
    """
    scope: dict[str, Any] = {**(outer or {}), **dict.fromkeys(inputs, UNKNOWN)}
    constants: dict[str, Any] = {}
    steps: list[tuple[Operation, Implementation, dict[str, Any], dict[str, Any], tuple[Plan, ...]]] = []
    for operation in block.operations:
        if operation.type == CONSTANT or operation.type.startswith(DECOMPRESSED):
            values = _constant(operation, scope, opset)
            names = [output.name for output in operation.outputs]
            constants.update(zip(names, values, strict=True))
            scope.update(zip(names, values, strict=True))
            continue
        fixed, named = _arguments(operation, scope)
        blocks = tuple(
            plan_block(inner, tuple(value.name for value in inner.inputs), opset, scope) for inner in operation.blocks
        )
        steps.append((operation, _implementation(operation), fixed, named, blocks))
        scope.update((output.name, UNKNOWN) for output in operation.outputs)
    _once([*inputs, *(value.name for operation in block.operations for value in operation.outputs)])
    for name in block.outputs:
        if name not in scope:
            raise ValueError(f"a block gives {name!r}, which nothing defines")
    own = {*inputs, *(output.name for step in steps for output in step[0].outputs)}
    return _with_lifetimes(inputs, constants, steps, block.outputs, own)


def _once(names: list[str]) -> None:
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"a block defines {twice!r} twice")


class _Unknown:
    """What is known of a value that comes only at run time."""


UNKNOWN = _Unknown()


def decoded(literal: Literal) -> Any:
    """Give a constant as operations take it: arrays with an element a byte and more, that nobody can write to."""
    value = unpack(literal) if isinstance(literal, Packed) else literal
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def _implementation(operation: Operation) -> Implementation:
    if operation.type not in OPERATIONS:
        raise ValueError(f"{operation.type} {operation.name!r}: the interpreter does not know this operation")
    return OPERATIONS[operation.type]


def _constant(operation: Operation, scope: Mapping[str, Any], opset: str) -> list[Any]:
    """Give the results of an operation whose arguments are all constants."""
    if operation.type == CONSTANT:
        if "val" not in operation.attributes or len(operation.outputs) != 1:
            raise ValueError(f"const {operation.name!r} has no value")
        return checked(operation, decoded(operation.attributes["val"]))
    # before iOS 18 the arguments of these operations are attributes
    given = {name: decoded(value) for name, value in operation.attributes.items() if name != "name"}
    fixed, named = _arguments(operation, scope)
    if named:
        raise ValueError(f"{operation.type} {operation.name!r}: its argument {min(named)!r} is no constant")
    with implementing(operation):
        result = _implementation(operation)(Arguments(operation, {**given, **fixed}, opset))
    return [decoded(value) for value in checked(operation, result)]


def _arguments(operation: Operation, scope: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide arguments into those whose values are known, and those that name a value of run time."""
    fixed: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for argument, bindings in operation.inputs.items():
        parts = [_part(operation, binding, scope) for binding in bindings]
        if any(isinstance(part, Reference) for part in parts):
            named[argument] = parts[0] if len(parts) == 1 else tuple(parts)
        else:
            fixed[argument] = parts[0] if len(parts) == 1 else parts
    return fixed, named


def _part(operation: Operation, binding: Reference | Constant, scope: Mapping[str, Any]) -> Any:
    if isinstance(binding, Constant):
        return decoded(binding.value)
    if binding.name not in scope:
        raise ValueError(f"{operation.type} {operation.name!r}: it takes {binding.name!r}, which nothing defines")
    value = scope[binding.name]
    return binding if value is UNKNOWN else value


def _with_lifetimes(
    inputs: tuple[str, ...],
    constants: Mapping[str, Any],
    steps: list[tuple[Operation, Implementation, dict[str, Any], dict[str, Any], tuple[Plan, ...]]],
    outputs: tuple[str, ...],
    own: set[str],
) -> Plan:
    """Find where each value of the block's own is used last, and which constants are named at run time at all."""
    seen = set(outputs)
    named = set(outputs)
    planned = []
    for operation, implementation, fixed, arguments, blocks in reversed(steps):
        used = {*_names(arguments), *(name for block in blocks for name in _free_names(block))}
        dead = {output.name for output in operation.outputs} - seen
        frees = tuple(sorted((used & own) - seen)) + tuple(sorted(dead))
        seen |= used
        named |= used
        planned.append(
            Step(
                operation=operation,
                implementation=implementation,
                fixed=fixed,
                named=arguments,
                blocks=blocks,
                frees=frees,
            )
        )
    return Plan(
        inputs=inputs,
        constants={name: value for name, value in constants.items() if name in named},
        steps=tuple(reversed(planned)),
        outputs=outputs,
    )


def _names(arguments: Mapping[str, Any]) -> Iterator[str]:
    for value in arguments.values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Reference):
                yield part.name


def _free_names(plan: Plan) -> set[str]:
    """What a block takes from around it."""
    inside = {*plan.inputs, *plan.constants, *(out.name for step in plan.steps for out in step.operation.outputs)}
    used = {
        *plan.outputs,
        *(name for step in plan.steps for name in _names(step.named)),
        *(name for step in plan.steps for block in step.blocks for name in _free_names(block)),
    }
    return used - inside
