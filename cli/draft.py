"""What a new project file would say, found out by looking at a model, its data and this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..pipeline.adhoc import bundle_name, model_section
from ..pipeline.implied_devices import device_for, is_here
from ..pipeline.peek import ArrayHead, peek
from ..pipeline.places import HERE
from ..targets.table import load_target
from ..vocabulary.errors import DataError, RequestError
from ..vocabulary.precision import Precision
from ..vocabulary.signature import Signature, TensorDeclaration, TensorSpec
from ..web.assets import is_built

if TYPE_CHECKING:
    from ..pipeline.progress import Progress
    from ..pipeline.steps.inspect_model import Inspection
    from .targets import TargetState

MODEL_SUFFIXES = (".onnx", ".pt2")
ASKS: Final[Mapping[str, str]] = {
    "executorch": "for apps with PyTorch's runtime; an artifact takes some seconds",
    "tvm": 'machine code for one CPU, slow until it is tuned: settings = { tune = { budget = "10 min" } }',
    "tensorrt": "for NVIDIA's GPUs, which build the engine themselves",
}
"""Targets that are for some only → what they are for, and what they take."""

NAMES_OF_LABELS = ("label", "labels", "y", "target", "targets")
MOST_CALIBRATION_ROWS = 500
"""Ranges of activations settle within some hundred rows."""
MOST_TUNING_ROWS = 1000
"""A search runs over them once for each artifact that it tries."""
SHARE = 5
"""One row of so many is for calibration, and one for tuning; the rest judges."""
FEWEST_ROWS_TO_SPLIT = 10
FEWEST_ROWS_TO_TUNE = 100
"""With fewer the metric of the tuning rows has steps of more than 5 percentage points."""

INSTALL: Mapping[str, str] = {
    "node": "install Node 20 or newer, which runs its artifacts",
    "chromium": "pip install 'edgewright[browser]', and Chromium or Node 20, which run its artifacts",
}
"""A device that opens what this machine does not → what to do where it is not here."""
NOT_BUILT = "run `make web` in the checkout, which builds what opens its artifacts"

INT8 = Precision.STATIC_WI8_AI8
OPERATORS_OF_INTEGERS = frozenset(
    ("QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
)
"""A model that has one of them was quantized by somebody, and keeps its scales."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataDraft:
    """Rows of a data file, split; `inputs` maps an input to its array where the names differ."""

    file: str
    row_count: int
    calibration: str | None
    tuning: str | None
    evaluation: str
    labels: str | None
    inputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetDraft:
    """A target to build for; `fix` installs what is missing for it, None when nothing is.

    `device` is what opens its artifacts, by a name of `WITHOUT_SETTINGS`.
    """

    name: str
    recipes: tuple[str, ...]
    fix: str | None
    device: str = HERE
    asks: str | None = None
    """What a person should know who takes it; None for a target that is taken unasked."""

    @property
    def is_taken(self) -> bool:
        """Whether the project file has it in force."""
        return self.fix is None and self.asks is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """All that the template puts into words. Paths are relative to the project file.

    `no_integers` says why no recipe of integers is for this model, None where one may be.
    """

    source: str
    args: tuple[str, ...]
    declared: Mapping[str, TensorDeclaration]
    outputs: tuple[str, ...]
    dims: Mapping[str, int]
    signature: Signature
    data: DataDraft | None
    metric: str | None
    no_integers: str | None
    targets: tuple[TargetDraft, ...]
    name: str
    has_key: bool


def find_model(folder: Path) -> str:
    """Give the only model file of a folder.

    Raises:
        RequestError: when there is none, or more than one.
    """
    found = sorted(path.name for path in folder.iterdir() if path.suffix in MODEL_SUFFIXES)
    if len(found) != 1:
        raise RequestError(
            f"which model? this folder holds {', '.join(found)}" if found else "which model? this folder holds none",
            hint="name it: edgewright init model.onnx --data test.npz",
        )
    return str(folder / found[0])


def find_data(folder: Path) -> str | None:
    """Give the only `.npz` of a folder; None when there is none, or more than one."""
    found = sorted(folder.glob("*.npz"))
    return str(found[0]) if len(found) == 1 else None


def draft_of(
    source: str,
    *,
    said: Mapping[str, Sequence[str]],
    data: str | None,
    labels: str | None,
    folder: Path,
    progress: Progress,
) -> Draft:
    """Look at everything named, with paths relative to the working directory.

    `said` are the keyword arguments of `pipeline.adhoc.model_section`.

    Raises:
        RequestError: when the model cannot be imported, or the data does not fit it.
    """
    from ..pipeline.look import inspect
    from ..targets.table import TARGETS
    from .targets import target_state

    if labels is not None and data is None:
        raise RequestError("labels are named, but no data", hint="say --data test.npz")

    args = [_beside(arg, folder) for arg in said.get("args", ())]
    section = model_section(_beside(source, folder), **{**said, "args": args})
    found = inspect(section, folder=folder, targets={}, progress=progress)
    arrays = peek(Path(data)) if data else {}
    split = data_draft(_beside(data, folder), arrays, found.signature, labels) if data else None
    no_integers = reason_against_integers(found)
    calibrates = split is not None and split.calibration is not None and no_integers is None
    return Draft(
        source=section.source,
        args=section.args,
        declared=section.inputs,
        outputs=tuple(section.outputs),
        dims=section.dims,
        signature=found.signature,
        data=split,
        metric=metric_for(split, arrays, found.signature) if split else None,
        no_integers=no_integers,
        targets=tuple(target_draft(target_state(name), calibrates=calibrates) for name in TARGETS.names),
        name=bundle_name(section.source),
        has_key=bool(os.environ.get("EDGEWRIGHT_SIGNING_KEY")),
    )


def data_draft(file: str, arrays: Mapping[str, ArrayHead], signature: Signature, labels: str | None) -> DataDraft:
    """Find the array of each input and split the rows.

    Raises:
        DataError: when an input has no array that fits, or the labels are not there.
    """
    if labels is not None and labels not in arrays:
        raise DataError(f"{file} has no array {labels!r}", hint=f"it holds: {', '.join(arrays)}")
    names = {spec.name for spec in signature.inputs}
    if labels is None:
        labels = next((name for name in NAMES_OF_LABELS if name in arrays and name not in names), None)
    chosen = {spec.name: _array_for(spec, arrays, labels, file) for spec in signature.inputs}
    row_count = arrays[next(iter(chosen.values()))].shape[0]
    calibration, tuning = 0, 0
    if row_count >= FEWEST_ROWS_TO_SPLIT:
        calibration = min(row_count // SHARE, MOST_CALIBRATION_ROWS)
    if row_count >= FEWEST_ROWS_TO_TUNE and labels is not None:
        tuning = min(row_count // SHARE, MOST_TUNING_ROWS)
    return DataDraft(
        file=file,
        row_count=row_count,
        calibration=f"0:{calibration}" if calibration else None,
        tuning=f"{calibration}:{calibration + tuning}" if tuning else None,
        evaluation=f"{calibration + tuning}:{row_count}",
        labels=labels,
        inputs={name: array for name, array in chosen.items() if name != array},
    )


def reason_against_integers(found: Inspection) -> str | None:
    """Say why a model as it was looked at should not be quantized; None where it may be."""
    if not OPERATORS_OF_INTEGERS.isdisjoint(found.ops):
        return "the model has integers already, and they keep their scales"
    if not found.kernels.shares:
        return "the model has no convolutions or products to compute in integers"
    return None


def metric_for(data: DataDraft, arrays: Mapping[str, ArrayHead], signature: Signature) -> str | None:
    """Guess the metric that labels of this kind are for: classes or values; None when they could be anything."""
    if data.labels is None:
        return None
    head, output = arrays[data.labels], signature.outputs[0]
    if head.kind in "iu" and len(head.shape) == 1 and len(output.shape) == 2 and output.dtype.startswith("float"):
        return "top1"
    if head.kind == "f" and len(head.shape) == len(output.shape):
        return "mse"
    return None


def _array_for(spec: TensorSpec, arrays: Mapping[str, ArrayHead], labels: str | None, file: str) -> str:
    if spec.name in arrays:
        return spec.name
    fitting = [name for name, head in arrays.items() if name != labels and _fits(head, spec)]
    if len(fitting) != 1:
        held = ", ".join(f"{name} {head}" for name, head in arrays.items())
        raise DataError(
            f"{file} has no array for input {spec.name!r} ({spec.dtype}[{', '.join(map(str, spec.shape))}])",
            hint=f"it holds {held}; name the array like the input",
        )
    return fitting[0]


def _fits(head: ArrayHead, spec: TensorSpec) -> bool:
    rows = spec.shape[1:] if len(head.shape) == len(spec.shape) else spec.shape
    return (
        head.dtype == spec.dtype
        and len(head.shape) == len(rows) + 1
        and all(isinstance(size, str) or size == got for size, got in zip(rows, head.shape[1:], strict=True))
    )


def _beside(name: str, folder: Path) -> str:
    """Give a path as seen from the project's folder; what names no file stays as it is."""
    file, separator, attribute = name.partition(":")
    if not Path(file).is_file():
        return name
    return Path(os.path.relpath(file, folder)).as_posix() + separator + attribute


def target_draft(state: TargetState, *, calibrates: bool) -> TargetDraft:
    """Choose recipes for a target; `calibrates` says that there are rows that ranges can be taken from."""
    recipes = ["fp32"]
    if "fp16" in state.precisions and state.name != "onnxruntime":  # on a CPU it computes in fp32 either way
        recipes.append("fp16")
    if calibrates and INT8 in state.precisions:
        recipes.append("int8")
    device = device_for(load_target(state.name)) or HERE
    install = INSTALL.get(device) if is_built() else NOT_BUILT
    fix = state.fix or (None if is_here(device) else install)
    asks = ASKS.get(state.name)
    return TargetDraft(name=state.name, recipes=tuple(recipes), fix=fix, device=device, asks=asks)
