"""Sizes, axes, bounds and counts: numbers where the hub knows them, else values that are read when the graph runs.

A size that is open is read off the tensor (`x.size(0)`). What exporters compute of it (`Concat(Shape(x)[:1], [64])`) is
computed of it in numbers too, beside the tensor that the hub has, so that an open batch stays open in `torch.export`.
Only numbers that are data, such as an input of the model that a Reshape takes, are read out of a tensor.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import onnx_ir as ir
import torch

from ...lowering.call import Call
from ...lowering.refused import Refused
from ..builder import Builder

if TYPE_CHECKING:
    from torch.fx import Node

Number: TypeAlias = "int | Node"

int_max = cast("Callable[[int, int], int]", torch.sym_max)
int_min = cast("Callable[[int, int], int]", torch.sym_min)
"""The larger and the smaller of two sizes, which `torch.export` may hold open."""

MOST_ELEMENTS: Final = 64
"""No shape has more; what is longer holds indices or data."""


_INTEGERS: Final = (ir.DataType.INT64, ir.DataType.INT32)


def numbers(call: Call[Node], b: Builder, index: int, what: str) -> list[Number]:
    """Give the elements of an input of integers; `what` is its name for the refusal.

    Raises:
        Refused: when even their count is known only at run time.
    """
    given = call.inputs[index]
    if isinstance(given, ir.TensorProtocol):
        return [int(number) for number in given.numpy().ravel()]
    assert given is not None, (call.node, index)
    noted = b.numbers.get(given)
    if noted is not None:
        return [*noted]
    value = call.node.inputs[index]
    shape = None if value is None else value.shape
    if shape is None or not shape.is_static():
        raise Refused(f"how many elements its {what} has is known only at run time")
    count = 1
    for size in shape:
        count *= int(size)  # type: ignore[arg-type]  # static
    listed = b.call(read_out, given)
    return [b.item(listed, place) for place in range(count)]


def number(call: Call[Node], b: Builder, index: int, what: str) -> Number:
    """Give the one element of an input of integers.

    Raises:
        Refused: when it may not be one.
    """
    found = numbers(call, b, index, what)
    if len(found) != 1:
        raise Refused(f"its {what} has {len(found)} elements")
    return found[0]


def read_out(x: torch.Tensor) -> list[int]:
    """Give the elements of a tensor of integers; `torch.export` takes them for sizes without a bound."""
    return list(x.flatten().tolist())


def sizes_of(call: Call[Node], b: Builder, index: int = 0) -> list[Number]:
    """Give the sizes of an input: numbers where the hub knows them, read off the tensor where not.

    Raises:
        Refused: when the hub does not know how many there are.
    """
    value = call.node.inputs[index]
    call.rank(index)
    assert value is not None, (call.node, index)
    assert value.shape is not None, (call.node, index)
    return [size_of(call, b, index, axis) for axis in range(len(value.shape))]


def size_of(call: Call[Node], b: Builder, index: int, axis: int) -> Number:
    """Give the size of one axis of an input."""
    value = call.node.inputs[index]
    size = None if value is None or value.shape is None else value.shape[axis]
    return size if isinstance(size, int) else b.call(torch.Tensor.size, call[index], axis)


def known(some: Sequence[Number]) -> list[int] | None:
    """Give numbers that are all known now, None when one is not."""
    found = [each for each in some if isinstance(each, int)]
    return found if len(found) == len(some) else None


def is_data(some: Number) -> bool:
    """Whether a number is read out of a tensor when the graph runs; those that are made of sizes are not."""
    return not isinstance(some, int) and some.target is operator.getitem


def vector(sizes: Sequence[int]) -> torch.Tensor:
    """Give sizes as the tensor int64[N] that the hub has of them."""
    if not sizes:
        return torch.empty(0, dtype=torch.int64)
    return torch.stack([torch.scalar_tensor(size, dtype=torch.int64) for size in sizes])


def remember(call: Call[Node], b: Builder, result: Node) -> Node:
    """Note the numbers in the result of a node, where those in its inputs are known or noted; give the result.

    Noted is what has one axis, or none: there elements are counted as slices are.
    """
    follow, value = _FOLLOWED.get(call.op), call.node.outputs[0]
    if follow is None or value.dtype not in _INTEGERS or value.shape is None or len(value.shape) > 1:
        return result
    parts = [_noted(call, b, index) for index in range(len(call.inputs))]
    if any(isinstance(part, list) and any(not isinstance(each, int) for each in part) for part in parts):
        found = follow(call, b, parts)
        if found is not None:
            b.numbers[result] = found
    return result


Noted: TypeAlias = "list[Number] | None"


def _noted(call: Call[Node], b: Builder, index: int) -> Noted:
    given = call.inputs[index]
    if isinstance(given, ir.TensorProtocol):
        return (
            [int(each) for each in given.numpy().ravel()] if 0 < given.size <= MOST_ELEMENTS and _whole(given) else None
        )
    return None if given is None else b.numbers.get(given)


def _whole(tensor: ir.TensorProtocol) -> bool:
    return tensor.dtype in _INTEGERS


def _itself(call: Call[Node], b: Builder, parts: Sequence[Noted]) -> Noted:  # noqa: ARG001 - the form of all
    return parts[0]


def _joined(call: Call[Node], b: Builder, parts: Sequence[Noted]) -> Noted:  # noqa: ARG001 - the form of all
    found: list[Number] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _gathered(call: Call[Node], b: Builder, parts: Sequence[Noted]) -> Noted:  # noqa: ARG001 - the form of all
    elements, places = parts[0], known(parts[1]) if parts[1] is not None else None
    return None if elements is None or places is None else [elements[place] for place in places]


def _sliced(call: Call[Node], b: Builder, parts: Sequence[Noted]) -> Noted:  # noqa: ARG001 - the form of all
    elements, bounds = parts[0], [parts[1], parts[2], parts[4] if call.has(4) else [1]]
    found = [bound[0] for bound in bounds if bound is not None and len(bound) == 1 and isinstance(bound[0], int)]
    if elements is None or len(found) != len(bounds):
        return None
    start, end, step = found
    return elements[start:end:step] if step > 0 else None


def _computed(call: Call[Node], b: Builder, parts: Sequence[Noted]) -> Noted:
    if any(part is None for part in parts) or len(parts) != 2:
        return None
    x, y = parts[0] or [], parts[1] or []
    count = max(len(x), len(y))
    if not {len(x), len(y)} <= {1, count}:
        return None
    if call.op == "Div" and not all(isinstance(each, int) and each > 0 for each in y):
        return None
    x, y = x * (count // len(x)), y * (count // len(y))
    return [_result(call, b, one, other) for one, other in zip(x, y, strict=True)]


def _result(call: Call[Node], b: Builder, x: Number, y: Number) -> Number:
    work = _ARITHMETIC[call.op]
    return int(work(x, y)) if isinstance(x, int) and isinstance(y, int) else b.call(work, x, y)


def quotient(x: int, y: int) -> int:
    """Divide by a number above zero, rounded towards zero."""
    return int_max(x, 0) // y - int_max(-x, 0) // y


_ARITHMETIC: Final[Mapping[str, Callable[..., Any]]] = {
    "Add": operator.add,
    "Div": quotient,
    "Max": int_max,
    "Min": int_min,
    "Mul": operator.mul,
    "Sub": operator.sub,
}

_FOLLOWED: Final[Mapping[str, Callable[[Call[Any], Builder, Sequence[Noted]], Noted]]] = {
    **dict.fromkeys(_ARITHMETIC, _computed),
    **dict.fromkeys(("Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"), _itself),
    "Concat": _joined,
    "Gather": _gathered,
    "Slice": _sliced,
}
"""Operator → how the numbers in its result follow from those in its inputs."""
