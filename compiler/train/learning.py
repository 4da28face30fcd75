"""What a step that learns is: options that all of them have, and the material that it must be given."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Self

from ...vocabulary.errors import ToolError
from ...vocabulary.quantity import Dimension, Quantity
from ..quantize.informed import InformedPass
from .material import Material


class Taught(InformedPass):
    """A pass that looks at training rows."""

    needs_ranges = False
    needs_material: bool = True
    """Whether it must be `taught` before it is applied. An option may make that so or not."""
    needs_labels: bool = False
    """Whether it cannot learn without labels. An option may make that so or not."""
    packages: tuple[str, ...] = ("torch",)
    """What must be installed; the extra `torch` brings it."""

    _material: Material | None = None

    def taught(self, material: Material) -> Self:
        """Give this pass with what it learns from."""
        told = copy(self)
        told._material = material
        return told

    @property
    def material(self) -> Material:
        """What it learns from.

        Raises:
            ToolError: when the pass was not given any, which is a bug of the caller.
        """
        if self._material is None:
            raise ToolError(f"{self.name} was applied without rows to learn from")
        return self._material


@dataclass(kw_only=True, eq=False)
class Learning(Taught):
    """A pass that changes the weights of a model by what rows of data show.

    It is deterministic: equal model, material, options, tools and number of threads give equal weights, also when it is
    killed and begun again. `budget`, which bounds it in time, is the one exception.

    `epochs`: how often every row is seen. `batch`: rows of a step of the optimizer. `learning_rate`: its highest one.
    `holdout`: the share of the rows that is kept back to judge by. `budget`: no epoch is begun that would end later
    (`"10 min"`); none when empty. `mix`: up to which share another row is mixed into each. `augment`:
    `file.py:function`, which changes the rows of a batch. `output`: the one that the labels are of; the first when
    empty. `threads`: more make a large model faster, and take sums in another order, so that weights are equal for
    equal numbers of them alone.
    """

    approximates = True

    epochs: int
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    holdout: str = "10%"
    budget: str = ""
    seed: int = 0
    mix: float = 0.0
    augment: str = ""
    output: str = ""
    threads: int = 1

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: when one cannot be meant.
        """
        for name, least in (("epochs", 1), ("batch", 1), ("threads", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} = {getattr(self, name)}: expected at least {least}")
        if not 0 < self.learning_rate < 1e3:
            raise ValueError(f"learning_rate = {self.learning_rate}: expected a number above 0")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay = {self.weight_decay}: expected 0 or more")
        if not 0 <= self.mix <= 1:
            raise ValueError(f"mix = {self.mix}: expected a number between 0 and 1")
        self.held_back = _holdout(self.holdout)
        self.budget_s = _seconds(self.budget) if self.budget else None


def _holdout(text: str) -> float:
    try:
        share = Quantity.parse(text, Dimension.SHARE)
    except ValueError as error:
        raise ValueError(f"holdout = {text!r}: expected {error}") from error
    if share.unit != "%" or not 0 < share.value <= 50:
        raise ValueError(f'holdout = {text!r}: expected a share of the rows above 0% and up to 50%, as "10%"')
    return share.value / 100


def _seconds(text: str) -> float:
    try:
        budget = Quantity.parse(text, Dimension.TIME)
    except ValueError as error:
        raise ValueError(f"budget = {text!r}: expected {error}") from error
    if budget.value <= 0:
        raise ValueError(f'budget = {text!r}: expected some time, as "10 min"')
    return budget.base / 1000
