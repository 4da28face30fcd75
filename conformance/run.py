"""Cases through a target, in workers that may crash or hang: that takes the one case, and a new worker goes on."""

from __future__ import annotations

import queue
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import IO

import msgspec

from ..vocabulary.errors import ToolError
from .cases import cases
from .verdict import Outcome, Result, Verdict

CASE_SECONDS = 120.0
"""A case takes a fraction of a second; what takes this long hangs, also on a machine that has other work."""
START_SECONDS = 300.0
"""Collecting the cases takes five seconds."""
WORKERS = 2
LOG_TAIL = 400


def run(target: str, names: Sequence[str], *, workers: int = WORKERS) -> Iterator[Result]:
    """Judge the cases of these names; results come in their order, each as soon as those before it are done.

    Raises:
        ToolError: when a worker cannot start.
    """
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        waiting.put(name)
    done: queue.SimpleQueue[Result] = queue.SimpleQueue()
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as threads:
        try:
            futures = [threads.submit(_serve, target, waiting, done, stop) for _ in range(workers)]
            ahead: dict[str, Result] = {}
            for name in names:
                while name not in ahead:
                    with suppress(queue.Empty):
                        result = done.get(timeout=1)
                        ahead[result.case] = result
                        continue
                    for future in futures:
                        if future.done():
                            future.result()  # raises what ended it too early
                yield ahead.pop(name)
            for future in as_completed(futures):
                future.result()
        finally:
            stop.set()


def _serve(
    target: str, waiting: queue.SimpleQueue[str], done: queue.SimpleQueue[Result], stop: threading.Event
) -> None:
    """Give one worker after the other cases until none is left."""
    worker: _Worker | None = None
    try:
        while not stop.is_set():
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            worker = worker or _Worker(target)
            result, worker = _ask(worker, name)
            done.put(result)
    finally:
        if worker is not None:
            worker.end()


def _ask(worker: _Worker, name: str) -> tuple[Result, _Worker | None]:
    """Have a case judged; with the result the worker, None when it did not survive."""
    started = time.monotonic()
    answer = worker.ask(name)
    if isinstance(answer, bytes):
        return msgspec.json.decode(answer, type=Result), worker
    return (
        Result(
            case=name,
            operator=cases()[name].operator,
            given=Outcome(verdict=Verdict.FAILED, reason=answer),
            seconds=round(time.monotonic() - started, 3),
        ),
        None,
    )


class _Worker:
    """A child process that is ready to judge."""

    def __init__(self, target: str) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._child = subprocess.Popen(
            [sys.executable, "-m", "edgewright.conformance.worker", target],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        if self._line(START_SECONDS) != b"ready\n":
            raise ToolError(f"the worker for {target} does not start: {self._ended()}")

    def ask(self, name: str) -> bytes | str:
        """Have a case judged: the answer, or how the worker ended instead."""
        assert self._child.stdin is not None
        self._log.truncate(0)
        try:
            self._child.stdin.write(name.encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            return self._ended()
        line = self._line(CASE_SECONDS)
        return line if line.endswith(b"\n") else self._ended()

    def end(self) -> None:
        """Kill the child; it holds nothing that is worth an orderly end."""
        self._child.kill()
        self._child.communicate()
        self._log.close()

    def _line(self, seconds: float) -> bytes:
        """Read a line; what there is of it when the child ends or the time is up."""
        assert self._child.stdout is not None
        stream, line, deadline = self._child.stdout, b"", time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while not line.endswith(b"\n") and selector.select(max(deadline - time.monotonic(), 0)):
                part = stream.read1()  # type: ignore[attr-defined]  # a pipe of Popen is a BufferedReader
                if not part:
                    break
                line += part
        return line

    def _ended(self) -> str:
        """Say how the child ended, or that it did not, with the end of what it printed; nothing of it is left."""
        try:
            code = self._child.wait(timeout=1)
            how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        except subprocess.TimeoutExpired:
            how = f"no answer within {CASE_SECONDS:g} s"
        self._log.seek(0)
        text = self._log.read().decode(errors="replace").replace("\0", "")
        self.end()
        return " ".join(f"crash: {how}: {text[-LOG_TAIL:]}".split())
