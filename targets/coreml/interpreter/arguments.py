"""The arguments of an operation, as its implementation reads them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .program import Operation, TensorType

Array = NDArray[Any]
Result = Any
"""An array; or a sequence with one for each output. What is no tensor (a list, a dictionary) is a Python value."""
Body = Callable[[Sequence[Any]], tuple[Any, ...]]
"""A block of an operation: values of its inputs → values of its outputs."""

MAX_ELEMENTS = 2**29
"""2 GiB of float32. Core ML's devices hold no such tensor: sizes beyond it come from damaged files."""


class Arguments:
    """Values by argument name. What is not given is absent; the implementation knows the documented default."""

    def __init__(
        self, operation: Operation, values: Mapping[str, Any], opset: str, blocks: Sequence[Body] = ()
    ) -> None:
        """`values`: argument name → array (or a list of them, where the argument is variadic)."""
        self.operation, self.values, self.opset, self.blocks = operation, values, opset, blocks

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Array:
        """Give a tensor that the operation requires.

        Raises:
            ValueError: when the file does not give it.
        """
        value: Array = self._or(name, None)
        return value

    def get(self, name: str) -> Array | None:
        """Give a tensor, None when it is not given."""
        return self.values.get(name)

    def list(self, name: str) -> list[Array]:
        """Give a variadic argument."""
        value = self._or(name, None)
        return [*value] if isinstance(value, list | tuple) else [value]

    def integer(self, name: str, default: int | None = None) -> int:
        """Read a whole number."""
        return int(np.asarray(self._or(name, default)).item())

    def ints(self, name: str, default: Sequence[int] | None = None) -> tuple[int, ...]:
        """Read a list of whole numbers."""
        return tuple(int(number) for number in np.asarray(self._or(name, default)).ravel())

    def real(self, name: str, default: float | None = None) -> float:
        """Read a number."""
        return float(np.asarray(self._or(name, default)).item())

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Read a boolean."""
        return bool(np.asarray(self._or(name, default)).item())

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text."""
        value = self._or(name, default)
        return str(value.item()) if isinstance(value, np.ndarray) else str(value)

    def result(self, index: int = 0) -> TensorType:
        """Give the type that the file declares for a result."""
        declared = self.operation.outputs[index].type
        if not isinstance(declared, TensorType):
            raise ValueError(f"result {index} is declared as something that is no tensor")
        return declared

    def agreed(self, shape: Sequence[int], index: int = 0) -> tuple[int, ...]:
        """Give the shape of a result that is about to be made, once the file's declaration agrees with it.

        For operations whose sizes come from the values of their arguments: so no array of a wrong size is allocated.

        Raises:
            ValueError: when it does not agree, or has more elements than any device holds.
        """
        declared, sizes = self.result(index).shape, tuple(int(size) for size in shape)
        if not matches(sizes, declared):
            raise ValueError(f"it makes {list(sizes)}, but the file declares {listed(declared)}")
        if min(sizes, default=0) < 0 or math.prod(sizes) > MAX_ELEMENTS:
            raise ValueError(f"a tensor of {list(sizes)} cannot be made")
        return sizes

    def _or(self, name: str, default: Any) -> Any:
        if name in self.values:
            return self.values[name]
        if default is None:
            raise ValueError(f"its argument {name!r} is missing")
        return default


def matches(shape: Sequence[int], declared: tuple[int | None, ...] | None) -> bool:
    """Say whether a shape is one of those that a type allows."""
    return declared is None or (
        len(shape) == len(declared)
        and all(known is None or known == size for size, known in zip(shape, declared, strict=True))
    )


def listed(declared: tuple[int | None, ...] | None) -> str:
    """Write a declared shape: `[1, ?, 3]`."""
    if declared is None:
        return "of any shape"
    return f"[{', '.join('?' if size is None else str(size) for size in declared)}]"
