"""The part that runs on a device: `python -m edgewright.devices.agent JOB.json RESULT.json`.

It reads the job, runs it, and writes the result: `{"runtime", "runtime_version", "emulated", "samples"}`, or
`{"error"}` when the runtime refused the artifact or its inputs, or a file could not be read or written (exit code 1).
Standard library, NumPy and the job's runtime only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, cast

from ...targets.runtime import RunOptions, Runtime, is_emulated
from ...vocabulary.tables import load_object
from .benchmark import benchmark
from .infer import infer
from .inspect import inspect
from .job import AgentJob
from .lifeline import die_with_parent


def main(arguments: list[str]) -> int:
    """Run the job of the first argument and write the result to the second. Give the exit code."""
    die_with_parent()
    job_path, result_path = map(Path, arguments)
    try:
        result, exit_code = run(AgentJob.read(job_path)), 0
    except (ValueError, ImportError, OSError) as error:
        result, exit_code = {"error": f"{type(error).__name__}: {error}"}, 1
    unfinished = result_path.with_name(result_path.name + ".part")
    try:
        unfinished.write_text(json.dumps(result, allow_nan=False) + "\n", "utf-8")
        unfinished.replace(result_path)
    except OSError as error:  # on a full disk it can only be said in the log
        print(result.get("error", f"OSError: {error}"), file=sys.stderr)  # noqa: T201 - as said above
        return 1
    return exit_code


def run(job: AgentJob) -> dict[str, Any]:
    """Run a job and give its result.

    Raises:
        ValueError: when the runtime refuses the artifact or its inputs, or an emulation would be measured.
        ImportError: when the runtime is not installed on the device.
    """
    runtime = cast("type[Runtime]", load_object(job.runtime))()
    emulated, samples = is_emulated(runtime), None
    if job.tensors is not None:
        inspect(runtime, job.artifact, job.threads, job.calls, job.tensors, job.output)
    elif job.procedure is None:
        infer(runtime.load(job.artifact, RunOptions(threads=job.threads)), job.calls, job.output)
    elif emulated:
        raise ValueError(f"{runtime.name} is emulated here, and how fast an emulation is says nothing")
    else:
        samples = benchmark(runtime, job.artifact, job.threads, job.calls, job.procedure)
    return {"runtime": runtime.name, "runtime_version": runtime.version(), "emulated": emulated, "samples": samples}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
