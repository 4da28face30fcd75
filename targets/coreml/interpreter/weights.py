"""The weights of a program: how each is stored, and how many bytes that takes."""

from __future__ import annotations

import math
import mmap
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from .dtypes import SUB_BYTE_BITS
from .plan import CONSTANT, DECOMPRESSED
from .program import Block, Constant, Literal, Operation, Packed, Program, Reference, TensorType

INLINE_ELEMENTS = 10
"""Real numbers from so many on are a weight wherever they lie; coremltools puts those into the weight file."""

DATA = ("data", "quantized_data", "indices", "nonzero_data", "indices_nonzero_data", "source_val")
"""The arguments with the elements themselves, of all operations that decompress weights."""

TABLE = "lut"
"""Their argument with a lookup table, which may be compressed itself."""

BESIDE = ("mask", "indices_mask", "data_mask", "scale", "zero_point", "offset", TABLE)
"""Their arguments that are stored for the sake of the elements. What is left says sizes and axes."""

Parts = frozenset[tuple[int, int]]
"""Address and size in bytes of each array that something is stored in; what two share has one address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weight:
    """A weight of one function.

    `storage` is how it is stored: `dense float16`, `linear int4`, `palette of 6 bits`, `sparse float16`, or several of
    these, the outer one first. `parts` are its elements, scales, offsets, tables and masks.
    """

    function: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    storage: str
    parts: Parts

    @property
    def elements(self) -> int:
        """How many elements it has once it is decompressed."""
        return math.prod(self.shape)


def bytes_of(parts: Parts) -> int:
    """Give the bytes of arrays, each counted once."""
    return sum(size for _, size in parts)


def weights_of(program: Program) -> tuple[Weight, ...]:
    """Find the weights of all functions, in the order of the file.

    Their parts are addresses in memory: they mean something as long as the program is kept.
    """
    return tuple(
        weight for name, function in program.functions.items() for weight in _of_block(name, function.block, ChainMap())
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    """A constant, or what an operation makes of constants, in which case `constant` is None."""

    weight: Weight
    constant: Literal | None


def _of_block(function: str, block: Block, outer: ChainMap[str, _Stored]) -> Iterator[Weight]:
    scope = outer.new_child()
    used: set[str] = set()
    inner: list[Weight] = []
    for operation in block.operations:
        value = operation.attributes.get("val")
        if operation.type == CONSTANT and isinstance(value, np.ndarray | Packed):
            scope[operation.outputs[0].name] = _constant(function, operation, value)
        elif operation.type.startswith(DECOMPRESSED):
            stored = _decompressed(function, operation, scope)
            scope.update((output.name, stored) for output in operation.outputs)
            used |= {one.name for each in operation.inputs.values() for one in each if isinstance(one, Reference)}
        for each in operation.blocks:
            inner += _of_block(function, each, scope)
    consumed = {id(scope[name]) for name in used if name in scope}
    found = {id(stored): stored for stored in scope.maps[0].values() if id(stored) not in consumed}
    yield from (stored.weight for stored in found.values() if stored.constant is None or _is_weight(stored.constant))
    yield from inner


def _constant(function: str, operation: Operation, value: Literal) -> _Stored:
    dtype = value.dtype if isinstance(value, Packed) else _declared(operation).dtype
    return _Stored(
        weight=Weight(
            function=function,
            name=operation.name,
            dtype=dtype,
            shape=_shape(operation),
            storage=f"dense {dtype}",
            parts=_parts([value]),
        ),
        constant=value,
    )


def _decompressed(function: str, operation: Operation, scope: Mapping[str, _Stored]) -> _Stored:
    """Join what an operation decompresses; before iOS 18 its arguments are attributes."""
    known = {name: value for name, value in operation.attributes.items() if name != "name"}
    stored: list[_Stored] = []
    within: list[str] = []
    for argument, bindings in operation.inputs.items():
        for binding in bindings:
            if isinstance(binding, Constant):
                known[argument] = binding.value
            elif binding.name in scope:
                found = scope[binding.name]
                stored.append(found)
                if found.constant is not None:
                    known[argument] = found.constant
                elif argument in (*DATA, TABLE):
                    within.append(found.weight.storage)
    words = [_word(operation.type, known), *within]
    own = _parts(value for name, value in known.items() if name in (*DATA, *BESIDE))
    parts = own.union(*(each.weight.parts for each in stored if each.constant is None))
    return _Stored(
        weight=Weight(
            function=function,
            name=operation.name,
            dtype=_declared(operation).dtype,
            shape=_shape(operation),
            storage=", ".join(words),
            parts=parts,
        ),
        constant=None,
    )


def _word(kind: str, known: Mapping[str, Literal]) -> str:
    """Say how one operation's data are stored, with their type where they are constants themselves.

    What looks up or scales in a sparse tensor goes into the operation that makes it dense, which says that it is.
    """
    dtype = next((_dtype(known[name]) for name in DATA if name in known), "")
    if "_lut_" in kind:
        indices, lut = known.get("indices", known.get("indices_nonzero_data")), known.get(TABLE)
        if isinstance(indices, Packed):
            bits = SUB_BYTE_BITS[indices.dtype]
        elif "shape" in known and isinstance(lut, np.ndarray):  # iOS 16 packs the indices itself
            bits = int(lut.size).bit_length() - 1
        else:
            bits = 8
        return f"palette of {bits} bit" + "s" * (bits > 1)
    if "sparse_to_dense" in kind:
        return f"sparse {dtype}".rstrip()
    if "cast" in kind:
        return f"dense {dtype}"
    return f"linear {dtype}".rstrip()


def _dtype(value: Literal) -> str:
    return str(value.dtype) if isinstance(value, np.ndarray | Packed) else ""


def _declared(operation: Operation) -> TensorType:
    """Give the type of the last result: operations on sparse tensors give a mask first.

    Raises:
        ValueError: when there is none, or it is no tensor.
    """
    declared = operation.outputs[-1].type if operation.outputs else None
    if not isinstance(declared, TensorType):
        raise ValueError(f"{operation.type} {operation.name!r}: it gives no tensor")
    return declared


def _shape(operation: Operation) -> tuple[int, ...]:
    return tuple(size for size in _declared(operation).shape or () if size is not None)


def _parts(values: Iterable[Literal]) -> Parts:
    arrays = [value.data if isinstance(value, Packed) else value for value in values]
    return frozenset((each.ctypes.data, each.nbytes) for each in arrays if isinstance(each, np.ndarray) and each.nbytes)


def _is_weight(value: Literal) -> bool:
    """Tell weights from the sizes, axes and paddings that operations have as constants too."""
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size >= INLINE_ELEMENTS:
        return True
    return _lies_in_a_file(value.data if isinstance(value, Packed) else value)


def _lies_in_a_file(value: object) -> bool:
    while isinstance(value, np.ndarray | memoryview):
        value = value.base if isinstance(value, np.ndarray) else value.obj
    return isinstance(value, mmap.mmap)
