"""Runs the user's own model over rows of inputs: what every artifact is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...devices.agent.infer import infer
from ...devices.agent.job import Calls
from ...vocabulary.batching import batching_for
from ...vocabulary.errors import ModelError
from ...vocabulary.signature import Signature
from ...vocabulary.tensor_folder import TensorFolder

if TYPE_CHECKING:
    from ...targets.runtime import Session


def run_original(original: Session, signature: Signature, inputs: TensorFolder, out: Path) -> TensorFolder:
    """Write the original's outputs, one row for each row of the inputs.

    Raises:
        ModelError: when the outputs do not have one row for each row of the inputs, or hold NaN.
        DataError: when the inputs disagree on how many rows a call takes.
    """
    shapes = {name: inputs[name].shape for name in inputs}
    batching = batching_for(signature, shapes)
    calls = Calls(inputs=inputs.path, rows_per_call=batching.rows_per_call, batched=batching.batched)
    try:
        infer(original, calls, out)
    except ValueError as error:
        raise ModelError(
            f"the original model could not be run over rows: {error}",
            hint="leave that output out (`outputs` names the wanted ones), or fix the leading dimension (`dims`)",
        ) from error
    outputs = TensorFolder(out)
    for name in outputs:
        if outputs[name].dtype.kind == "f" and np.isnan(outputs[name]).any():
            raise ModelError(
                f"the original model gives NaN in output {name!r}",
                hint="nothing can be proved equal to that; check the inputs' range",
            )
    return outputs
