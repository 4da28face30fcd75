"""What the kernels of TF.js 4.22 really take, found by running them on its backend wasm and on plain JavaScript.

TF.js does not look: beyond its reach a kernel answers wrongly or writes into memory that is not its own. So every node
that is made is checked against its row here, and what would go wrong is refused before anything is emitted. What is
not in the table takes float32, int32 and bool, of any rank up to 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...compiler.lowering.refused import Refused
from .graph import DType, Tensor

_MOVE_NOTHING = frozenset({"Identity", "Placeholder", "Reshape"})
"""Operators that need no kernel, and so take what has no elements, and any rank."""

MOST_AXES = 6
"""The highest rank that the slices, transposes and tiles of all backends know; Pad on wasm goes wrong from 7 on."""

_AXES_ON: Mapping[str, Mapping[str, int]] = {
    "BroadcastTo": {"webgl": 5, "webgpu": 4},
    "Cumsum": {"webgl": 4, "webgpu": 4},
    "MirrorPad": {"webgl": 4, "webgpu": 4},
    "Pad": {"webgl": 4, "webgpu": 4},
    "PadV2": {"webgl": 4, "webgpu": 4},
    "ReverseV2": {"webgl": 4, "webgpu": 4},
    "SelectV2": {"webgl": 4, "webgpu": 4},
    "StridedSlice": {"webgl": 4},
    "Tile": {"webgl": 5, "webgpu": 4},
}
"""Operator → the highest rank that its shaders are written for, where that is below `MOST_AXES`."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """The reach of one kernel: the dtypes of the operand of this index."""

    dtypes: frozenset[DType]
    operand: int = 0


_FLOAT = Kernel(frozenset({DType.FLOAT}))
_NUMBERS = Kernel(frozenset({DType.FLOAT, DType.INT}))
_BOOL = Kernel(frozenset({DType.BOOL}))

KERNELS: Mapping[str, Kernel] = {
    # Of int32 they give what float32 makes of it: |2²⁴ + 1| is 2²⁴.
    **dict.fromkeys(("Abs", "Neg", "Square"), _FLOAT),
    **dict.fromkeys(("Atan2", "Mean", "Pow", "RealDiv"), _FLOAT),
    **dict.fromkeys(("Ceil", "Cos", "Elu", "Exp", "Floor", "Log", "Rsqrt", "Sigmoid", "Sin", "Sqrt", "Tanh"), _FLOAT),
    **dict.fromkeys(("ArgMax", "ArgMin", "Cumsum", "Max", "Min", "Prod", "Sum", "TopKV2"), _NUMBERS),
    **dict.fromkeys(("AddV2", "FloorDiv", "FloorMod", "Maximum", "Minimum", "Mul", "Sign", "Sub"), _NUMBERS),
    **dict.fromkeys(("All", "Any", "LogicalAnd", "LogicalNot", "LogicalOr"), _BOOL),
    "DepthToSpace": _FLOAT,
    "ReverseV2": _NUMBERS,  # wasm takes every element for four bytes, and a bool has one
    "SelectV2": Kernel(_NUMBERS.dtypes, operand=1),  # the same
    "StridedSlice": _FLOAT,  # wasm calls what comes out float32, whatever went in
}


def check(op: str, operands: Sequence[Tensor], rank: int) -> None:
    """Check operands against the reach of an operator's kernels; `rank` is the highest of theirs and of the results.

    Raises:
        Refused: when they go beyond it.
    """
    kernel = KERNELS.get(op)
    if kernel is not None and operands[kernel.operand].dtype not in kernel.dtypes:
        raise Refused(f"TF.js has no exact {op} of {operands[kernel.operand].dtype}")
    if op not in _MOVE_NOTHING and any(0 in operand.shape for operand in operands):
        raise Refused(f"{op} of a tensor without elements")
    if rank > MOST_AXES and op not in _MOVE_NOTHING:
        raise Refused(f"TF.js has {op} up to rank {MOST_AXES}, not {rank}")


def backends_beyond(op: str, rank: int) -> tuple[str, ...]:
    """Give the backends whose kernels of an operator do not reach this rank."""
    return tuple(backend for backend, most in _AXES_ON.get(op, {}).items() if rank > most)
