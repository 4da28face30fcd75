"""Makes the nodes and constants of a TF.js graph."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from .graph import DTYPES, Array, Attribute, Constant, DType, Graph, GraphNode, Grid, Tensor, shape_after
from .kernels import check

Operand = Tensor | Array | float | int
"""A value of the graph, or numbers that become a constant: a plain `float` float32, a plain `int` int32."""

_INT32 = np.iinfo(np.int32)
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.\-]+")
"""Readers take `:` for the output of a node and `^` for an order of nodes; the rest is for people's eyes."""

_OF_OBJECTS = frozenset(
    {
        "__defineGetter__",
        "__defineSetter__",
        "__lookupGetter__",
        "__lookupSetter__",
        "__proto__",
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "toLocaleString",
        "toString",
        "valueOf",
    }
)
"""What every object of JavaScript has: TF.js looks nodes up by name in plain objects, and would find these instead."""

_ANY_AXES = frozenset({"AddV2", "Mul", "RealDiv", "SquaredDifference", "Sub"})
"""What XNNPACK computes on wasm, of float32, wherever operands repeat."""
_WORTH = 512
"""Elements of a result from which a Reshape is worth it.

Where an operand repeats, other kernels of wasm take 4 ns for each element when it has fewer axes than the result, and
100 to 350 ns when it has as many, some of them 1.
"""
_MOST_PLACES = 4
"""Axes of a result up to which WebGPU has a shader for an operand of one axis: it does not index a place of more."""


class Builder:
    """Collects nodes in order. Equal calls in equal order give equal graphs.

    Attributes: a `DType` is a type, a `Text` a string, a `Sizes` a shape, numbers and lists of them are themselves.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self.nodes: list[GraphNode] = []
        self.constants: list[Constant] = []
        self.stem = "node"
        """What the nodes made next are called after."""
        self.held: dict[tuple[ir.Value, tuple[int, ...], tuple[int, ...]], Tensor] = {}
        """Constants of the dialect that the graph has already, by the permutation and the shape that it has them in."""
        self.ranks: dict[str, int] = {}
        """The highest rank of operands and results of each node, by name."""
        self._arrays: dict[str, Array] = {}
        """The numbers of constants, by name."""
        self._taken: set[str] = {*_OF_OBJECTS}
        self._known: dict[tuple[str, tuple[int, ...], bytes, tuple[float, float] | None], Tensor] = {}

    def op(
        self, op: str, inputs: Sequence[Operand], shape: Sequence[int], dtype: DType, /, **attributes: Attribute
    ) -> Tensor:
        """Make a node with one output."""
        return self.ops(op, inputs, [(shape, dtype)], **attributes)[0]

    def ops(
        self,
        op: str,
        inputs: Sequence[Operand],
        results: Sequence[tuple[Sequence[int], DType]],
        /,
        **attributes: Attribute,
    ) -> tuple[Tensor, ...]:
        """Make a node with outputs of these shapes and dtypes.

        Raises:
            Refused: when a constant does not fit what TF.js holds, or operands go beyond the reach of the kernels.
        """
        operands = [self.hold(operand) for operand in inputs]
        rank = max(len(shape) for shape in (*(x.shape for x in operands), *(shape for shape, _ in results)))
        check(op, operands, rank)
        references = tuple(operand.reference for operand in operands)
        name = self.unique(self.stem if op == "Placeholder" else f"{self.stem}/{op}")
        self.nodes.append(GraphNode(name=name, op=op, inputs=references, attributes=dict(attributes)))
        self.ranks[name] = rank
        return tuple(
            Tensor(name, index, tuple(int(size) for size in shape), dtype)
            for index, (shape, dtype) in enumerate(results)
        )

    def unary(self, op: str, x: Tensor, dtype: DType | None = None, **attributes: Attribute) -> Tensor:
        """Make an elementwise node of one operand; `dtype` is that of the result when it differs."""
        return self.op(op, [x], x.shape, dtype or x.dtype, T=x.dtype, **attributes)

    def binary(self, op: str, x: Operand, y: Operand, dtype: DType | None = None) -> Tensor:
        """Make an elementwise node of two operands of one dtype that broadcast.

        Raises:
            Refused: when their dtypes differ: TF.js would take the wider one without a word.
        """
        x, y = self.hold(x), self.hold(y)
        if x.dtype is not y.dtype:
            raise Refused(f"operands of different dtypes, {x.dtype} and {y.dtype}")
        shape = shape_after(x.shape, y.shape)
        if x.dtype is not DType.FLOAT or op not in _ANY_AXES:
            x, y = self._short(x, shape), self._short(y, shape)
        if len(shape) > _MOST_PLACES:
            x, y = (
                self._in_shape(operand, (1, *operand.shape)) if operand.rank == 1 else operand for operand in (x, y)
            )
        return self.op(op, [x, y], shape, dtype or x.dtype, T=x.dtype)

    def _short(self, x: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Give an operand that repeats along outer axes without its leading axes of 1."""
        own = x.shape
        while own and own[0] == 1:
            own = own[1:]
        if own == x.shape or x.shape == shape or math.prod(shape) < _WORTH or own != shape[len(shape) - len(own) :]:
            return x
        return self._in_shape(x, own)

    def _in_shape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Give a value in another shape; a constant is another constant."""
        array = self._arrays.get(x.node)
        return self.reshape(x, shape) if array is None else self.hold(array.reshape(shape))

    def compare(self, op: str, x: Operand, y: Operand) -> Tensor:
        """Make a node that compares two operands of one dtype that broadcast, to bool.

        Raises:
            Refused: when their dtypes differ.
        """
        return self.binary(op, x, y, DType.BOOL)

    def select(self, mask: Tensor, x: Operand, y: Operand) -> Tensor:
        """Choose `x` where the mask holds, `y` elsewhere; all three broadcast, and the two are of one dtype."""
        x, y = self.hold(x), self.hold(y)
        if x.dtype is DType.BOOL:
            kept = self.binary("LogicalAnd", mask, x)
            return self.binary("LogicalOr", kept, self.binary("LogicalAnd", self.unary("LogicalNot", mask), y))
        return self.op("SelectV2", [mask, x, y], shape_after(mask.shape, x.shape, y.shape), x.dtype, T=x.dtype)

    def cast(self, x: Tensor, dtype: DType) -> Tensor:
        """Give a value in another dtype, itself when it has it; a number is true where it is not 0."""
        if x.dtype is dtype:
            return x
        if dtype is DType.BOOL:  # a Cast looks at the lowest byte of the number, on wasm
            return self.compare("NotEqual", x, zeros(x.dtype))
        return self.op("Cast", [x], x.shape, dtype, SrcT=x.dtype, DstT=dtype)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        """Give the elements of a value in another shape, itself when it has it."""
        if x.shape == tuple(shape):
            return x
        return self.op("Reshape", [x, np.array(shape, np.int32)], shape, x.dtype, T=x.dtype, Tshape=DType.INT)

    def transpose(self, x: Tensor, permutation: Sequence[int]) -> Tensor:
        """Permute axes: axis `i` of the result is axis `permutation[i]`."""
        if [*permutation] == [*range(x.rank)]:
            return x
        shape = [x.shape[axis] for axis in permutation]
        return self.op("Transpose", [x, np.array(permutation, np.int32)], shape, x.dtype, T=x.dtype, Tperm=DType.INT)

    def slice(self, x: Tensor, starts: Sequence[int], sizes: Sequence[int]) -> Tensor:
        """Cut out a block, itself when that is all of it."""
        if x.shape == tuple(sizes):
            return x
        operands: list[Operand] = [x, np.array(starts, np.int32), np.array(sizes, np.int32)]
        return self.op("Slice", operands, sizes, x.dtype, T=x.dtype, Index=DType.INT)

    def gather(self, x: Operand, indices: Operand, axis: int) -> Tensor:
        """Pick slices along an axis by int32 indices, none of them negative."""
        x, indices = self.hold(x), self.hold(indices)
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        operands: list[Operand] = [x, indices, np.array(axis, np.int32)]
        return self.op(
            "GatherV2", operands, shape, x.dtype, Tparams=x.dtype, Tindices=DType.INT, Taxis=DType.INT, batch_dims=0
        )

    def concat(self, values: Sequence[Tensor], axis: int) -> Tensor:
        """Join values along an axis."""
        if len(values) == 1:
            return values[0]
        shape = list(values[0].shape)
        shape[axis] = sum(value.shape[axis] for value in values)
        dtype = values[0].dtype
        operands: list[Operand] = [*values, np.array(axis, np.int32)]
        return self.op("ConcatV2", operands, shape, dtype, N=len(values), T=dtype, Tidx=DType.INT)

    def broadcast(self, x: Operand, shape: Sequence[int]) -> Tensor:
        """Repeat a value along axes of size 1 and new ones before it, itself when it has the shape."""
        x = self.hold(x)
        if x.shape == tuple(shape):
            return x
        return self.op("BroadcastTo", [x, np.array(shape, np.int32)], shape, x.dtype, T=x.dtype, Tidx=DType.INT)

    def reduce(self, op: str, x: Tensor, axes: Sequence[int], *, keep: bool) -> Tensor:
        """Reduce over axes; over axes of size 1 alone, nothing is left to compute."""
        left = [1 if axis in axes else size for axis, size in enumerate(x.shape) if keep or axis not in axes]
        if all(x.shape[axis] == 1 for axis in axes):
            return self.reshape(x, left)
        operands: list[Operand] = [x, np.array(axes, np.int32)]
        if op == "Prod" and keep:  # WebGPU leaves the axes out all the same
            without = [size for axis, size in enumerate(x.shape) if axis not in axes]
            return self.reshape(
                self.op(op, operands, without, x.dtype, keep_dims=False, T=x.dtype, Tidx=DType.INT), left
            )
        return self.op(op, operands, left, x.dtype, keep_dims=keep, T=x.dtype, Tidx=DType.INT)

    def hold(self, operand: Operand) -> Tensor:
        """Give an operand as a value of the graph; equal numbers become one constant.

        Raises:
            Refused: when TF.js cannot hold the numbers.
        """
        if isinstance(operand, Tensor):
            return operand
        return self.constant(as_held(np.asarray(np.float32(operand) if isinstance(operand, float) else operand)))

    def constant(self, array: Array, *, grid: Grid | None = None) -> Tensor:
        """Make a constant of float32, int32 or bool; `grid` is how the file holds it where it does so otherwise.

        Equal numbers become one constant.
        """
        held = array if grid is None else grid.integers
        digest = hashlib.blake2b(np.ascontiguousarray(held).reshape(-1).view(np.uint8).data).digest()
        key = (array.dtype.name, array.shape, digest, None if grid is None else (grid.scale, grid.low))
        if key not in self._known:
            name = self.unique(f"{self.stem}/const" if self.stem != "node" else "const")
            self.constants.append(Constant(name=name, array=array, grid=grid))
            if grid is None:
                self._arrays[name] = array
            self._known[key] = Tensor(name, 0, array.shape, DTYPES[array.dtype.name])
        return self._known[key]

    def graph(self, inputs: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Graph:
        """Give the graph of what was made, without what no output needs."""
        needed = {tensor.node for tensor in (*inputs.values(), *outputs.values())}
        nodes = []
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(reference.partition(":")[0] for reference in node.inputs)
                nodes.append(node)
        constants = tuple(constant for constant in self.constants if constant.name in needed)
        return Graph(inputs=inputs, outputs=outputs, constants=constants, nodes=tuple(reversed(nodes)))

    def unique(self, wanted: str) -> str:
        """Give a name that no node has, as near to the wanted one as the format allows."""
        base = "/".join(_FORBIDDEN.sub("_", part) or "_" for part in wanted.split("/"))
        name, count = base, 0
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name


def zeros(dtype: DType, shape: Sequence[int] = ()) -> Array:
    """Give zeros of a dtype."""
    return np.zeros(tuple(shape), dtype.value)


def as_held(array: Array) -> Array:
    """Give numbers of the hub in the dtype that TF.js holds them in, none of them changed.

    Raises:
        Refused: when it cannot: float64, integers beyond int32, other types.
    """
    if array.dtype.name not in DTYPES:
        raise Refused(f"TF.js cannot hold a constant of {array.dtype}")
    if array.dtype.kind in "iu" and array.size:
        low, high = int(array.min()), int(array.max())
        if low < _INT32.min or high > _INT32.max:
            raise Refused(
                f"TF.js holds integers as int32, and a constant of {array.dtype} reaches from {low} to {high}"
            )
    return np.asarray(array.astype(DTYPES[array.dtype.name].value, copy=False))
