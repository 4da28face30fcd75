"""The models behind an artifact: the variant that was compiled, and the one before its precision was set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .compile_model import CompileModel
from .schemes_for import schemes_for

if TYPE_CHECKING:
    from ...compiler.model import Model


def variant_of(step: CompileModel) -> Model:
    """Give the hub model that a `CompileModel` compiles."""
    return _applied(step, len(step.recipe))


def before_precision(step: CompileModel) -> Model:
    """Give the hub model that the precision of a `CompileModel` is set of: all tensors in float32."""
    from ...compiler.recipe import parse, split

    first, _ = split(parse(step.recipe, where=_where(step)))
    return _applied(step, len(first.steps))


def _applied(step: CompileModel, count: int) -> Model:
    steps = step.recipe[:count]
    return step.model.apply(steps, where=_where(step), schemes=schemes_for(step.target, steps))


def _where(step: CompileModel) -> str:
    return f"recipes.{step.options.variant}"
