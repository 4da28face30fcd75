"""Which rows a walk looks at: where the artifact is furthest off, then the first."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..devices.base import Device, Infer, Job
from ..profiles.parity import measure
from ..profiles.report import Parity
from ..vocabulary.batching import batching_for
from ..vocabulary.tensor_folder import TensorFolder
from .imported import Imported
from .relayout import convert_rows
from .runner import Runner
from .subject import Subject
from .told import told


def rows_compared(worst: Iterable[int], *, calls: int, rows_per_call: int, row_count: int) -> tuple[int, ...]:
    """Give the rows of at most so many calls, in order: of those that hold a row of `worst`, then of the first."""
    last = max(row_count // rows_per_call, 1)
    chosen = list(dict.fromkeys([*(row // rows_per_call for row in worst), *range(min(calls, last))]))[:calls]
    starts = [call * rows_per_call for call in sorted(chosen)]
    return tuple(row for start in starts for row in range(start, min(start + rows_per_call, row_count)))


def worst_rows(parity: Parity) -> list[int]:
    """Give the worst row of each output, that of the output that is furthest off for its size first."""
    found = [output for output in parity.outputs.values() if output.worst_row is not None]
    found.sort(
        key=lambda output: (output.max_abs is None, (output.max_abs or 0.0) / max(1.0, output.reference_max_abs))
    )
    return [output.worst_row for output in reversed(found) if output.worst_row is not None]


def parity_of_file(
    subject: Subject, file: Path, device: Device, imported: Imported, runner: Runner, scratch: Path
) -> Parity:
    """Run a file that stands in for an artifact's over all rows; give how far its outputs are from the original's.

    Raises:
        DeviceError: when the device failed, or the runtime refused the file.
        ToolError: when its outputs are not those of the original's shapes.
    """
    taken, given = subject.artifact.signature, imported.signature
    inputs = convert_rows(imported.inputs, given.inputs, taken.inputs, scratch / "all-in")
    batching = batching_for(taken, {name: inputs[name].shape for name in inputs})
    job = Job(
        task=Infer(inputs=inputs.path, rows_per_call=batching.rows_per_call, batched=batching.batched),
        runtime=subject.runtime,
        artifact=file,
        threads=device.threads,
        output=scratch / "all",
    )
    with told(f"run {file.name} on {device.name}", runner.progress):
        device.run(job)
    outputs = convert_rows(TensorFolder(scratch / "all"), taken.outputs, given.outputs, scratch / "all-source")
    return measure(TensorFolder(imported.folder / "reference"), outputs, inputs="")
