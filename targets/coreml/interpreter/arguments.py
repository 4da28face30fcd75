"""The arguments of an operation, as its implementation reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .program import Operation, TensorType

Array = NDArray[Any]
Result = Array | Sequence[Any]


class Arguments:
    """Values by argument name. What is not given is absent; the implementation knows the documented default."""

    def __init__(self, operation: Operation, values: Mapping[str, Any], opset: str) -> None:
        """`values`: argument name → array (or a list of them, where the argument is variadic)."""
        self.operation, self.values, self.opset = operation, values, opset

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def __getitem__(self, name: str) -> Array:
        """Give a tensor that the operation requires.

        Raises:
            ValueError: when the file does not give it.
        """
        if name not in self.values:
            raise ValueError(f"{self.operation.type} {self.operation.name!r} lacks its argument {name!r}")
        value: Array = self.values[name]
        return value

    def get(self, name: str) -> Array | None:
        """Give a tensor, None when it is not given."""
        return self.values.get(name)

    def list(self, name: str) -> list[Array]:
        """Give a variadic argument."""
        return [*self.values[name]] if isinstance(self.values[name], list | tuple) else [self.values[name]]

    def integer(self, name: str, default: int | None = None) -> int:
        """Read a whole number."""
        value = self._or(name, default)
        return int(np.asarray(value).item())

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
            raise ValueError(f"{self.operation.type} {self.operation.name!r}: result {index} is no tensor")
        return declared

    def _or(self, name: str, default: Any) -> Any:
        if name in self.values:
            return self.values[name]
        if default is None:
            raise ValueError(f"{self.operation.type} {self.operation.name!r} lacks its argument {name!r}")
        return default
