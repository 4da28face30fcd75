"""What a `build` line asks for, turned into a project."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..pipeline.config import Project

KEY_VARIABLE = "EDGEWRIGHT_SIGNING_KEY"
ALLOW_NOT_RUN = "allow_not_run"
"""The key of `[gates]` that names gates which may be not-run."""

_NEEDS_A_MODEL = {
    "args": "--arg",
    "inputs": "--input",
    "outputs": "--output",
    "dims": "--dim",
    "calibration": "--calibration",
    "calibration_rows": "--calibration-rows",
    "evaluation": "--evaluation",
    "rows": "--rows",
    "labels": "--labels",
    "metric": "--metric",
    "recipes": "--recipe",
    "key": "--key",
}
_GOES_WITH = {
    "rows": ("--rows", "evaluation"),
    "labels": ("--labels", "evaluation"),
    "calibration_rows": ("--calibration-rows", "calibration"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRequest:
    """The options that say what is built; each is as click gives it, empty or None when it was not given."""

    model: str | None
    folder: Path | None
    targets: tuple[str, ...]
    calibration: str | None
    calibration_rows: str | None
    evaluation: str | None
    rows: str | None
    labels: str | None
    metric: str | None
    recipes: tuple[str, ...]
    key: str | None
    args: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    dims: tuple[str, ...]
    allowed: tuple[str, ...]

    def project(self) -> Project:
        """Give the project: of the project file, or made from the line when a model is named.

        Raises:
            click.UsageError: when options contradict each other.
            RequestError: when the project file or the line says something that cannot be meant.
        """
        import msgspec

        project = self._read() if self.model is None else self._make(self.model)
        if not self.allowed:
            return project
        targets = {
            name: msgspec.structs.replace(section, gates=self._allow(section.gates))
            if ALLOW_NOT_RUN in section.gates
            else section
            for name, section in project.targets.items()
        }
        return msgspec.structs.replace(project, gates=self._allow(project.gates), targets=targets)

    def _allow(self, gates: dict[str, Any]) -> dict[str, Any]:
        said = gates.get(ALLOW_NOT_RUN, [])
        return {**gates, ALLOW_NOT_RUN: [*said, *self.allowed]} if isinstance(said, list) else gates

    def _read(self) -> Project:
        from ..pipeline.config import load_project, with_targets

        for name, flag in _NEEDS_A_MODEL.items():
            if getattr(self, name):
                raise click.UsageError(f"{flag} goes with a MODEL; without one the project file says it")
        return with_targets(load_project(self.folder or Path()), self.targets)

    def _make(self, model: str) -> Project:
        from ..pipeline.adhoc import model_section, project_for, selection_of

        if self.folder is not None:
            raise click.UsageError("name a MODEL or a --project, not both")
        for name, (flag, data) in _GOES_WITH.items():
            if getattr(self, name) and getattr(self, data) is None:
                raise click.UsageError(f"{flag} goes with --{data}")
        key = self.key or (f"env:{KEY_VARIABLE}" if os.environ.get(KEY_VARIABLE) else None)
        return project_for(
            model_section(model, args=self.args, inputs=self.inputs, outputs=self.outputs, dims=self.dims),
            targets=self.targets,
            evaluation=selection_of(self.evaluation, rows=self.rows, labels=self.labels, option="--rows")
            if self.evaluation is not None
            else None,
            calibration=selection_of(self.calibration, rows=self.calibration_rows, option="--calibration-rows")
            if self.calibration is not None
            else None,
            metric=self.metric,
            recipes=self.recipes or ("fp32",),
            signing_key=key,
            folder=Path.cwd(),
        )
