"""Looks at a model without building anything."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..targets.base import Options
from .child import run_step
from .config import ModelSection
from .progress import Progress
from .steps.inspect_model import Inspection, InspectModel, read_inspection
from .told import told

VARIANT = "fp32"
"""The variant that targets are asked about: the model as trained."""


def options_for(targets: Sequence[str]) -> dict[str, Options]:
    """Say for each target what it is asked about."""
    return {name: Options(variant=VARIANT) for name in targets}


def inspect(model: ModelSection, *, folder: Path, targets: Mapping[str, Options], progress: Progress) -> Inspection:
    """Import a model in a child and say what it is, and what each of `targets` would do with it.

    Paths of the model are relative to `folder`.

    Raises:
        RequestError: when the model cannot be read, or something that it needs is not said or not installed.
        ToolError: when the import crashed, hung or ran out of memory.
    """
    step = InspectModel(folder=str(folder.absolute()), model=model, targets=dict(targets))
    with told(step.title, progress), tempfile.TemporaryDirectory(prefix="edgewright-") as scratch:
        out = Path(scratch, "out")
        out.mkdir()
        run_step(step, out)
        return read_inspection(out)
