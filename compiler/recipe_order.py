"""The order of steps: which must not stand behind which, why, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from ..vocabulary.errors import ConfigError
from ..vocabulary.precision import JOINT
from .passes.base import Pass
from .recipe_step import Step
from .train.learning import Learning


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A step, what it is, and its place in the recipe."""

    step: Step
    item: Pass
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """`second` must not stand anywhere behind `first`.

    `why` and `instead` may say {first} and {second}, the names of the steps.
    """

    first: Callable[[Placed], bool]
    second: Callable[[Placed], bool]
    why: str
    instead: str


def check_order(steps: Sequence[Step], passes: Sequence[Pass], where: str) -> None:
    """Check the steps of a recipe two by two; the first rule that is broken is told.

    Raises:
        ConfigError: when a step stands where it must not.
    """
    placed = [Placed(step=step, item=item, at=at) for at, (step, item) in enumerate(zip(steps, passes, strict=True))]
    for first, second in combinations(placed, 2):
        for rule in RULES:
            if not rule.first(first) or not rule.second(second) or _join(first, second):
                continue
            names = {"first": repr(first.step.name), "second": repr(second.step.name)}
            raise ConfigError(f"{where}: {rule.why.format(**names)}", hint=rule.instead.format(**names))


def _join(first: Placed, second: Placed) -> bool:
    """Whether they are two steps of one precision, the second right behind the first."""
    return second.at == first.at + 1 and (first.item.precision, second.item.precision) in JOINT


def _any(_: Placed) -> bool:
    return True


def _sets_precision(placed: Placed) -> bool:
    return placed.item.precision is not None


def _learns(placed: Placed) -> bool:
    return isinstance(placed.item, Learning)


def _named(*names: str) -> Callable[[Placed], bool]:
    return lambda placed: placed.step.name in names


def _prunes(option: str) -> Callable[[Placed], bool]:
    return lambda placed: placed.step.name == "prune" and bool(placed.step.options.get(option))


def _both(one: Callable[[Placed], bool], other: Callable[[Placed], bool]) -> Callable[[Placed], bool]:
    return lambda placed: one(placed) and other(placed)


def _takes_another_model(placed: Placed) -> bool:
    return placed.step.name == "distill" and bool(placed.step.options.get("student"))


def _depends_on_weights(placed: Placed) -> bool:
    """Whether a step leaves more than a smaller model of the same kind."""
    smaller = _prunes("structured")(placed) or _prunes("blocks")(placed) or placed.step.name == "low_rank"
    return not smaller


_LAST: Final = "{first} sets the precision, and {second} stands behind it"

RULES: Final = (
    Rule(
        first=_named("qat"),
        second=_named("quantize"),
        why=_LAST + ": qat makes the integers that it trained for",
        instead="take {second} out; what it says (precision, method) is said in qat",
    ),
    Rule(
        first=_named("quantize"),
        second=_named("qat"),
        why=_LAST + ": qat trains float weights, and makes the integers itself",
        instead="take {first} out",
    ),
    Rule(
        first=_both(_sets_precision, _named("sparsify")),
        second=_learns,
        why=_LAST + ": weights are learned in float32",
        instead='zeros that stay zero while a step learns are made by {{ prune = {{ sparsity = "50%" }} }} in front of '
        "it; {first}, which says how they are stored, stands behind it",
    ),
    Rule(
        first=_sets_precision,
        second=_learns,
        why=_LAST + ": weights are learned in float32, and what was learned would undo it",
        instead="put {second} in front of {first}; to train for the integers of a target write qat",
    ),
    Rule(
        first=_sets_precision,
        second=_named("prune", "low_rank"),
        why=_LAST + ": it chose its numbers for weights that would go",
        instead="put {second} in front of {first}",
    ),
    Rule(
        first=_sets_precision,
        second=_any,
        why=_LAST,
        instead="a recipe has at most one precision step, and it comes last; only sparsify may stand in front of "
        "palettize, or of quantize with weight_only_wi8_afp32",
    ),
    Rule(
        first=_any,
        second=_takes_another_model,
        why="{second} trains another model, its student, and what {first} did in front of it is lost",
        instead="put {second} first; {first} behind it works on the student",
    ),
    Rule(
        first=_depends_on_weights,
        second=_named("reinitialize"),
        why="{second} draws all weights anew, and what {first} did to them is lost",
        instead="put {second} in front of {first}, or take {first} out",
    ),
    Rule(
        first=_prunes("sparsity"),
        second=_named("low_rank"),
        why="{second} behind {first} loses its zeros: the factors of a sparse weight are not sparse",
        instead="put {second} in front: the factors can be pruned",
    ),
    Rule(
        first=_prunes("pattern"),
        second=_named("low_rank"),
        why="{second} behind {first} loses its pattern: the factors of a sparse weight are not sparse",
        instead="put {second} in front: the factors can be pruned",
    ),
    Rule(
        first=_prunes("pattern"),
        second=_prunes("structured"),
        why="{second} of whole channels behind {first} by a pattern breaks it: where a channel goes, those behind it "
        "move into other groups",
        instead="take whole channels out first, then say the pattern",
    ),
)
"""The first that is broken is told; those that say more stand in front."""
