"""A Core ML model as the interpreter holds it: what the files of a package say, and nothing else.

Source of the format: the protocol buffer definitions that Apple publishes, `Model.proto`, `MIL.proto` and
`FeatureTypes.proto` (https://apple.github.io/coremltools/mlmodel/index.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorType:
    """`dtype` is the format's name in lower case (`float16`, `int32`, `uint4`, `string`).

    In `shape` None is an unknown size; a `shape` that is None itself is of any rank.
    """

    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListType:
    """A list of tensors of one type; `length` is None where it is not fixed."""

    element: Type
    length: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TupleType:
    """A tuple."""

    elements: tuple[Type, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class DictionaryType:
    """A dictionary, what `classify` gives."""

    key: Type
    value: Type


@dataclass(frozen=True, kw_only=True, slots=True)
class StateType:
    """A state that outlives a call (iOS 18)."""

    wrapped: TensorType


Type = TensorType | ListType | TupleType | DictionaryType | StateType


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """A tensor whose elements share bytes (`uint4`), as the file has it: `data` is uint8, the first element lowest."""

    data: NDArray[np.uint8]
    dtype: str
    shape: tuple[int, ...]


Literal = Array | Packed | str | tuple[Any, ...] | dict[Any, Any]
"""A constant: a tensor (rank 0 for scalars; strings as an object array), a text, a tuple, a dictionary."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A value that an operation or a function declares."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Reference:
    """An argument that names a value."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """An argument that is a constant of its own."""

    value: Literal


Binding = Reference | Constant


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """`inputs`: argument name → bindings, more than one for variadic arguments (`concat.values`).

    `attributes` are constants (`name`, and `val` of a `const`); `blocks` are bodies (`cond`, `while_loop`).
    """

    type: str
    inputs: Mapping[str, tuple[Binding, ...]]
    outputs: tuple[Named, ...]
    attributes: Mapping[str, Literal] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    @property
    def name(self) -> str:
        """The name of the operation, for messages; that of its first output where it has none."""
        name = self.attributes.get("name")
        return name if isinstance(name, str) else next((value.name for value in self.outputs), self.type)


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Operations in order; `outputs` are names."""

    inputs: tuple[Named, ...]
    operations: tuple[Operation, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """One function of a program: its inputs, the operation set that its block is written in (`CoreML7`), the block."""

    name: str
    inputs: tuple[Named, ...]
    opset: str
    block: Block


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """An input, output or state as the model's description has it.

    `kind` is `tensor`, `image`, `dictionary`, `string`, `int64`, `double` or `state`. `shapes` lists enumerated shapes,
    `ranges` gives lower and upper bound (None: open) of each axis where a range of sizes is allowed.
    """

    name: str
    kind: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    ranges: tuple[tuple[int, int | None], ...] = ()
    colour: str = ""
    """Of an image, whose sizes above are height and width: `grayscale`, `rgb`, `bgr`, `grayscale_float16`."""
    optional: bool = False
    default: float | None = None
    """What every element of an optional input is that is not given."""
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """How one function is called."""

    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    states: tuple[Feature, ...] = ()
    predicted: str = ""
    """The output with the class that a classifier predicts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Program:
    """A model: its functions, how each is called, and what its author says of it."""

    specification: int
    functions: Mapping[str, Function]
    descriptions: Mapping[str, Description]
    default_function: str = "main"
    metadata: Mapping[str, str] = field(default_factory=dict)
    """`author`, `license`, `shortDescription`, `versionString`, and what is user defined."""
