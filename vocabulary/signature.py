"""The signature of a model: its named inputs and outputs, whatever framework it came from."""

from __future__ import annotations

import math

import msgspec

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_FLOATS = ("float16", "bfloat16", "float32", "float64")
DTYPES = frozenset({"bool", *_INTEGERS, *_FLOATS, "string"})
"""The element types that a tensor of a signature may have, by their ONNX names (`float32`, not `float`)."""


class Preprocess(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What was done to raw data before it became this input: `(raw * scale) + bias`, per channel or for all."""

    scale: tuple[float, ...] = (1.0,)
    bias: tuple[float, ...] = (0.0,)
    colour: str | None = None
    """Colour order of an image input, `"RGB"`, `"BGR"` or `"L"`."""


class Affine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How integers stand for reals: real = scale · (integer − zero point)."""

    scale: float
    zero_point: int


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One named input or output.

    `shape` holds sizes, or names of symbolic dimensions (`("batch", 1, 49, 10)`); two dimensions of one name are equal.
    `range` holds the closed interval in which the values lie. `state` (outputs only) names the input that this output
    feeds at the next call.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    layout: str | None = None
    range: tuple[float, float] | None = None
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] | None = None
    state: str | None = None
    quantization: Affine | None = None
    """What the integers of an artifact's input or output stand for, where the original's are floats."""
    known_as: str | None = None
    """What an artifact itself calls it, where its format does not allow the name; runtimes of ours take the name."""

    @property
    def is_static(self) -> bool:
        """Whether every dimension is a number."""
        return all(isinstance(size, int) for size in self.shape)

    @property
    def element_count(self) -> int:
        """How many elements one tensor holds, a symbolic dimension counted as 1."""
        return math.prod(size if isinstance(size, int) else 1 for size in self.shape)


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inputs and outputs of a model, in the order in which the source has them."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def input(self, name: str) -> TensorSpec:
        """Give the input of this name.

        Raises:
            KeyError: when the signature has no such input.
        """
        return _by_name(self.inputs, name)

    def output(self, name: str) -> TensorSpec:
        """Give the output of this name.

        Raises:
            KeyError: when the signature has no such output.
        """
        return _by_name(self.outputs, name)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of the symbolic dimensions of all inputs, each once, in order of appearance."""
        seen = {size: None for spec in self.inputs for size in spec.shape if isinstance(size, str)}
        return tuple(seen)


def _by_name(specs: tuple[TensorSpec, ...], name: str) -> TensorSpec:
    for spec in specs:
        if spec.name == name:
            return spec
    raise KeyError(name)


class TensorDeclaration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project says of one input or output; what it leaves out is taken from the model."""

    shape: tuple[int | str, ...] | None = None
    dtype: str | None = None
    layout: str | None = None
    range: tuple[float, float] | None = None
    preprocess: Preprocess | None = None
    labels: tuple[str, ...] | str | None = None
    """The labels, or the name of a text file with one a line."""
    state: str | None = None

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            raise ValueError(f"unknown dtype {self.dtype!r}; known: {', '.join(sorted(DTYPES))}")
