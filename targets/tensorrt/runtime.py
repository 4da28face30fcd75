"""Runs engines by TensorRT where it is, and elsewhere the model by onnxruntime, whose evidence is `emulated`.

Standard library, NumPy and the runtime only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..onnxruntime.runtime import Reference
from ..runtime import Array, RunOptions, Session
from .device.cuda_runtime import CudaError, Gpu
from .device.verify_engine import Engine, EngineError

NEWEST = "10.15"
"""The newest release of TensorRT whose parser's table is known here."""


class TensorRT:
    """TensorRT, or on machines without it onnxruntime on the model that it would be built of."""

    name = "tensorrt"

    @property
    def emulates(self) -> bool:
        """Whether onnxruntime runs the model here, where TensorRT or a GPU is missing."""
        return not _is_here()

    def version(self) -> str:
        """Give the version of TensorRT; where it is emulated, the newest release that is known.

        Raises:
            ImportError: when what is installed cannot be imported.
        """
        if self.emulates:
            return NEWEST
        import tensorrt

        return str(tensorrt.__version__)

    def accelerators(self) -> tuple[str, ...]:
        """Name the GPU of this machine by its generation, as an engine requires it."""
        self.prepare()  # the package brings the CUDA runtime along
        try:
            capability = Gpu().compute_capability
        except CudaError:
            return ()
        generation = f"cuda sm_{capability.replace('.', '')}"
        return (generation, "cuda sm_80+") if int(capability.partition(".")[0]) >= 8 else (generation,)

    def prepare(self) -> None:
        """Import what runs artifacts here.

        Raises:
            ImportError: when it is not installed, or cannot be imported.
        """
        if self.emulates:
            Reference().prepare()
        else:
            import tensorrt  # noqa: F401 - only so that `load` finds it imported

    def load(self, artifact: Path, options: RunOptions) -> Session:
        """Open an engine, or where TensorRT is not, the model.

        Raises:
            ValueError: when the file is no engine of this GPU and this TensorRT, or a model that is to be built first.
            ImportError: when what runs it is not installed.
        """
        if artifact.suffix == ".engine":
            if self.emulates:
                raise ValueError(
                    f"{artifact.name}: an engine runs by TensorRT on a GPU alone, and one of the two is not here"
                )
            try:
                return EngineSession(Engine(artifact))
            except (EngineError, CudaError) as error:
                raise ValueError(f"{artifact.name}: {error}") from error
        if not self.emulates:
            raise ValueError(
                f"{artifact.name}: TensorRT runs engines; build one with build_engine.py, which lies beside it"
            )
        return Reference().load(artifact, options)  # node by node: nothing of its own is fused


@cache
def _is_here() -> bool:
    """Whether there is TensorRT, and a GPU for it."""
    if find_spec("tensorrt") is None:
        return False
    import tensorrt  # noqa: F401 - it brings the CUDA runtime where that is a package

    try:
        return bool(Gpu().compute_capability)
    except CudaError:
        return False


class EngineSession:
    """A loaded engine."""

    def __init__(self, engine: Engine) -> None:
        """`engine` runs on bytes."""
        self._engine = engine

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the engine takes.
        """
        given = {name: (array.dtype.name, array.shape, array.tobytes()) for name, array in inputs.items()}
        try:
            outputs = self._engine.run(given)
        except (EngineError, CudaError) as error:
            raise ValueError(str(error)) from error
        return {
            name: np.frombuffer(data, np.dtype(dtype)).reshape(shape).copy()
            for name, (dtype, shape, data) in outputs.items()
        }
