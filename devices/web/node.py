"""Has Node run a job."""

from __future__ import annotations

import os
import subprocess
import threading
from typing import Final

from ...vocabulary.errors import DeviceError
from ...web.assets import built
from ..agent.lifeline import die_with_parent
from .job import Place
from .server import JobServer

URL_VARIABLE: Final = "EDGEWRIGHT_JOB_URL"
"""How Node is told the address: other users of a machine read command lines, but not environments."""


def run_in_node(server: JobServer, place: Place) -> None:
    """Start Node with the job's script and wait until the job's exchange has a result.

    Raises:
        DeviceError: when Node cannot be started.
        ToolError: when the script is not built.
    """
    exchange = server.exchange
    script = built("job.mjs")
    try:
        node = subprocess.Popen(
            [str(place.executable), "--expose-gc", str(script)],
            env={**os.environ, URL_VARIABLE: server.url},
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # no thread runs yet
        )
    except OSError as error:
        raise DeviceError(f"Node does not start: {error}") from error
    exchange.computing = lambda: [node.pid]
    server.start()
    threading.Thread(target=lambda: exchange.crash(_ending(node.wait())), name="edgewright-node", daemon=True).start()
    exchange.result.exception()  # waits; what it is, is told by whoever asks for the result
    node.kill()


def _ending(exit_code: int) -> str:
    how = f"by signal {-exit_code}" if exit_code < 0 else f"with exit code {exit_code}"
    return f"Node ended {how} before the job did"
