"""A scheme: how a target wants numbers quantized. Data; the passes that read it know no target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

import onnx_ir as ir

from ...vocabulary.precision import Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """The integers that stand for reals: real = scale · (integer − zero point).

    A symmetric grid has its zero point in the middle (0 when signed). A narrow one leaves the lowest integer out, so
    that it is symmetric around zero (−127…127). `largest`: the largest magnitude in use, where a kernel cannot take all
    that the dtype holds (−63…63). `one_sided`: what is never negative has all integers of a symmetric grid for itself,
    its zero point is the lowest of them.
    """

    dtype: ir.DataType
    symmetric: bool
    narrow: bool = False
    largest: int | None = None
    one_sided: bool = False

    @property
    def lowest(self) -> int:
        """The lowest integer in use."""
        bits, signed = _BITS[self.dtype]
        return -self.largest if self.largest is not None else (-(1 << bits - 1) if signed else 0) + self.narrow

    @property
    def highest(self) -> int:
        """The highest integer in use."""
        bits, signed = _BITS[self.dtype]
        return self.largest if self.largest is not None else (1 << bits - 1) - 1 if signed else (1 << bits) - 1

    @property
    def middle(self) -> int:
        """The zero point of a symmetric grid."""
        bits, signed = _BITS[self.dtype]
        return 0 if signed else 1 << bits - 1


_BITS: Final[Mapping[ir.DataType, tuple[int, bool]]] = {
    ir.DataType.INT4: (4, True),
    ir.DataType.UINT4: (4, False),
    ir.DataType.INT8: (8, True),
    ir.DataType.UINT8: (8, False),
    ir.DataType.INT16: (16, True),
    ir.DataType.UINT16: (16, False),
    ir.DataType.INT32: (32, True),
}


class Role(Enum):
    """What an input of an operator is to the quantizer."""

    ACTIVATION = auto()
    WEIGHT = auto()
    BIAS = auto()
    FLOAT = auto()
    """Stays float, or is no number to quantize: a shape, an index, a condition."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpRule:
    """How one hub operator is said in integers.

    `inputs` are the roles of its inputs in order, the last one standing for all that follow. A weight that is not
    constant counts as an activation; `weight_axis` is the axis of the channels that have a scale of their own (None:
    one scale for the whole tensor; a transposed Gemm moves it). `shares`: the output has the scale of the inputs, all
    of them alike. `fixed`: the output's scale and zero point, for operators whose range is known.
    """

    inputs: tuple[Role, ...] = (Role.ACTIVATION,)
    weight_axis: int | None = None
    shares: bool = False
    fixed: tuple[float, int] | None = None
    gives_float: bool = False
    follows: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheme:
    """How a target wants a model of one precision quantized.

    `activations` is None where activations stay float in the graph (weight-only, and dynamic by kernels that quantize
    their own input); `dynamic` says that the graph finds their ranges at each call. `block` is the number of weights
    along the reduced axis of a matrix, or of input channels of a convolution, that share a scale, 0 for one a channel
    of output. `bias` is the grid of biases, whose scale is that of input times weight; None leaves them float. `fused`
    lists operators that a kernel takes in behind another, so that nothing is quantized between the two
    (`("Conv", "Relu")`).
    """

    name: str
    precision: Precision
    weights: Grid
    activations: Grid | None = None
    dynamic: bool = False
    per_channel: bool = True
    block: int = 0
    bias: Grid | None = None
    ops: Mapping[str, OpRule] = field(default_factory=dict)
    fused: frozenset[tuple[str, str]] = frozenset()
    tables: Mapping[str, OpRule] = field(default_factory=dict)
    """Rules before those of `ops` for operators whose first input is a constant: tables that are looked up."""
    min_weight_elements: int = 0
    """A weight with fewer elements stays float: its scales would cost more than it saves."""

    @property
    def multiplies(self) -> bool:
        """Whether kernels multiply integers, and do not only store weights as such."""
        return self.activations is not None or self.dynamic
