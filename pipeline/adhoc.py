"""A project without a project file: what a command line can say in a few words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..vocabulary.errors import RequestError
from ..vocabulary.signature import DTYPES, TensorDeclaration
from .config import (
    BundleSection,
    DataSection,
    MetricSection,
    ModelSection,
    Project,
    Selection,
    TargetSection,
    check_rows_apart,
)
from .implied_devices import implied_devices
from .implied_recipes import IMPLIED

WITHOUT_LABELS = ("mse", "mae", "psnr", "cosine")
"""Metrics that can take the original's outputs as the truth."""

WHERE = "the command line"

_DECLARATION = re.compile(r"(?P<name>[^=]+)=(?P<dtype>\w+)\[(?P<shape>[^\]]*)\]")


def model_section(
    source: str,
    *,
    args: Sequence[str] = (),
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    dims: Sequence[str] = (),
) -> ModelSection:
    """Say a model: its source, arguments of its factory, `NAME=DTYPE[SIZES]` for each input, names of outputs.

    `dims` fixes symbolic dimensions, `NAME=SIZE` each.

    Raises:
        RequestError: when an input or a dimension is not said in this form.
    """
    return ModelSection(
        source=source,
        args=tuple(args),
        inputs=dict(map(_declaration, inputs)),
        outputs={name: TensorDeclaration() for name in outputs},
        dims=dict(map(_dimension, dims)),
    )


def selection_of(source: str, *, rows: str | None, labels: str | None = None, option: str) -> Selection:
    """Say data: an `.npz`, or `loader.py:function`. `option` is the one that names the rows, for errors.

    Raises:
        RequestError: when the rows are not `start:stop`.
    """
    function = ":" in source
    try:
        return Selection(
            file=None if function else source, function=source if function else None, rows=rows, labels=labels
        )
    except ValueError as error:
        raise RequestError(f"{option}: {error}") from error


def project_for(
    model: ModelSection,
    *,
    targets: Sequence[str],
    evaluation: Selection | None,
    calibration: Selection | None = None,
    metric: str | None,
    recipes: Sequence[str],
    signing_key: str | None,
    folder: Path,
) -> Project:
    """Give the project that builds `model` for `targets`, each by all `recipes`; paths are relative to `folder`.

    The bundle has the name of the model and version 0.0.0: who wants to release it writes a project file. Artifacts are
    run on this machine, and on a device of its own what this machine does not open itself.

    Raises:
        RequestError: when no target is named, or there is none of some name, a recipe is unknown, a metric lacks its
            labels (or labels their metric), or rows are for calibration and for evaluation both.
    """
    if not targets:
        raise RequestError("no target is named", hint="say -t onnxruntime, or -t more than once")
    unknown = [name for name in recipes if name not in IMPLIED]
    if unknown:
        raise RequestError(
            f"there is no recipe named {unknown[0]!r} without a project file",
            hint=f"known: {', '.join(IMPLIED)}; `edgewright init` writes a project file, which can hold others",
        )
    _check_metric(metric, evaluation)
    data = DataSection(calibration=calibration, evaluation=evaluation)
    check_rows_apart(data, WHERE)
    return Project(
        model=model,
        targets={name: TargetSection(recipes=tuple(recipes)) for name in targets},
        bundle=BundleSection(name=bundle_name(model.source), version="0.0.0", signing_key=signing_key),
        data=data,
        metric=MetricSection(name=metric) if metric is not None else None,
        recipes={name: IMPLIED[name] for name in recipes},
        devices=implied_devices(targets),
        folder=folder,
        where=WHERE,
    )


def bundle_name(source: str) -> str:
    """Give the name of a bundle for a model: `nets/MobileNet v2.onnx` gives `mobilenet-v2`."""
    stem = Path(source.partition(".py:")[0]).name if ".py:" in source else Path(source).stem
    return re.sub(r"[^a-z0-9._]+", "-", stem.lower()).strip("-._") or "model"


def _check_metric(metric: str | None, evaluation: Selection | None) -> None:
    labelled = evaluation is not None and evaluation.labels is not None
    if metric is None and labelled:
        raise RequestError("labels are named, but no metric that would take them", hint="say --metric top1")
    if metric is not None and evaluation is None:
        raise RequestError(f"metric {metric!r} needs evaluation data", hint="say --evaluation data.npz --labels NAME")
    if metric is not None and not labelled and metric not in WITHOUT_LABELS:
        raise RequestError(f"metric {metric!r} needs labels", hint="say --labels with the name of their array")


def _declaration(text: str) -> tuple[str, TensorDeclaration]:
    form = _DECLARATION.fullmatch(text.replace(" ", ""))
    if form is None or form["dtype"] not in DTYPES:
        raise RequestError(
            f"--input: expected NAME=DTYPE[SIZES], got {text!r}",
            hint="for example --input 'image=float32[batch,3,32,32]'",
        )
    sizes = [size for size in form["shape"].split(",") if size]
    shape = tuple(int(size) if size.isdecimal() else size for size in sizes)
    return form["name"], TensorDeclaration(dtype=form["dtype"], shape=shape)


def _dimension(text: str) -> tuple[str, int]:
    name, _, size = text.partition("=")
    if not name or not size.isdecimal() or int(size) < 1:
        raise RequestError(f"--dim: expected NAME=SIZE, got {text!r}", hint="for example --dim batch=1")
    return name, int(size)
