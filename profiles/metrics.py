"""Task metrics: what a model is for, in one number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..vocabulary.errors import ConfigError
from ..vocabulary.signature import TensorSpec
from .built_in_metric import BUILT_IN, BuiltInMetric
from .custom_metric import CustomMetric, load_custom

Metric = BuiltInMetric | CustomMetric


def load(
    name: str,
    outputs: Sequence[TensorSpec],
    *,
    output: str | None = None,
    higher_is_better: bool | None = None,
    folder: Path = Path(),
    where: str = "edgewright.toml",
) -> Metric:
    """Give the metric of a project's `[metric]`: a built-in name, or `file.py:function` beside the project file.

    `output` names the output that a built-in metric looks at, the first one by default. A function says in
    `higher_is_better` (the key, or an attribute of its own) which way is better, and may say `is_share = True` to have
    its drop in percentage points. Loading a function runs its file.

    Raises:
        ConfigError: when there is no such metric, output, file or function, or it is not said which way is better.
    """
    if ":" in name:
        return load_custom(name, higher_is_better, folder, where)
    if name not in BUILT_IN:
        raise ConfigError(
            f"{where}: there is no metric {name!r}", hint=f'known: {", ".join(BUILT_IN)}, or "file.py:function"'
        )
    own = BUILT_IN[name].higher_is_better
    if higher_is_better is not None and higher_is_better != own:
        raise ConfigError(f"{where}: metric.higher_is_better is {str(own).lower()} for {name}")
    found = [spec for spec in outputs if output in (None, spec.name)]
    if not found:
        raise ConfigError(
            f"{where}: metric.output names {output!r}, which the model does not have",
            hint=f"its outputs: {', '.join(spec.name for spec in outputs)}",
        )
    return BuiltInMetric(name=name, output=found[0])
