"""The child of a web device: `python -m edgewright.devices.web JOB.json RESULT.json`.

It serves the job on this machine, has Chromium or Node run it, and writes the result as `devices.agent` does, or what
the place is when the job asks for that: `{"program", "features", "engines", "cores", "gpu"}`. An error is
`{"error"}` with exit code 1, with a `hint` and `see_log` when not the job but what runs it is at fault.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ...vocabulary.errors import EdgewrightError
from ...web.assets import built
from ..agent.lifeline import die_with_parent
from .exchange import exchange_for
from .job import WebJob
from .server import JobServer


def main(arguments: list[str]) -> int:
    """Run the job of the first argument and write the result to the second. Give the exit code."""
    die_with_parent()
    job_path, result_path = map(Path, arguments)
    try:
        result, exit_code = run(WebJob.read(job_path)), 0
    except EdgewrightError as error:
        result, exit_code = {"error": error.message, "hint": error.hint, "see_log": True}, 1
    except (ValueError, OSError) as error:
        result, exit_code = {"error": str(error)}, 1
    unfinished = result_path.with_name(result_path.name + ".part")
    unfinished.write_text(json.dumps(result, allow_nan=False) + "\n", "utf-8")
    unfinished.replace(result_path)
    return exit_code


def run(job: WebJob) -> dict[str, Any]:
    """Run a job and give its result.

    Raises:
        ValueError: when the engine refuses the artifact or its inputs, lacks the backend, or has no memory left.
        DeviceError: when the browser or Node cannot be started, or ended.
        ToolError: when the page is not built.
    """
    exchange = exchange_for(job.place, job.run)
    server = JobServer(exchange, built("job.js").parent)
    if job.place.kind == "browser":
        from .chromium import run_in_chromium

        run_in_chromium(server, job.place)
    else:
        from .node import run_in_node

        run_in_node(server, job.place)
    return exchange.result.result()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
