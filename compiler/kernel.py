"""A kernel: one convolution or product of matrices by its shapes."""

from __future__ import annotations

import msgspec


class Kernel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A convolution or a product of matrices: what it takes, its weights, and the attributes of the ONNX operator.

    `input` is [N, C, …] or [M, K] with matrices stacked into rows; `weight` is [Cout, Cin / group, …] or [K, N].
    """

    op: str
    input: tuple[int, ...]
    weight: tuple[int, ...]
    strides: tuple[int, ...] = ()
    pads: tuple[int, ...] = ()
    dilations: tuple[int, ...] = ()
    group: int = 1

    @property
    def words(self) -> str:
        """`depthwise 3×3 of 64 channels, 25×5`, `conv 1×1 64→128, 25×5`, `matmul 49×64×256`."""
        if self.op == "MatMul":
            return "matmul " + "×".join(map(str, (*self.input, self.weight[1])))
        size, picture = "×".join(map(str, self.weight[2:])), "×".join(map(str, self.input[2:]))
        if self.group == self.input[1] and self.group > 1:
            return f"depthwise {size} of {self.group} channels, {picture}"
        groups = f" in {self.group} groups" if self.group > 1 else ""
        return f"conv {size} {self.input[1]}→{self.weight[0]}{groups}, {picture}"

    @property
    def keeps_shape(self) -> bool:
        """Whether its result has the shape that it takes."""
        if self.op == "MatMul":
            return self.weight[0] == self.weight[1]
        reach = [(size - 1) * step for size, step in zip(self.weight[2:], self.dilations, strict=True)]
        half = len(self.pads) // 2
        pads = [first + last for first, last in zip(self.pads[:half], self.pads[half:], strict=True)]
        return pads == reach and set(self.strides) == {1} and self.weight[0] == self.input[1]


class KernelShare(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kernel, how many nodes of a model are one, and the multiply-accumulates of them all."""

    kernel: Kernel
    nodes: int
    macs: int
