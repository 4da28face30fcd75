"""`[targets.coreml.settings]` of a project file."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from .deployment import Deployment

_BOUNDS = re.compile(r"([1-9][0-9]*)\.\.([1-9][0-9]*)")


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project may ask of packages alone.

    `deployment_target` (`iOS17`) is the oldest system that a package may be for; without it, it is the oldest that has
    all operations. `compute_units` is a hint for who runs the package. `compute` is in what it computes: without it,
    float16 for the recipe `fp16` and float32 otherwise; `float32_nodes` names nodes that stay float32 in float16.
    `flexible` gives the bounds of symbolic dimensions (`{ batch = "1..8" }`), `shapes` all shapes that an input may
    have. `images` names inputs that take pictures, by their preprocessing contract; `classifier` the output whose
    labels the package knows. `states` says whether outputs that feed inputs stay what they are, or become states.
    `multifunction` puts all variants of a build into one package, a function for each, with equal weights once.
    """

    deployment_target: str = ""
    compute_units: Literal["all", "cpu_only", "cpu_and_gpu", "cpu_and_ne"] = "all"
    compute: Literal["", "fp32", "fp16"] = ""
    float32_nodes: tuple[str, ...] = ()
    flexible: dict[str, str] = msgspec.field(default_factory=dict)
    shapes: dict[str, tuple[tuple[int, ...], ...]] = msgspec.field(default_factory=dict)
    images: tuple[str, ...] = ()
    classifier: str = ""
    states: Literal["tensors", "state"] = "tensors"
    multifunction: bool = False
    author: str = ""
    licence: str = ""
    version: str = ""
    description: str = ""

    def __post_init__(self) -> None:
        known = [each.label for each in Deployment]
        if self.deployment_target and self.deployment_target not in known:
            raise ValueError(f"deployment_target: expected one of {', '.join(known)}, got {self.deployment_target!r}")
        for symbol, text in self.flexible.items():
            match = _BOUNDS.fullmatch(text)
            if match is None or int(match[1]) > int(match[2]):
                raise ValueError(f'flexible.{symbol}: expected bounds such as "1..8", got {text!r}')
        for name, shapes in self.shapes.items():
            if len(set(shapes)) < 2 or len({len(shape) for shape in shapes}) > 1:
                raise ValueError(f"shapes.{name}: expected at least two different shapes of as many axes")
            if any(size < 1 for shape in shapes for size in shape):
                raise ValueError(f"shapes.{name}: a size is at least 1")

    @property
    def at_least(self) -> Deployment:
        """The oldest deployment target that is allowed."""
        asked = next((each for each in Deployment if each.label == self.deployment_target), Deployment.IOS15)
        return max(asked, Deployment.IOS18) if self.multifunction else asked

    @property
    def bounds(self) -> dict[str, tuple[int, int]]:
        """The lowest and the highest size of each flexible dimension."""
        pairs = {symbol: text.split("..") for symbol, text in self.flexible.items()}
        return {symbol: (int(low), int(high)) for symbol, (low, high) in pairs.items()}
