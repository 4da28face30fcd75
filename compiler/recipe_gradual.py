"""Gradual: what is to go goes in rounds, and the model learns after each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .quantize.sparsify import share_said
from .recipe_step import Step

_FEWEST: Final = 2


class Gradual:
    """Stands for prune, learn, prune, learn, … in a recipe.

    A `sparsity` grows by the cubic schedule s·(1 − (1 − t/n)³) in round t of n: much goes early, when there is much
    that nobody needs (Zhu & Gupta, To prune, or not to prune, 2017, with no zeros to begin with). `macs` and
    `width` are a share of the model that a round gets, so each leaves the n-th root: together what was asked for.
    """

    def __init__(
        self,
        prune: Mapping[str, Any],
        rounds: int = 4,
        distill: Mapping[str, Any] | None = None,
        finetune: Mapping[str, Any] | None = None,
    ) -> None:
        """`prune` says what all rounds together take; one of `distill` and `finetune` is done after each of them.

        Raises:
            ValueError: when the rounds are fewer than two, nothing or two things mend, or what goes cannot be divided.
        """
        if rounds < _FEWEST:
            raise ValueError(f"rounds = {rounds}: expected at least {_FEWEST}; of one, write the two steps alone")
        mending = {name: options for name, options in (("distill", distill), ("finetune", finetune)) if options}
        if len(mending) != 1:
            raise ValueError(
                f"{' and '.join(mending) or 'nothing'} said to learn by; say one of distill = {{ epochs = … }} and "
                "finetune = { epochs = … }"
            )
        if "pattern" in prune:
            raise ValueError(
                "a pattern is not reached in rounds: its groups have their zeros, or they do not; write "
                f"{{ prune = {{ pattern = {prune['pattern']!r} }} }} and {next(iter(mending))} behind it"
            )
        if mending.get("distill", {}).get("student"):
            raise ValueError("a student of distill would lose what was pruned; write distill in front, without rounds")
        divided = [(name, _ROUND[name]) for name in _ROUND if name in prune]
        if len(divided) != 1:
            raise ValueError(
                'prune has no target for rounds to share; say sparsity = "90%", or structured = true and macs = "50%"'
            )
        ((name, share_of),) = divided
        whole = share_said(f"prune: {name}", str(prune[name]))
        self._steps = tuple(
            step
            for number in range(1, rounds + 1)
            for step in (
                Step(
                    name="prune",
                    options={
                        **prune,
                        **({"multiple": 1} if name in _WHOLE and number < rounds else {}),
                        name: f"{100 * share_of(whole, number, rounds):.8g}%",
                    },
                ),
                *(Step(name=learning, options=options) for learning, options in mending.items()),
            )
        )

    def steps(self) -> tuple[Step, ...]:
        """Give the steps that it stands for."""
        return self._steps


def _zeros(whole: float, number: int, rounds: int) -> float:
    return whole * float(1 - (1 - number / rounds) ** 3)


def _left(whole: float, number: int, rounds: int) -> float:
    del number  # every round leaves the same share of what it gets
    return float(whole ** (1 / rounds))


_WHOLE: Final = ("macs", "width")
"""Targets of whole channels. Widths are rounded to what kernels like in the last round alone: rounding down in each of
them would leave less than was asked for (46 % of 50 % in four rounds of one small net)."""

_ROUND: Final = {"sparsity": _zeros, "macs": _left, "width": _left}
"""Option of prune that is divided → the share that a round says."""
