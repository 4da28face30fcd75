"""A command run as a child: with a time limit, a memory limit, a bounded log, and nothing left running afterwards."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from ..vocabulary.errors import ToolError
from .log import BoundedLog

POLL_SECONDS = 0.05
"""How often the child is looked at."""
POLL_SHARE = 0.05
"""The share of time that looking at memory may take, so that a child is not slowed down by being watched."""
KILL_SECONDS = 10.0
"""A killed process that is still there after this long sleeps in the kernel and dies when it wakes; it is left to."""
MARK = "EDGEWRIGHT_CHILD_"
"""Prefix of the environment variable by which all descendants of one child are found, whatever group they moved to."""


class Ending(StrEnum):
    """How a child ended."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed-out"
    OVER_MEMORY = "over-memory"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A child that has ended, and with it everything that it started.

    `log` is what it wrote to its standard output and error, head and tail. `peak_memory_bytes` is the largest resident
    memory of the child and its descendants that was seen; None when no memory limit was watched.
    """

    ending: Ending
    exit_code: int
    """The exit code; negative, the number of the signal, when a signal ended it (as in `subprocess`)."""
    failure: str | None
    """What went wrong, completing "the child …" (`was killed by SIGSEGV`); None after exit code 0."""
    log: str
    wall_seconds: float
    peak_memory_bytes: int | None

    def require_success(self, what: str, error: type[ToolError] = ToolError) -> None:
        """Do nothing after exit code 0.

        Raises:
            ToolError: (or `error`) otherwise; the message is `what`, the failure, and the log.
        """
        if self.failure is not None:
            raise error(f"{what} {self.failure}" + (f"\n{self.log.rstrip()}" if self.log.strip() else ""))


def run_child(
    argv: Sequence[str | os.PathLike[str]],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    memory_limit_bytes: int | None = None,
    cancel: threading.Event | None = None,
) -> Finished:
    """Run a command in a session of its own and wait for its end, whatever that is.

    `env` is the whole environment (None: this process's). `memory_limit_bytes` bounds the resident memory of the child
    and its descendants together. When `cancel` is set the child is killed. When this function is left, by whatever
    way, every process that the child started has been killed.

    Raises:
        ToolError: when the command cannot be started.
    """
    mark = f"{MARK}{secrets.token_hex(8)}"
    started = time.monotonic()
    try:
        child = subprocess.Popen(
            [os.fspath(argument) for argument in argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**(os.environ if env is None else env), mark: "1"},
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"cannot start {os.fspath(argv[0])}: {error}") from error
    log = BoundedLog()
    peak = 0 if memory_limit_bytes is not None else None
    try:
        assert child.stdout is not None
        log.follow(child.stdout)
        stopped, peak = _watch(child, started + timeout_s, memory_limit_bytes, cancel)
    finally:
        _kill_all(child, mark)
        text = log.finish()
    failure = _failure(stopped, child.returncode, timeout_s, memory_limit_bytes)
    if stopped is None:
        stopped = Ending.SIGNALLED if child.returncode < 0 else Ending.EXITED
    return Finished(
        ending=stopped,
        exit_code=child.returncode,
        failure=failure,
        log=text,
        wall_seconds=time.monotonic() - started,
        peak_memory_bytes=peak,
    )


def _watch(
    child: subprocess.Popen[bytes], deadline: float, memory_limit_bytes: int | None, cancel: threading.Event | None
) -> tuple[Ending | None, int | None]:
    """Wait until the child ends by itself (None) or must be stopped; with it the peak memory seen."""
    peak = 0 if memory_limit_bytes is not None else None
    pause = POLL_SECONDS
    while True:
        with suppress(subprocess.TimeoutExpired):
            child.wait(min(pause, max(deadline - time.monotonic(), 0.0)))
            return None, peak
        if cancel is not None and cancel.is_set():
            return Ending.CANCELLED, peak
        if time.monotonic() >= deadline:
            return Ending.TIMED_OUT, peak
        if memory_limit_bytes is not None:
            began = time.monotonic()
            memory = _tree_memory_bytes(child.pid)
            peak = max(peak or 0, memory)
            if memory > memory_limit_bytes:
                return Ending.OVER_MEMORY, peak
            pause = max(POLL_SECONDS, (time.monotonic() - began) / POLL_SHARE)


def _tree_memory_bytes(pid: int) -> int:
    total = 0
    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.Error):  # it ended meanwhile
                total += process.memory_info().rss
    return total


def _kill_all(child: subprocess.Popen[bytes], mark: str) -> None:
    """Kill the child's group and its descendants, then whoever else carries its mark, until nobody does."""
    descendants = _descendants(child.pid)  # some overwrite their environment, a browser's do: they lose the mark
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    deadline = time.monotonic() + KILL_SECONDS
    while (left := [*_marked(mark), *filter(_runs, descendants)]) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=POLL_SECONDS)


def _descendants(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):  # it has ended, and they are nobody's children now
        return list(psutil.Process(pid).children(recursive=True))
    return []


def _runs(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # it ended meanwhile, or is another user's
            if process.status() != psutil.STATUS_ZOMBIE and mark in process.environ():
                found.append(process)
    return found


def _failure(stopped: Ending | None, exit_code: int, timeout_s: float, memory_limit_bytes: int | None) -> str | None:
    match stopped:
        case Ending.TIMED_OUT:
            return f"timed out after {timeout_s:g} s"
        case Ending.OVER_MEMORY:
            assert memory_limit_bytes is not None
            return f"went over its memory limit of {memory_limit_bytes / 1e6:g} MB"
        case Ending.CANCELLED:
            return "was cancelled"
    if exit_code < 0:
        return f"was killed by {_signal_name(-exit_code)}"
    return f"ended with exit code {exit_code}" if exit_code else None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        return f"signal {number}"
