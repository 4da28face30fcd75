"""A graph of TF.js operators: what `model.json` holds, before it is written down.

The format is TensorFlow's GraphDef as JSON (tensorflow/core/framework/graph.proto), in the form that the package
`@tensorflow/tfjs-converter` reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class DType(StrEnum):
    """The element types that tensors of our graphs have."""

    FLOAT = "float32"
    INT = "int32"
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the graph: the node that gives it and which of its outputs, with its static shape and dtype."""

    node: str
    output: int
    shape: tuple[int, ...]
    dtype: DType

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def reference(self) -> str:
        """How a node names it as its input."""
        return self.node if not self.output else f"{self.node}:{self.output}"


@dataclass(frozen=True, slots=True)
class Text:
    """A string attribute. Attributes that are plain `str` are dtypes (`DType`), never text."""

    value: str


@dataclass(frozen=True, slots=True)
class Sizes:
    """A shape attribute."""

    sizes: tuple[int, ...]


Attribute = bool | int | float | DType | Text | Sizes | Sequence[int] | Sequence[Text]


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphNode:
    """A node: its own name, its operator, its inputs by reference, and its attributes."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Numbers as the file holds them in fewer bits: integer · scale + low in float64, rounded once."""

    integers: Array
    """uint8 or uint16."""
    scale: float
    low: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    """A node that holds numbers: float32, int32 or bool, as they are computed with."""

    name: str
    array: Array
    half: bool = False
    """Whether the file holds them as float16."""
    grid: Grid | None = None
    """What the file holds instead; of `array`, shape and dtype alone count then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """A whole graph: `inputs` and `outputs` map the names of the model's signature to its values."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    constants: tuple[Constant, ...]
    nodes: tuple[GraphNode, ...]


DTYPES: Mapping[str, DType] = {
    "float16": DType.FLOAT,
    "float32": DType.FLOAT,
    "bool": DType.BOOL,
    **{f"{sign}int{bits}": DType.INT for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
"""Dtype of the hub → what TF.js computes it as. What is not here, it cannot hold."""


def shape_after(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Give the shape of operands that broadcast."""
    return tuple(int(size) for size in np.broadcast_shapes(*map(tuple, shapes)))
