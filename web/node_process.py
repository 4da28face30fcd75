"""A Node process that keeps sessions: requests go to its standard input, answers come from its standard output.

The form of a message stands in `src/worker.ts`. Standard library and NumPy only.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LOG_LINES = 40
"""How many of its last lines of log are kept for the message when it ends."""
LEAVE_SECONDS = 5.0
"""How long a process may take to leave once its input has ended."""


class NodeError(RuntimeError):
    """The process has ended, by itself or because it gave no answer in time: what it kept is gone."""


class RefusedRequestError(Exception):
    """The process answered that it cannot do what was asked; it lives on."""

    def __init__(self, message: str, *, wrong_inputs: bool) -> None:
        """`wrong_inputs`: whether the fault is in the arrays that were sent."""
        super().__init__(message)
        self.wrong_inputs = wrong_inputs


class NodeProcess:
    """One process. Requests are answered one after the other, from whatever thread they come."""

    def __init__(self, node: Path, script: Path) -> None:
        """Start it.

        Raises:
            OSError: when it cannot be started.
        """
        # Node reads its standard input till the end: when this process is killed, the pipe closes and Node leaves.
        self._child = subprocess.Popen(
            [node, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._lock = threading.Lock()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._follower = threading.Thread(target=self._follow, daemon=True)
        self._follower.start()
        self._forgotten: deque[int] = deque()
        self._owner = os.getpid()
        self.alive = True

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._child.pid

    def forget(self, session: int) -> None:
        """Let go of a session with the next request. Takes no lock: a garbage collector may call it anywhere."""
        self._forgotten.append(session)

    def ask(
        self, request: Mapping[str, Any], tensors: Mapping[str, Array], timeout_s: float
    ) -> tuple[dict[str, Any], dict[str, Array]]:
        """Send a request with tensors; give the answer and its tensors.

        Raises:
            RefusedRequestError: when the answer is an error.
            NodeError: when the process has ended, or gives no answer in time (it is killed then), or when this process
                was forked from the one that started it: the two would read each other's answers.
        """
        if self._owner != os.getpid():
            raise NodeError(
                "the Node process belongs to the process that this one was forked from; load the model here"
            )
        with self._lock:
            if not self.alive:
                raise NodeError("the Node process has ended")
            late = threading.Event()
            timer = threading.Timer(timeout_s, self._give_up, [late])
            timer.start()
            try:
                self._send(request, tensors)
                answer, results = self._receive()
            except (OSError, EOFError) as error:
                raise NodeError(
                    self._ended(f"gave no answer for {timeout_s:g} s" if late.is_set() else None)
                ) from error
            except BaseException:  # interrupted: what it still says would be taken for the answer to the next request
                self._child.kill()
                self.close()
                raise
            finally:
                timer.cancel()
        if "error" in answer:
            raise RefusedRequestError(answer["error"], wrong_inputs=answer["wrong"])
        return answer, results

    def close(self) -> None:
        """End it."""
        self.alive = False
        for pipe in (self._child.stdin, self._child.stdout):
            assert pipe is not None
            with suppress(OSError):  # what was still to be written finds nobody
                pipe.close()
        try:
            self._child.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._follower.join(LEAVE_SECONDS)

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        self._child.kill()

    def _send(self, request: Mapping[str, Any], tensors: Mapping[str, Array]) -> None:
        forgotten = [self._forgotten.popleft() for _ in range(len(self._forgotten))]
        header = {
            **request,
            "dispose": forgotten,
            "tensors": [
                {"name": name, "dtype": array.dtype.name, "shape": array.shape, "bytes": array.nbytes}
                for name, array in tensors.items()
            ],
        }
        pipe = self._pipe(self._child.stdin)
        pipe.write(json.dumps(header).encode() + b"\n")
        for array in tensors.values():
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            pipe.write(little.reshape(-1).view(np.uint8).data)
        pipe.flush()

    def _receive(self) -> tuple[dict[str, Any], dict[str, Array]]:
        pipe = self._pipe(self._child.stdout)
        line = pipe.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        answer = json.loads(line)
        return answer, {tensor["name"]: self._tensor(pipe, tensor) for tensor in answer["tensors"]}

    def _tensor(self, pipe: IO[bytes], header: Mapping[str, Any]) -> Array:
        array = np.empty(header["shape"], np.dtype(header["dtype"]).newbyteorder("<"))
        assert array.nbytes == header["bytes"], header
        content = pipe.read(array.nbytes)
        if len(content) != array.nbytes:
            raise EOFError
        array.reshape(-1).view(np.uint8)[:] = np.frombuffer(content, np.uint8)
        return array

    def _pipe(self, pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe

    def _ended(self, why: str | None) -> str:
        """Clear up behind a process that can be asked no more, and say what became of it."""
        self.close()
        code = self._child.returncode
        what = why or (f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}")
        log = "".join(self._log).rstrip()
        return f"the Node process {what}" + (f"\n{log}" if log else "")

    def _follow(self) -> None:
        pipe = self._pipe(self._child.stderr)
        with pipe:
            for line in pipe:
                self._log.append(line.decode(errors="replace"))
