"""`[targets.tensorrt.settings]` of a project file."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from ...vocabulary.quantity import Dimension, Quantity

_BOUNDS = re.compile(r"([1-9][0-9]*)\.\.([1-9][0-9]*)(?:\.\.([1-9][0-9]*))?")

_LARGEST = 2**31 - 1
"""TensorRT counts the sizes of a tensor in 32 bits."""


class Bounds(msgspec.Struct, frozen=True):
    """The lowest size of a dimension, the one that the engine is made fastest for, and the highest."""

    low: int
    best: int
    high: int


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project may ask of TensorRT alone.

    `release` is the oldest TensorRT whose parser must take the model. `profile` gives the sizes of symbolic dimensions,
    `"1..8"`, or `"1..4..8"` with the size in the middle that the engine is made fastest for (the highest without it).
    `compute = "bf16"` lets TensorRT 10 compute in bfloat16; `tf32` lets it round the factors of float32 products to ten
    bits. `float32_nodes` names nodes that stay float32 in the recipe `fp16`. `workspace` is the most GPU memory that
    kernels may have for themselves. `version_compatible` makes engines that later versions of one major run, and
    `hardware` ones that other GPUs run.
    """

    release: Literal["8.6", "10.6", "10.15"] = "10.6"
    profile: dict[str, str] = msgspec.field(default_factory=dict)
    compute: Literal["", "bf16"] = ""
    tf32: bool = False
    float32_nodes: tuple[str, ...] = ()
    workspace: str = ""
    version_compatible: bool = False
    hardware: Literal["this_gpu", "same_compute_capability", "ampere_plus"] = "this_gpu"

    def __post_init__(self) -> None:
        for symbol, text in self.profile.items():
            match = _BOUNDS.fullmatch(text)
            sizes = [int(size) for size in match.groups() if size] if match else []
            if not sizes or sizes != sorted(sizes) or sizes[-1] > _LARGEST:
                raise ValueError(f'profile.{symbol}: expected sizes such as "1..8" or "1..4..8", got {text!r}')
        if self.workspace:
            try:
                Quantity.parse(self.workspace, Dimension.SIZE)
            except ValueError as error:
                raise ValueError(f"workspace: expected {error}, got {self.workspace!r}") from error
            if (self.workspace_bytes or 0) <= 0:
                raise ValueError(f"workspace: expected a size above zero, got {self.workspace!r}")
        if self.compute == "bf16" and self.release == "8.6":
            raise ValueError('compute: TensorRT 8.6 has no bfloat16; say release = "10.6" or leave compute out')
        if self.hardware == "same_compute_capability" and self.release != "10.15":
            raise ValueError('hardware: same_compute_capability came after TensorRT 10.6; say release = "10.15"')

    @property
    def bounds(self) -> dict[str, Bounds]:
        """The sizes of each dimension of the profile."""
        found = {}
        for symbol, text in self.profile.items():
            sizes = [int(size) for size in text.split("..")]
            found[symbol] = Bounds(low=sizes[0], best=sizes[1], high=sizes[-1])
        return found

    @property
    def workspace_bytes(self) -> int | None:
        """The limit in bytes; None for TensorRT's own, all that the GPU has."""
        return int(Quantity.parse(self.workspace, Dimension.SIZE).base) if self.workspace else None
