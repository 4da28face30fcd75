"""Run an artifact over all rows of its inputs and keep tensors from its inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...targets.runtime import InspectableRuntime, RunOptions, Runtime
from ...vocabulary.tensor_folder import TensorFolder, TensorFolderWriter
from .infer import call_inputs
from .job import Calls


def inspect(runtime: Runtime, artifact: Path, threads: int, calls: Calls, tensors: Sequence[str], output: Path) -> None:
    """Write the tensors of every call as a `TensorFolder`; no more than one call is in memory at a time.

    Raises:
        ValueError: when the runtime shows no inner tensors, refuses the artifact or its inputs, there are no rows, or a
            tensor changes its shape from call to call.
        ImportError: when the runtime is not installed.
    """
    if not isinstance(runtime, InspectableRuntime):
        raise ValueError(f"{runtime.name} shows no inner tensors")
    session = runtime.load_inspectable(artifact, RunOptions(threads=threads), tensors)
    inputs = TensorFolder(calls.inputs)
    starts = range(0, inputs.row_count, calls.rows_per_call)
    if not starts:
        raise ValueError(f"{calls.inputs.name}: no rows to run")
    writer = TensorFolderWriter(output, len(starts))
    for call, start in enumerate(starts):
        stop = min(start + calls.rows_per_call, inputs.row_count)
        shown = session.run(call_inputs(inputs, calls, start, stop))
        writer.put(call, {name: np.asarray(array)[np.newaxis] for name, array in shown.items()})
    writer.close()
