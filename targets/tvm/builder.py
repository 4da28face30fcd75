"""Writes the dataflow of one Relax function. What TVM's type inference refuses is a refusal of the node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...compiler.lowering.refused import Refused
from ...compiler.model import dtype_name
from .toolkit import relax, te, tirx

Array = NDArray[Any]
Expr = Any
"""A value of a Relax function, `tvm.relax.Var` or `Constant`: its type has `.shape` and `.dtype`."""

DTYPES: Final = frozenset(
    [
        "bool",
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
        *("float16", "bfloat16", "float32", "float64"),
    ]
)
"""The dtypes of tensors here: those that TVM's code for CPUs computes in."""

OPAQUE: Final = 8
"""TVM's `kOpaque`: nothing is fused with a function of this pattern."""

_REFUSALS: Final = (ValueError, TypeError, RuntimeError)
"""What TVM raises for operands that it does not take; its `InternalError` is a RuntimeError."""


class Builder:
    """Relax calls, added to the dataflow block that is open in `block`, a `tvm.relax.BlockBuilder`."""

    def __init__(self, block: Any) -> None:
        """`block`: with a function and a dataflow block open."""
        self._block = block
        self.inputs: list[Expr] = []
        """The inputs of the function, for what must not be computed at compile time."""
        self._held: dict[ir.TensorProtocol, Expr] = {}
        self._made: list[str] = []

    def op(self, operator: Callable[..., Any], /, *operands: Any, **settings: Any) -> Expr:
        """Call an operator of Relax, `b.op(relax().op.nn.conv2d, x, weight, strides=(2, 2))`.

        Raises:
            Refused: when TVM does not take these operands.
        """
        return self._emit(operator.__name__, lambda: self._block.emit(operator(*operands, **settings)))

    def te(self, compute: Callable[..., Any], /, *operands: Any, **settings: Any) -> Expr:
        """Write what a function of tensor expressions computes: `compute` takes and gives `tvm.te.Tensor`.

        Raises:
            Refused: when TVM does not take these operands.
        """
        return self._emit(compute.__name__, lambda: self._block.emit_te(compute, *operands, **settings))

    def each(self, name: str, shape: Sequence[int], element: Callable[..., Any], /, *operands: Expr) -> Expr:
        """Compute every element of a result by itself; `name` is what is computed, for people.

        `element(place, *tensors)` gives the element at `place`, a tuple of int64 indices, from the operands as
        `tvm.te.Tensor`. What it gives has the dtype of the result.

        Raises:
            Refused: when TVM does not take these operands.
        """
        return self._written(name, shape, element, operands, {})

    def apart(self, name: str, shape: Sequence[int], element: Callable[..., Any], /, *operands: Expr) -> Expr:
        """Compute as `each`, in a function that is fused with no other.

        Raises:
            Refused: when TVM does not take these operands.
        """
        return self._written(name, shape, element, operands, {"primfunc_attrs": {"op_pattern": OPAQUE}})

    def _written(
        self,
        name: str,
        shape: Sequence[int],
        element: Callable[..., Any],
        operands: Sequence[Expr],
        hints: Mapping[str, Any],
    ) -> Expr:
        def compute(*tensors: Any) -> Any:
            return te().compute(extents(shape), lambda *place: element(place, *tensors), name=name)

        return self._emit(name, lambda: self._block.emit_te(compute, *operands, primfunc_name_hint=name, **hints))

    def _emit(self, name: str, write: Callable[[], Expr]) -> Expr:
        try:
            made = write()
        except _REFUSALS as error:
            raise Refused(f"TVM refuses {name}: {' '.join(str(error).split())[-300:]}") from error
        self._made.append(name)
        return made

    def item(self, results: Expr, index: int) -> Expr:
        """Give one of several results of a call."""
        return self._block.emit(relax().TupleGetItem(results, index))

    def const(self, array: Array | float | int | bool, dtype: str | None = None) -> Expr:
        """Give a constant of our own, in the dtype that it has or is given."""
        held = np.asarray(array, dtype)
        if not held.size:  # a library with such a constant cannot be loaded, nor may TVM fold it to one
            some = [each for each in self.inputs if 0 not in (shape_of(each) or ())]
            if not some:
                raise Refused("a tensor without elements, in a model without an input that has any")
            return self.apart("nothing", held.shape, lambda *_: tirx().const(0, str(held.dtype)), some[0])
        # Without its dtype Relax would take int64 for int32, and float64 for float32.
        return relax().const(np.ascontiguousarray(held).reshape(held.shape), str(held.dtype))

    def hold(self, tensor: ir.TensorProtocol) -> Expr:
        """Give a constant of the hub, the same for the same tensor.

        Raises:
            Refused: when TVM has no such dtype.
        """
        if tensor not in self._held:
            refuse_dtype(dtype_name(tensor.dtype))
            self._held[tensor] = self.const(tensor.numpy())
        return self._held[tensor]

    def begin(self) -> None:
        """Begin with another node of the hub: what was written so far stays."""
        self._made.clear()

    def take_back(self) -> None:
        """Leave what was written since `begin` unused: a model with a refused node is never built."""
        self._made.clear()

    @property
    def operations(self) -> list[str]:
        """What was written since `begin`, by Relax's names."""
        return list(self._made)

    def finish(self, value: ir.Value, index: int, result: Expr) -> Expr:
        """Check what stands for an output of a node against what the hub knows of it.

        Raises:
            Refused: when dtype or shape differ: the lowering has not said the node.
        """
        dtype, shape = dtype_of(result), shape_of(result)
        if value.dtype is not None and dtype != dtype_name(value.dtype):
            raise Refused(f"its output {index} would be {dtype}, not {dtype_name(value.dtype)}")
        known = value.shape.numpy() if value.shape is not None and value.shape.is_static() else None
        if shape is None or (known is not None and shape != tuple(known)):
            raise Refused(f"its output {index} would have the shape {shape}, not {known}")
        return result


def refuse_dtype(dtype: str) -> None:
    """Refuse tensors of a dtype that TVM does not compute in.

    Raises:
        Refused: for such a dtype.
    """
    if dtype not in DTYPES:
        raise Refused(f"TVM's code for CPUs computes no {dtype}")


def extents(shape: Sequence[int]) -> list[Any]:
    """Give the sizes of a tensor expression: int64, as Relax counts."""
    return [tirx().IntImm("int64", int(size)) for size in shape]


def dtype_of(value: Expr) -> str:
    """Give the dtype of a value, `float32`."""
    return str(value.ty.dtype)


def shape_of(value: Expr) -> tuple[int, ...] | None:
    """Give the shape of a value, None when some size is known only at run time."""
    shape = value.ty.shape
    if shape is None or not hasattr(shape, "values"):
        return None
    sizes = [getattr(size, "value", None) for size in shape.values]
    known = tuple(int(size) for size in sizes if size is not None)
    return known if len(known) == len(sizes) else None
