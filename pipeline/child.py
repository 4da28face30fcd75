"""Runs one step in a process of its own: a crash, a hang or a leak there is that step's failure and no other's.

`python -m edgewright.pipeline.child STEP.json OUT`: the step is read, and run into the folder OUT. What went wrong is
written beside it, to `OUT.error.json`, so that the parent can raise it again as what it was.
"""

from __future__ import annotations

import sys
import threading
import traceback
from pathlib import Path
from typing import Final

import msgspec

from ..devices.process import run_child
from ..vocabulary import errors
from .steps.build_on_device import BuildOnDevice
from .steps.calibrate import Calibrate
from .steps.compare_tensors import CompareTensors
from .steps.compile_kernels import CompileKernels
from .steps.compile_model import CompileModel
from .steps.cut_model import CutModel
from .steps.draw_for_artifact import DrawForArtifact
from .steps.evaluate import Evaluate
from .steps.find_moments import FindMoments
from .steps.import_model import ImportModel
from .steps.import_student import ImportStudent
from .steps.inspect_model import InspectModel
from .steps.join_artifacts import JoinArtifacts
from .steps.list_factored import ListFactored
from .steps.list_kernels import ListKernels
from .steps.rank_nodes import RankNodes
from .steps.read_function import ReadFunction
from .steps.read_rows import ReadRows
from .steps.run_made import RunMade
from .steps.trace_tensors import TraceTensors
from .steps.train_model import TrainModel
from .steps.tune_model import TuneModel

AnyStep = (
    ImportModel
    | ReadRows
    | Calibrate
    | FindMoments
    | RankNodes
    | CompileModel
    | Evaluate
    | InspectModel
    | DrawForArtifact
    | TraceTensors
    | CutModel
    | CompareTensors
    | ListKernels
    | CompileKernels
    | JoinArtifacts
    | TuneModel
    | ImportStudent
    | ReadFunction
    | TrainModel
    | RunMade
    | BuildOnDevice
    | ListFactored
)

FAILED = 70
"""The exit code of a child that has written `OUT.error.json`, or said in the last line of its log why it could not."""


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    message: str
    hint: str | None


_PROBLEM: Final = msgspec.json.Decoder(_Problem)
"""Made on import: what msgspec finds out of a type when it first meets it is no work for two threads at once."""


def run_step(
    step: AnyStep,
    out: Path,
    *,
    timeout_s: float = 1800.0,
    memory_limit_bytes: int | None = None,
    cancel: threading.Event | None = None,
) -> str:
    """Run a step in a child, into the empty folder `out`, and give its log.

    Raises:
        EdgewrightError: what the step raised, of the same class.
        ToolError: when the child crashed, hung or ran out of memory; the message holds the end of its log.
    """
    request, problem = out.with_name(out.name + ".step.json"), out.with_name(out.name + ".error.json")
    request.write_bytes(msgspec.json.encode(step))
    finished = run_child(
        [sys.executable, "-P", "-m", "edgewright.pipeline.child", str(request), str(out)],
        timeout_s=timeout_s,
        memory_limit_bytes=memory_limit_bytes,
        cancel=cancel,
    )
    if problem.exists():
        found = _PROBLEM.decode(problem.read_bytes())
        error: errors.EdgewrightError = getattr(errors, found.kind)(found.message, hint=found.hint)
        error.add_note(finished.log)
        raise error
    if finished.exit_code == FAILED and finished.log.strip():
        raise errors.ToolError(
            finished.log.strip().splitlines()[-1], hint="EDGEWRIGHT_CACHE_DIR moves the cache to another disk"
        )
    finished.require_success(f"{step.title}: the child")
    request.unlink()
    return finished.log


def main(request: Path, out: Path) -> int:
    """Run the step that `request` holds; the process's exit code."""
    step = msgspec.json.decode(request.read_bytes(), type=AnyStep)
    try:
        step.run(out)
    except errors.EdgewrightError as error:
        problem = _Problem(kind=type(error).__name__, message=error.message, hint=error.hint)
    except OSError as error:
        problem = _Problem(kind="ToolError", message=f"{step.title}: {error}", hint=None)
    except MemoryError:
        problem = _Problem(kind="ToolError", message=f"{step.title}: out of memory", hint=None)
    except Exception as error:  # noqa: BLE001 - a bug in one step is that step's failure, told in one line
        traceback.print_exc()
        problem = _Problem(
            kind="ToolError",
            message=f"{step.title}: {type(error).__name__}: {error}",
            hint="this is a bug in edgewright; --debug shows the traceback",
        )
    else:
        return 0
    _leave(problem, out.with_name(out.name + ".error.json"))
    return FAILED


def _leave(problem: _Problem, path: Path) -> None:
    """Write the problem whole or not at all; on a full disk it can only be said in the log."""
    fresh = path.with_suffix(".part")
    try:
        fresh.write_bytes(msgspec.json.encode(problem))
        fresh.replace(path)
    except OSError as error:
        words = problem.message.replace("\n", " ")
        print(f"{words}; nor can that be written: {error}", file=sys.stderr)  # noqa: T201 - the log is all that is left


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
