"""Sessions of onnxruntime in which the tensors of a hub model are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from ...vocabulary.errors import ToolError
from ..model import Model

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Array = NDArray[Any]

_ERRORS_ONLY: Final = 3
"""onnxruntime's log severity: that a shape was not known is nothing to warn of here."""


@contextmanager
def opened(model: Model) -> Iterator[InferenceSession]:
    """Give a session that runs the nodes of a model as they stand, on one thread, so that sums keep their order.

    Raises:
        ToolError: when onnxruntime cannot open the model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # it would keep what the largest call took
    options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED  # Shape first, then its input can be let go
    options.log_severity_level = _ERRORS_ONLY
    with TemporaryDirectory() as folder:
        model.save(Path(folder))
        try:
            session = onnxruntime.InferenceSession(
                str(Path(folder) / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions share no base below Exception
            raise ToolError(f"onnxruntime cannot open the model: {error}") from error
        yield session


def run_call(session: InferenceSession, outputs: Sequence[str], call: Mapping[str, Array]) -> list[Array]:
    """Run one call and give these outputs.

    Raises:
        ToolError: when onnxruntime fails.
    """
    try:
        found: list[Array] = session.run(list(outputs), dict(call))
    except Exception as error:  # as above
        raise ToolError(f"onnxruntime failed on the rows: {error}") from error
    return found
