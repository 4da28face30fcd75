"""Asks a process of its own for the time of a tile; one that crashes or hangs costs that trial and no more."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from ....vocabulary.errors import ToolError
from ..schedule.tile import Tile
from ..toolkit import tvm
from .tasks import Task
from .worker import Answer, Job

WORKER: tuple[str, ...] = (sys.executable, "-P", "-m", "edgewright.targets.tvm.tuning.worker")
"""`-P`: what lies in the folder that somebody builds in is not imported."""

TRIAL_S = 60.0
"""The longest that one trial may take; the first of a process imports TVM too. Usual are 0.2 to 1 s."""


class Bench:
    """Times tiles in a child, on one thread. A context manager: the child is gone when it is left."""

    def __init__(self, target: Any, command: Sequence[str] = WORKER, trial_s: float = TRIAL_S) -> None:
        """`target` is a `tvm.target.Target` of this machine; `command` answers as `worker` does."""
        self._target, self._command, self._trial_s = str(target), [*command], trial_s
        self._child: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._log.close()

    def time(self, task: Task, tile: Tile) -> Answer:
        """Give the milliseconds of one tile, or why there are none.

        Raises:
            ToolError: when the child cannot be started.
        """
        job = Job(
            function=str(tvm().ir.save_json(task.function)),
            target=self._target,
            constants=task.constants,
            tile=tile,
        )
        child = self._child = self._child or self._start()
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has died: reading says how
            child.stdin.write(msgspec.json.encode(job) + b"\n")
            child.stdin.flush()
        line = self._line(child)
        if line is not None and line.endswith(b"\n"):
            try:
                return msgspec.json.decode(line, type=Answer)
            except msgspec.MsgspecError as error:
                failure = f"its answer cannot be read: {error}"
        else:
            failure = f"it took more than {self._trial_s:g} s" if line is None else self._death(child)
        self._stop()
        return Answer(failure=failure)

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env={**os.environ, "TVM_NUM_THREADS": "1"},
                start_new_session=True,  # an interrupt is ours to answer: the trial in hand is dropped
            )
        except OSError as error:
            raise ToolError(f"cannot start {self._command[0]}: {error}") from error

    def _line(self, child: subprocess.Popen[bytes]) -> bytes | None:
        """Read until a line is whole or the child's end, which gives what there is; None when time is over."""
        assert child.stdout is not None
        deadline, read = time.monotonic() + self._trial_s, b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while not read.endswith(b"\n"):
                if not selector.select(max(deadline - time.monotonic(), 0.0)):
                    return None
                part = os.read(child.stdout.fileno(), 1 << 16)
                if not part:
                    return read
                read += part
        return read

    def _death(self, child: subprocess.Popen[bytes]) -> str:
        code = child.wait()
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1][-200:]}" if lines else ""
        return f"the process ended by signal {-code}{said}" if code < 0 else f"the process ended with {code}{said}"

    def _stop(self) -> None:
        if self._child is None:
            return
        child, self._child = self._child, None
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):  # what it did not read any more
                pipe.close()
