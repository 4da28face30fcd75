"""A package that is loaded and ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arguments import listed, matches
from .dtypes import storage
from .execute import Execution
from .inputs import taken
from .plan import plan_block
from .program import Description, Feature, Function, StateType, TensorType
from .reader import read_package
from .state import State, States

Array = NDArray[Any]


class Session:
    """One function of a package. Constants are decoded and weights decompressed once, when it is made."""

    def __init__(self, package: Path, function: str | None = None) -> None:
        """Load a package, given its folder or its manifest; `function` is the default one where it is None.

        Raises:
            ValueError: when the package is damaged, has no such function, or an operation that is not known.
        """
        self.path, self.program = package, read_package(package)
        name = function or self.program.default_function
        if name not in self.program.functions or name not in self.program.descriptions:
            raise ValueError(f"{package}: it has no function {name!r}; it has {sorted(self.program.functions)}")
        self.function, self.description = self.program.functions[name], self.program.descriptions[name]
        self._types, states = _divided(self.function, self.description, package)
        try:
            self._states = {name: State(name, declared.wrapped) for name, declared in states.items()}
            inputs = tuple(value.name for value in self.function.inputs)
            self._plan = plan_block(self.function.block, inputs, self.function.opset)
        except ValueError as error:
            raise ValueError(f"{package}: {error}") from error
        self.state = States(self._states)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """Run once. Arrays that are given back belong to the caller.

        `inputs`: name → array of the dtype and shape that the model takes; an image is taken as the function has it,
        [1, C, H, W], or as uint8[H, W, 3] in the order red, green, blue (uint8[H, W] for shades of grey).
        Gives arrays by name; of a classifier the label (text or whole number) and the probabilities by label as well.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes; when an
                operation cannot be computed.
        """
        return self._run(inputs, ())[0]

    def run_keeping(self, inputs: Mapping[str, Array], names: Sequence[str]) -> dict[str, Any]:
        """Run once; give values from the inside of the function by name, as they are there.

        Raises:
            ValueError: as `run`; when the function has no such value.
        """
        _, kept = self._run(inputs, names)
        missing = [name for name in names if name not in kept]
        if missing:
            raise ValueError(f"{self.path}: no value {missing[0]!r} was computed")
        return {name: _own(kept[name]) for name in names}

    def _run(self, inputs: Mapping[str, Array], keep: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
        unknown = inputs.keys() - self._types.keys()
        if unknown:
            raise ValueError(f"the model takes {sorted(self._types)}, got {sorted(inputs)}")
        features = {feature.name: feature for feature in self.description.inputs}
        values = [
            self._states[value.name]
            if value.name in self._states
            else taken(features[value.name], self._types[value.name], inputs)
            for value in self.function.inputs
        ]
        execution = Execution(self.function.opset, keep)
        try:
            results = execution.run(self._plan, values)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error
        made = dict(zip(self._plan.outputs, results, strict=True))
        outputs = {feature.name: _given(feature, made[feature.name]) for feature in self.description.outputs}
        return outputs, execution.kept


def _divided(
    function: Function, description: Description, where: Path
) -> tuple[dict[str, TensorType], dict[str, StateType]]:
    """Give the types of a function's inputs and states, once they are those that the description has.

    Raises:
        ValueError: when they are not.
    """
    types = {value.name: value.type for value in function.inputs}
    tensors = {name: declared for name, declared in types.items() if isinstance(declared, TensorType)}
    states = {name: declared for name, declared in types.items() if isinstance(declared, StateType)}
    inputs = {feature.name for feature in description.inputs}
    kept = {feature.name for feature in description.states}
    if len(tensors) + len(states) != len(function.inputs) or set(tensors) != inputs or set(states) != kept:
        raise ValueError(
            f"{where}: function {function.name!r} takes {sorted(types)}, described are {sorted(inputs | kept)}"
        )
    for feature in (*description.inputs, *description.states):
        own = states[feature.name].wrapped if feature.kind == "state" else tensors[feature.name]
        fits = not feature.shape or matches(feature.shape, own.shape)
        if feature.kind != "image" and (feature.dtype != own.dtype or not fits):
            raise ValueError(
                f"{where}: {feature.name!r} is described as {feature.dtype}{list(feature.shape)}, but the function"
                f" {function.name!r} takes {own.dtype}{listed(own.shape)}"
            )
    missing = [feature.name for feature in description.outputs if feature.name not in function.block.outputs]
    if missing:
        raise ValueError(f"{where}: output {missing[0]!r} is described, but the function does not give it")
    return tensors, states


def _given(feature: Feature, value: Any) -> Any:
    """Give an output as a caller takes it."""
    if feature.kind in ("string", "int64", "double") and isinstance(value, np.ndarray):
        return value.item()
    if feature.kind == "tensor" and value.dtype != storage(feature.dtype):
        raise ValueError(f"output {feature.name!r} is described as {feature.dtype}, but it is {value.dtype}")
    return _own(value)


def _own(value: Any) -> Any:
    return np.array(value) if isinstance(value, np.ndarray) else value
