"""One case through one target: import, coverage, compile, run, compare. No parity check stands in between."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
import onnx

from ..compiler.cleanup import CLEANUP
from ..compiler.importers.request import Request
from ..compiler.importers.table import import_model
from ..targets.adapt import adapt
from ..targets.artifact import Artifact, Coverage, Handling
from ..targets.base import Options, Target
from ..targets.runtime import RunOptions, Runtime, Session
from ..vocabulary.errors import RequestError
from ..vocabulary.signature import Signature, TensorSpec
from ..vocabulary.tables import load_object
from .cases import Array, Case
from .verdict import IMPORTER, Outcome, Result, Verdict

if TYPE_CHECKING:
    from ..compiler.model import Model

RTOL, ATOL = 1e-3, 1e-4
"""ONNX states its expected outputs to three digits and more; what is wrong is wrong by far more. The relative one is
that of ONNX's own runner of these cases."""

OPTIONS = Options(variant="fp32")

SOURCE = "source"


def judge(case: Case, target: Target) -> Result:
    """Give what `target` makes of a case. Whatever is raised on the way is the case's result."""
    started = time.monotonic()
    given, coverage = _outcome(case, target)
    fixed = None
    if given.verdict is Verdict.REFUSED:
        fixed_case = case.with_inputs_fixed()
        if fixed_case is not None:
            fixed, coverage = _outcome(fixed_case, target)
    return Result(
        case=case.name,
        operator=case.operator,
        given=given,
        fixed=fixed,
        handling=_handling(case.operator, coverage),
        seconds=round(time.monotonic() - started, 3),
    )


def _outcome(case: Case, target: Target) -> tuple[Outcome, Coverage | None]:
    """Give the outcome, and the coverage where the case passed."""
    with tempfile.TemporaryDirectory(prefix="edgewright-conformance-") as name:
        outcome, coverage = _stages(case, target, Path(name))
    # the same words wherever the folder was
    reason = outcome.reason.replace(f"{Path(name) / SOURCE}{os.sep}", "").replace(f"{name}{os.sep}", "")
    return msgspec.structs.replace(outcome, reason=reason), coverage


def _stages(case: Case, target: Target, folder: Path) -> tuple[Outcome, Coverage | None]:
    """Go from stage to stage, until one ends the case."""
    try:
        hub = _hub(case, folder)
    except RequestError as refusal:
        return Outcome(verdict=Verdict.REFUSED, reason=_flat(refusal), by=IMPORTER), None
    except Exception as error:  # noqa: BLE001 - whatever it raises is a finding
        return _failed("import", error), None
    try:
        coverage = target.coverage(hub, OPTIONS)
    except RequestError as refusal:
        return Outcome(verdict=Verdict.REFUSED, reason=_flat(refusal), by=target.name), None
    except Exception as error:  # noqa: BLE001 - as above
        return _failed("coverage", error), None
    if coverage.refused:
        reason = "; ".join(dict.fromkeys(f"{node.op}: {node.detail}" for node in coverage.refused))
        return Outcome(verdict=Verdict.REFUSED, reason=reason, by=target.name), None
    try:
        artifact = target.compile(hub, OPTIONS, folder)
    except RequestError as refusal:
        return Outcome(verdict=Verdict.REFUSED_LATE, reason=_flat(refusal), by=target.name), None
    except Exception as error:  # noqa: BLE001 - as above
        return _failed("compile", error), None
    try:
        runtime = cast("type[Runtime]", load_object(target.formats[OPTIONS.format]))()
        session = runtime.load(folder / artifact.files[0].path, RunOptions())
    except Exception as error:  # noqa: BLE001 - as above
        return _failed("load", error), None
    try:
        gap = _run(case, hub.signature, artifact, session)
    except Exception as error:  # noqa: BLE001 - as above
        return _failed("run", error), None
    return (Outcome(verdict=Verdict.WRONG, reason=gap) if gap else Outcome(verdict=Verdict.PASSED)), coverage


def _hub(case: Case, folder: Path) -> Model:
    """Import the case as any other model, in a folder of its own beside what the target writes."""
    source = folder / SOURCE
    source.mkdir()
    onnx.save(case.model, source / "model.onnx")
    return CLEANUP(import_model(Request(reference="model.onnx", folder=source)).model)


def _run(case: Case, source: Signature, artifact: Artifact, session: Session) -> str:
    """Run the artifact on the case's inputs; give what differs from the expected outputs, "" when nothing does."""
    feeds = {
        taken.name: adapt(case.inputs[spec.name], spec, taken)
        for spec, taken in zip(source.inputs, artifact.signature.inputs, strict=True)
    }
    outputs = session.run(feeds)
    for spec, given in zip(source.outputs, artifact.signature.outputs, strict=True):
        if given.name not in outputs:
            return f"{given.name}: there is no such output"
        if spec.name in case.outputs:
            gap = difference(_as_source(outputs[given.name], given, spec), case.outputs[spec.name])
            if gap:
                return f"{spec.name}: {gap}"
    return ""


def _as_source(got: Array, given: TensorSpec, spec: TensorSpec) -> Array:
    """Give an output as the source has it; as it is where the artifact does not say that it differs."""
    told = given.dtype != spec.dtype or len(given.shape) != len(spec.shape)
    return adapt(got, given, spec) if told else got


def difference(got: Array, wanted: Array) -> str:
    """Say how an output differs from what is expected, in dtype, shape or values; "" when it does not."""
    if got.dtype != wanted.dtype:
        return f"dtype {got.dtype} for {wanted.dtype}"
    if got.shape != wanted.shape:
        return f"shape {list(got.shape)} for {list(wanted.shape)}"
    if wanted.dtype.kind not in "fiubcV":
        unequal = int(np.sum(got != wanted))
        return f"{unequal} of {wanted.size} values differ" if unequal else ""
    if wanted.dtype.kind in "iub":  # exact in any integer type, also beyond what float64 holds
        left, right = got.astype(object), wanted.astype(object)
        apart = np.asarray(abs(left - right) > ATOL + RTOL * abs(right), dtype=bool)
    else:
        left, right = got.astype(np.float64), wanted.astype(np.float64)
        apart = ~np.isclose(left, right, rtol=RTOL, atol=ATOL, equal_nan=True)
    if not apart.any():
        return ""
    index = tuple(int(place[0]) for place in np.nonzero(np.atleast_1d(apart)))
    pair = np.atleast_1d(got)[index], np.atleast_1d(wanted)[index]
    return f"{int(apart.sum())} of {wanted.size} values differ, {pair[0]} for {pair[1]} at {list(index)}"


def _failed(stage: str, error: Exception) -> Outcome:
    return Outcome(verdict=Verdict.FAILED, reason=f"{stage}: {type(error).__name__}: {_flat(error)}")


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())


def _handling(operator: str, coverage: Coverage | None) -> str:
    """What became of the nodes of an operator: `native`, `decomposed`, or both."""
    found = {node.handling for node in coverage.nodes if node.op == operator} if coverage is not None else set()
    return ", ".join(handling for handling in Handling if handling in found)
