"""Looks at a model without building anything."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ..devices.table import make_device
from ..targets.base import Options
from ..targets.table import load_target, require_installed
from ..vocabulary.errors import RequestError
from ..vocabulary.precision import Precision
from .cache import Cache, default_cache_folder
from .child import run_step
from .config import ModelSection
from .forecast import foretell
from .on_device import Place, is_emulated_at
from .progress import Progress
from .runner import Runner
from .steps.inspect_model import Inspection, InspectModel, read_inspection
from .told import told

FORETOLD = Precision.STATIC_WI8_AI8
"""The precision that is asked about where a project does not say one."""

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


def with_forecasts(found: Inspection, *, progress: Progress) -> Inspection:
    """Add for each target that can be built here whether int8 would be faster than float32 on this machine.

    Kernels with the shapes of the model's own are compiled and measured; what was measured before is taken from the
    cache.

    Raises:
        ToolError: when a kernel could not be compiled or measured.
    """
    device = make_device("here", {"kind": "local"}, "inspect")
    place, runner = Place(device=device, facts=device.facts()), Runner(Cache(default_cache_folder()), progress)
    forecasts = []
    for name in found.targets:
        target = load_target(name)
        try:
            require_installed(target)
        except RequestError:  # the outlook says so already
            continue
        reason = device.cannot_open(next(iter(target.formats.values())))
        if reason is not None:
            progress.announced(f"{name} is not opened here: whether {FORETOLD} is faster cannot be foretold")
        elif is_emulated_at(device.kind, next(iter(target.formats.values()))):
            progress.announced(f"{name} is emulated here: whether {FORETOLD} is faster cannot be foretold")
        elif FORETOLD in target.schemes() and found.kernels.shares:
            forecasts.append(foretell(target, FORETOLD, found.kernels, place, runner))
    return msgspec.structs.replace(found, forecasts=tuple(each for each in forecasts if each is not None))
