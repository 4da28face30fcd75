"""The project file `edgewright.toml`: its sections, read strictly."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec

from ..vocabulary.codec import convert, refuse
from ..vocabulary.errors import ConfigError, RequestError
from ..vocabulary.signature import TensorDeclaration
from .implied_recipes import IMPLIED

PROJECT_FILE = "edgewright.toml"


class ModelSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The trained model: where it is and what it does not say of itself."""

    source: str
    """`model.onnx`, `model.pt2`, `file.py:factory` or `package.module:factory`."""
    args: tuple[str, ...] = ()
    """Arguments of the factory; one that names a file beside the project file becomes its absolute path."""
    inputs: dict[str, TensorDeclaration] = msgspec.field(default_factory=dict)
    outputs: dict[str, TensorDeclaration] = msgspec.field(default_factory=dict)
    """Names in order; a plain list of names is read as names with nothing declared."""
    dims: dict[str, int] = msgspec.field(default_factory=dict)
    """Symbolic dimensions to fix, for every target."""


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows of a data file, or of what a function gives.

    Exactly one of `file` (an `.npz` with one array an input) and `function` (`loader.py:function`, which gives
    `{name: array}`) is set. `rows` is `"start:stop"`; `labels` names the array that holds the labels; `inputs` names
    the array of an input where the two names differ (`{ bytes = "x" }`).
    """

    file: str | None = None
    function: str | None = None
    rows: str | None = None
    labels: str | None = None
    inputs: dict[str, str] = msgspec.field(default_factory=dict)

    _ROWS = re.compile(r"(\d*):(\d*)")

    def __post_init__(self) -> None:
        if (self.file is None) == (self.function is None):
            raise ValueError('expected `file = "data.npz"` or `function = "loader.py:function"`, one of them')
        if self.rows is not None and self._ROWS.fullmatch(self.rows) is None:
            raise ValueError(f'expected rows as "start:stop", got {self.rows!r}')

    def overlaps(self, other: Selection) -> bool:
        """Whether the two name a row of one file or function in common."""
        if self.function != other.function or _plain(self.file) != _plain(other.file):
            return False
        return max(self._start, other._start) < min(self._stop, other._stop)

    @property
    def _start(self) -> int:
        return int((self.rows or ":").partition(":")[0] or 0)

    @property
    def _stop(self) -> float:
        return float((self.rows or ":").partition(":")[2] or "inf")

    def bounds(self, row_count: int) -> tuple[int, int]:
        """Give the first row and the row behind the last, for data of `row_count` rows.

        Raises:
            ConfigError: when the selection is empty or reaches beyond the data.
        """
        start, stop = self._start, row_count if self._stop == math.inf else int(self._stop)
        if not row_count:
            raise ConfigError(
                f"{self.file or self.function}: there are no rows in it",
                hint="the first axis of every array counts the rows; this one has none",
            )
        if not start < stop <= row_count:
            raise ConfigError(
                f"{self.file or self.function}: rows {self.rows or ':'} select nothing, or more than there is",
                hint=f"the data has {row_count} rows",
            )
        return start, stop


def _plain(file: str | None) -> str | None:
    """Give one spelling of a path: `./a.npz` is `a.npz`."""
    return None if file is None else os.path.normpath(file)


class DataSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rows are for what. `tuning` rows are those that searches may look at; the calibration rows by default.

    `training` rows are those that steps of recipes learn from. `ranges` names files that earlier builds left; they
    stand in for a calibration on rows.
    """

    calibration: Selection | None = None
    evaluation: Selection | None = None
    tuning: Selection | None = None
    training: Selection | None = None
    ranges: tuple[str, ...] = ()


class MetricSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task metric: one of the built-in names, or `file.py:function` with `higher_is_better` said."""

    name: str
    output: str | None = None
    higher_is_better: bool | None = None


class TargetSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is built for one target."""

    recipes: tuple[str, ...] = ("fp32",)
    formats: tuple[str, ...] = ("",)
    dims: dict[str, int] = msgspec.field(default_factory=dict)
    layout: dict[str, str] = msgspec.field(default_factory=dict)
    io: Literal["float", "int8"] = "float"
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    gates: dict[str, Any] = msgspec.field(default_factory=dict)


class BundleSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the bundle is called and who signs it.

    `signing_key` is `env:NAME` (the variable holds the PEM text) or the path of a PEM file. `golden_rows` names rows of
    the evaluation data that may be shipped as golden vectors; without it they are drawn from the signature.
    """

    name: str
    version: str
    signing_key: str | None = None
    golden_rows: str | None = None


class ProjectFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sections of a project file."""

    model: ModelSection
    targets: dict[str, TargetSection]
    bundle: BundleSection
    data: DataSection = DataSection()
    metric: MetricSection | None = None
    recipes: dict[str, tuple[Any, ...]] = msgspec.field(default_factory=dict)
    """Steps by name; the names of precisions need not be among them."""
    gates: dict[str, Any] = msgspec.field(default_factory=dict)
    devices: dict[str, dict[str, Any]] = msgspec.field(default_factory=lambda: {"here": {"kind": "local"}})


class Project(ProjectFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project file, read and checked; paths in it are relative to `folder`, and `where` names it in errors."""

    folder: Path = Path()
    where: str = PROJECT_FILE


def load_project(path: Path) -> Project:
    """Read a project file, or the `edgewright.toml` of a folder.

    Raises:
        ConfigError: when there is none, it is no TOML, or says something that cannot be meant; the message names the
            dotted key.
    """
    path = path / PROJECT_FILE if path.is_dir() else path
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no project file", hint="write one with `edgewright init`, or name a model to build"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    project = parse_project(text, folder=path.parent.resolve(), where=path.name)
    declared = {
        kind: {
            name: _read_labels(project, f"{kind}.{name}", said) for name, said in getattr(project.model, kind).items()
        }
        for kind in ("inputs", "outputs")
    }
    return msgspec.structs.replace(project, model=msgspec.structs.replace(project.model, **declared))


def with_targets(project: Project, names: Sequence[str]) -> Project:
    """Give the project with these of its targets; with all when none is named.

    Raises:
        RequestError: when it has no target of some name.
    """
    unknown = [name for name in names if name not in project.targets]
    if unknown:
        raise RequestError(
            f"{project.where} has no target {unknown[0]!r}", hint=f"it has: {', '.join(project.targets)}"
        )
    return msgspec.structs.replace(project, targets={name: project.targets[name] for name in names or project.targets})


def parse_project(text: str, *, folder: Path, where: str = PROJECT_FILE) -> Project:
    """Parse the text of a project file.

    Raises:
        ConfigError: when it is no TOML, or says something that cannot be meant.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}") from error
    file = _with_implied(convert(_expand_shorthands(table, where), ProjectFile, where))
    _check_references(file, where)
    sections = {name: getattr(file, name) for name in file.__struct_fields__}
    return Project(**sections, folder=folder, where=where)


def _with_implied(file: ProjectFile) -> ProjectFile:
    """Add the recipes that targets name, that the file does not define, and that are names of precisions."""
    named = {recipe for target in file.targets.values() for recipe in target.recipes}
    implied = {name: steps for name, steps in IMPLIED.items() if name in named}
    return msgspec.structs.replace(file, recipes={**implied, **file.recipes})


def _read_labels(project: Project, place: str, declared: TensorDeclaration) -> TensorDeclaration:
    if not isinstance(declared.labels, str):
        return declared
    try:
        labels = (project.folder / declared.labels).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{project.where}: model.{place}.labels: {error}") from error
    return msgspec.structs.replace(declared, labels=tuple(labels))


def _expand_shorthands(table: dict[str, Any], where: str) -> dict[str, Any]:
    model = table.get("model")
    if isinstance(model, dict) and isinstance(model.get("outputs"), list):
        if not all(isinstance(name, str) for name in model["outputs"]):
            raise refuse(where, "model.outputs", "a list of names", model["outputs"])
        table = {**table, "model": {**model, "outputs": {name: {} for name in model["outputs"]}}}
    data = table.get("data")
    if isinstance(data, dict):
        table = {
            **table,
            "data": {
                key: _expand_selection(key, value) if isinstance(value, str) else value for key, value in data.items()
            },
        }
    return table


def _expand_selection(key: str, text: str) -> Any:
    if key == "ranges":
        return [text]
    return {"function": text} if ":" in text else {"file": text}


def _check_references(project: ProjectFile, where: str) -> None:
    if not project.targets:
        raise ConfigError(f"{where}: no target is asked for", hint="add a section such as [targets.onnxruntime]")
    if not project.devices:
        raise ConfigError(f"{where}: no device to run on", hint='add [devices.here] with kind = "local"')
    for name, target in project.targets.items():
        for key in ("recipes", "formats"):
            if not getattr(target, key):
                raise ConfigError(
                    f"{where}: targets.{name}.{key} is empty, so nothing would be built",
                    hint=f"name one, or take the section [targets.{name}] out",
                )
        for recipe in target.recipes:
            if recipe not in project.recipes:
                raise ConfigError(
                    f"{where}: targets.{name}.recipes names {recipe!r}, which [recipes] does not have",
                    hint=_known_recipes(recipe, project.recipes),
                )
    if project.bundle.golden_rows is not None and project.data.evaluation is None:
        raise ConfigError(
            f"{where}: bundle.golden_rows names rows of evaluation data, and there is none",
            hint="say data.evaluation, or leave golden_rows out: golden vectors are then drawn from the signature",
        )
    check_rows_apart(project.data, where)
    if project.metric is not None and (project.data.evaluation is None or project.data.evaluation.labels is None):
        reference_free = ("mse", "mae", "psnr", "cosine")
        if project.data.evaluation is None or project.metric.name not in reference_free:
            raise ConfigError(
                f"{where}: metric {project.metric.name!r} needs labelled evaluation data",
                hint='say data.evaluation = { file = "…npz", labels = "…" }',
            )


def check_rows_apart(data: DataSection, where: str) -> None:
    """Check that no row is looked at before it judges. Rows for calibration may be among those for training.

    Raises:
        ConfigError: when calibration, tuning or training rows are evaluation rows too, or training rows tuning rows.
    """
    looked_at = {"calibration": data.calibration, "tuning": data.tuning, "training": data.training}
    for name, selection in looked_at.items():
        if selection is not None and data.evaluation is not None and selection.overlaps(data.evaluation):
            raise ConfigError(
                f"{where}: {name} rows are among the evaluation rows, and no row judges what it was used for",
                hint=f"give data.{name} (--calibration-rows) other rows than data.evaluation (--rows)"
                if name == "calibration"
                else f"give data.{name} other rows than data.evaluation",
            )
    if data.training is not None and data.tuning is not None and data.training.overlaps(data.tuning):
        raise ConfigError(
            f"{where}: training rows are among the tuning rows, and no row judges what was learned from it",
            hint="give data.tuning, by which searches judge, other rows than data.training",
        )


def _known_recipes(name: str, defined: Mapping[str, Any]) -> str:
    known = list(dict.fromkeys([*defined, *IMPLIED]))
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]!r}?" if near else f"known recipes: {', '.join(known)}"
