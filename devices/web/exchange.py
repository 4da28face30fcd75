"""What a page is told of its job, what it is given for it, and what it gives back. Knows nothing of HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...targets.runtime import Array
from ...vocabulary.errors import DeviceError
from ...vocabulary.tensor_folder import TensorFolder, TensorFolderWriter
from ..agent import context
from ..agent.infer import call_inputs, kept_rows
from ..agent.job import Calls, Procedure
from .job import ASK_FACTS, Place, Run
from .memory import Baseline, take_baseline

Record = dict[str, Any]

ANSWER_BYTES: Final = 1_000_000
"""How much of the inputs goes into one answer before another is asked for: small rows would wait for each other."""
MOST_CALLS: Final = 256
"""How many calls one answer holds at most."""


class Exchange:
    """One job between its page and whoever waits for it. This one asks the page only what it is."""

    def __init__(self, place: Place) -> None:
        """`place` is where the page runs."""
        self.place = place
        self.result: Future[Record] = Future()
        """What the page found out, or a `ValueError` that says why it cannot, or a `DeviceError` when it is gone."""
        self.program: tuple[str, str] | None = None
        """Name and version of what runs the page, as far as it is known better than the page knows it."""
        self.computing: Callable[[], Sequence[int]] = tuple
        """Gives the processes that compute."""

    @property
    def folder(self) -> Path | None:
        """Where the files lie that the page may read."""
        return None

    def task(self) -> Record:
        """Say what the page is to do, as `web/src/job/task.ts` has it."""
        return {"do": ASK_FACTS, "options": self._options(optimize=True)}

    def calls_from(self, start: int) -> Iterator[Mapping[str, Array]]:
        """Give the inputs of the call whose first row is `start`, and of calls behind it that one answer has room for.

        Raises:
            ValueError: when there is no such call.
        """
        raise ValueError(f"no call begins at row {start}")

    def keep(self, start: int, calls: Iterable[Mapping[str, Array]]) -> None:
        """Take the outputs of calls, whose first row is `start`.

        Raises:
            ValueError: when there is no such call, or they do not fit what came before.
        """
        raise ValueError(f"outputs of {len(list(calls))} calls came, from row {start} on, and none are asked for")

    def ready(self, said: Record) -> None:
        """Note that the engine is there and nothing is loaded yet.

        Raises:
            ValueError: when nothing is measured, or the system does not say what memory is held.
        """
        raise ValueError(f"nothing is measured, and still the engine is ready: {said}")

    def finish(self, said: Record) -> None:
        """Take what the page found out."""
        self._settle({**said, "program": self._program(said)})

    def fail(self, reason: str) -> None:
        """Say why the job cannot be done. What is said first counts."""
        with suppress(InvalidStateError):
            self.result.set_exception(ValueError(reason))

    def crash(self, reason: str) -> None:
        """Say that what ran the page has ended: why, stands in the log if anywhere."""
        with suppress(InvalidStateError):
            self.result.set_exception(DeviceError(reason))

    def _settle(self, result: Record) -> None:
        with suppress(InvalidStateError):  # it has failed before
            self.result.set_result(result)

    def _options(self, *, optimize: bool) -> Record:
        return {"backend": self.place.backend, "threads": self.place.threads, "optimize": optimize}

    def _program(self, said: Record) -> list[str]:
        return list(self.program or said["program"])


class _Running(Exchange):
    """A job with an artifact."""

    do: str

    def __init__(self, place: Place, run: Run) -> None:
        super().__init__(place)
        self.run = run
        self.calls: Final[Calls] = run.job.calls
        self.inputs: Final = TensorFolder(self.calls.inputs)

    @property
    def folder(self) -> Path:
        return self.run.job.artifact.parent

    def task(self) -> Record:
        return {
            "do": self.do,
            "engine": self.run.engine,
            "options": self._options(optimize=self.run.optimize),
            "artifact": self.run.job.artifact.name,
            "rowCount": self.inputs.row_count,
            "rowsPerCall": self.calls.rows_per_call,
        }

    def calls_from(self, start: int) -> Iterator[Mapping[str, Array]]:
        per_call, row_count = self.calls.rows_per_call, self.inputs.row_count
        if start % per_call or not 0 <= start < row_count:
            yield from super().calls_from(start)
        size_bytes = 0
        for first in range(start, min(row_count, start + MOST_CALLS * per_call), per_call):
            inputs = call_inputs(self.inputs, self.calls, first, min(first + per_call, row_count))
            yield inputs
            size_bytes += sum(array.nbytes for array in inputs.values())
            if size_bytes > ANSWER_BYTES:
                return

    def _identity(self, said: Record) -> Record:
        return {
            "runtime": f"{self.run.engine}/{self.place.backend}",
            "runtime_version": said["engine_version"],
            "emulated": False,
        }


class Inference(_Running):
    """All rows, and every output of each kept."""

    do = "infer"

    def __init__(self, place: Place, run: Run) -> None:
        """Make the folder of the outputs.

        Raises:
            OSError: when the inputs cannot be read, or the folder not be made.
            ValueError: when there are no rows.
        """
        super().__init__(place, run)
        if not self.inputs.row_count:
            raise ValueError(f"{self.calls.inputs.name}: no rows to run")
        self._writer = TensorFolderWriter(run.job.output, self.inputs.row_count)
        self._kept = 0

    def keep(self, start: int, calls: Iterable[Mapping[str, Array]]) -> None:
        """Write what counts of the outputs."""
        if start != self._kept:
            super().keep(start, calls)
        for outputs in calls:
            wanted = min(self.calls.rows_per_call, self.inputs.row_count - self._kept)
            counting = {name: kept_rows(name, array, self.calls, wanted) for name, array in outputs.items()}
            self._writer.put(self._kept, counting)
            self._kept += wanted

    def finish(self, said: Record) -> None:
        """Write the index of the outputs, once all of them are there."""
        if self._kept != self.inputs.row_count:
            self.fail(f"the page gave {self._kept} rows of {self.inputs.row_count}")
            return
        self._writer.close()
        self._settle({**self._identity(said), "samples": None})


class Measurement(_Running):
    """The first call's rows, again and again."""

    do = "benchmark"

    def __init__(self, place: Place, run: Run, procedure: Procedure) -> None:
        """Look at the inputs.

        Raises:
            OSError: when they cannot be read.
            ValueError: when there are fewer rows than one call takes.
        """
        super().__init__(place, run)
        self.procedure = procedure
        self._before: context.Context = {}
        self._baseline: Baseline | None = None
        if self.inputs.row_count < self.calls.rows_per_call:
            raise ValueError(
                f"{self.calls.inputs.name}: {self.inputs.row_count} rows, but one call takes {self.calls.rows_per_call}"
            )

    def task(self) -> Record:
        """Say how long is measured, too."""
        return {
            **super().task(),
            "procedure": {
                "minRuns": self.procedure.min_runs,
                "minSeconds": self.procedure.min_seconds,
                "warmupRuns": self.procedure.warmup_runs,
                "warmupSeconds": self.procedure.warmup_seconds,
            },
        }

    def ready(self, said: Record) -> None:
        """Note the circumstances, and what memory the processes hold that compute."""
        identity = self._identity(said)
        self._before = context.before(identity["runtime"], identity["runtime_version"], self.place.threads)
        self._baseline = take_baseline(self.computing())

    def finish(self, said: Record) -> None:
        """Put the samples together with what was seen from outside."""
        if self._baseline is None:
            self.fail("the page measured before it was ready")
            return
        peak_memory_bytes = self._baseline.peak_above_bytes()
        name, version = self._program(said)
        procedure = {field: getattr(self.procedure, field) for field in self.procedure.__slots__}
        samples = {
            "load_ms": said["load_ms"],
            "first_ms": said["first_ms"],
            "latency_ms": said["latency_ms"],
            "peak_memory_bytes": peak_memory_bytes,
            "context": {
                **self._before,
                **context.after(),
                "rows_per_call": self.calls.rows_per_call,
                **procedure,
                "peak_memory": "since loading began" if self._baseline.is_reset else "of the processes",
                "program": name,
                "program_version": version,
                **said["context"],
            },
        }
        self._settle({**self._identity(said), "samples": samples})


def exchange_for(place: Place, run: Run | None) -> Exchange:
    """Give the exchange of a job.

    Raises:
        OSError: when a folder cannot be read or made.
        ValueError: when its rows are too few.
    """
    if run is None:
        return Exchange(place)
    if run.job.procedure is None:
        return Inference(place, run)
    return Measurement(place, run, run.job.procedure)
