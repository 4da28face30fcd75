"""Walks an artifact beside the reference and names the first tensor where they part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..devices.base import Device
from ..profiles.bisection import Bisection, Way
from ..vocabulary.errors import RequestError
from .cache import Cache, default_cache_folder
from .config import Project
from .imported import Imported
from .making import compile_step_of, make
from .on_device import Place, calls_of, prove
from .places import check_opened, devices_of, openers
from .plan import PlannedArtifact, drawn_sizes, plan_artifacts
from .preparation import Preparation, check_data
from .progress import Progress
from .rows_compared import parity_of_file, rows_compared, worst_rows
from .runner import Runner
from .settling import Settling, check_searches
from .steps.evaluate import Evaluate
from .steps.import_model import ImportModel
from .steps.trace_tensors import TraceTensors
from .tensor_walk import TensorWalker

CALLS = 8
"""Calls that are compared: enough to see where numbers part, few enough that all tensors of all calls fit on a disk."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BisectRequest:
    """What is asked for: an artifact of the project by its name, or another file of the same, and how it is looked at.

    `rows` are the rows to look at; without any, up to `calls` calls, on the rows where the artifact is furthest off and
    on the first. `device` names a device of the project, None the first that opens the artifact. With `way` CUT the
    model is cut even where the runtime shows inner tensors; None chooses.
    """

    artifact: str
    file: Path | None = None
    calls: int = CALLS
    rows: tuple[int, ...] = ()
    device: str | None = None
    way: Way | None = None


def bisect(project: Project, request: BisectRequest, *, progress: Progress, cache: Cache | None = None) -> Bisection:
    """Compile the artifact (or take it from the cache), run it and the model behind it, and compare every tensor.

    The reference is the hub model behind the steps of the recipe that leave the precision alone, run by onnxruntime
    without optimisations.

    Raises:
        RequestError: when the project has no such artifact or device, the device does not open it, or the file is
            another model's, or there is no such row.
        EdgewrightError: when the artifact cannot be made or run.
    """
    planned = plan_artifacts(project)
    chosen = next((item for item in planned if item.name == request.artifact), None)
    if chosen is None:
        raise RequestError(
            f"{project.where} makes no artifact named {request.artifact!r}",
            hint=f"it makes: {', '.join(item.name for item in planned)}",
        )
    check_data(project, (chosen,))
    check_searches(project, (chosen,))
    devices = devices_of(project)
    check_opened((chosen,), devices, project.where)
    device = _device(project, devices, chosen, request.device)
    runner = Runner(cache or Cache(default_cache_folder()), progress)
    imported = Imported(runner.reading(ImportModel.of(project, project.data.evaluation, drawn_sizes(project))))
    preparation = Preparation(project, imported, runner)
    # judged where a build judges, so that its search is found in the cache
    judge = openers(devices, chosen.runtime)[0]
    places = (Place(device=judge, facts=judge.facts()),)
    chosen = Settling(project, runner, places, preparation, imported).settle(chosen)
    compile_step = compile_step_of(chosen, preparation)
    subject = make(chosen, preparation, runner)
    file = request.file.absolute() if request.file is not None else subject.opened
    if not file.is_file():
        raise RequestError(f"{file}: there is no such file")
    count = imported.inputs.row_count
    if request.rows and not all(row < count for row in request.rows):
        raise RequestError(f"there is no row {max(request.rows)}", hint=f"there are {count}, counted from 0")
    if request.way is Way.CUT and request.file is not None:
        raise RequestError("a file cannot be cut", hint="leave the file out: then the artifact is compiled again")
    with runner.cache.workspace() as scratch:
        trace = runner.step(TraceTensors(compile=compile_step, artifact=str(file)))  # refuses a file of another model
        worst: Sequence[int] = request.rows
        if not worst and request.file is not None:
            worst = worst_rows(parity_of_file(subject, file, device, imported, runner, scratch))
        elif not worst:  # a build has found it out, and kept it
            judged = Evaluate.of(project, imported.signature, subject.artifact, imported.folder)
            place = Place(device=device, facts=device.facts())
            worst = worst_rows(prove(subject, place, judged, imported, runner).parity)
        rows = rows_compared(
            worst,
            calls=len(request.rows) or request.calls,
            rows_per_call=calls_of(imported.reference, imported),
            row_count=count,
        )
        return TensorWalker(subject, file, compile_step, trace, imported, device, runner, scratch, rows).walk(
            request.way,
            can_cut=request.file is None,
            inputs="drawn" if project.data.evaluation is None else "evaluation",
        )


def _device(project: Project, devices: Sequence[Device], chosen: PlannedArtifact, name: str | None) -> Device:
    if name is None:
        return openers(devices, chosen.runtime)[0]
    device = next((each for each in devices if each.name == name), None)
    if device is None:
        raise RequestError(
            f"{project.where} has no device named {name!r}", hint=f"it has: {', '.join(project.devices)}"
        )
    reason = device.cannot_open(chosen.runtime)
    if reason is not None:
        others = ", ".join(each.name for each in openers(devices, chosen.runtime))
        raise RequestError(f"{name} does not open {chosen.name}: {reason}", hint=f"devices that do: {others}")
    return device
