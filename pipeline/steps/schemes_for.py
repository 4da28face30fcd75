"""Whose scheme the steps of a recipe follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...compiler.quantize.scheme import Scheme
    from ...vocabulary.precision import Precision


def schemes_for(target: str, steps: Sequence[Any]) -> Mapping[Precision, Scheme]:
    """Give the schemes of the target that the last step names (`quantize = { scheme = "tflite" }`), else of `target`.

    Raises:
        RequestError: when there is no target of that name.
    """
    from ...targets.table import load_target

    last = steps[-1] if steps else None
    options = last.get("quantize", {}) if isinstance(last, Mapping) else {}
    return load_target(options.get("scheme") or target).schemes()
