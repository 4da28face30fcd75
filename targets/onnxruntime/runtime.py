"""Runs `.onnx` and `.ort` files by onnxruntime on the CPU. Standard library, NumPy and onnxruntime only."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime import Array, RunOptions

DTYPES = {
    "tensor(bool)": "bool",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(int8)": "int8",
    "tensor(string)": "str",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(uint8)": "uint8",
}
"""onnxruntime's word for an input's type → NumPy's."""

ERRORS_ONLY = 3
"""onnxruntime's log severity: what it can only warn of does not concern the one who runs a finished artifact."""


class OnnxRuntime:
    """onnxruntime with all its optimisations, as a program on the device would use it."""

    name = "onnxruntime"
    optimization = "ORT_ENABLE_ALL"
    """The name of onnxruntime's `GraphOptimizationLevel`."""

    def version(self) -> str:
        """Give the installed version.

        Raises:
            PackageNotFoundError: when onnxruntime is not installed.
        """
        return version(self.name)

    def prepare(self) -> None:
        """Import onnxruntime.

        Raises:
            ImportError: when it is not installed.
        """
        import onnxruntime

        onnxruntime.set_default_logger_severity(ERRORS_ONLY)

    def load(self, artifact: Path, options: RunOptions) -> OnnxSession:
        """Open a `.onnx` or `.ort` file.

        Raises:
            ValueError: when onnxruntime cannot run the file.
            ImportError: when onnxruntime is not installed.
        """
        self.prepare()
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = ERRORS_ONLY
        settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, self.optimization)
        try:
            session = onnxruntime.InferenceSession(str(artifact), settings, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ValueError(f"{artifact.name}: onnxruntime cannot run this file: {error}") from error
        return OnnxSession(session)


class Reference(OnnxRuntime):
    """onnxruntime with every optimisation off: the hub model computed node by node, as it was imported."""

    optimization = "ORT_DISABLE_ALL"


class OnnxSession:
    """A loaded model."""

    def __init__(self, session: Any) -> None:
        """`session` is an `onnxruntime.InferenceSession`."""
        self._session = session
        self._inputs = {place.name: (DTYPES.get(place.type, place.type), place.shape) for place in session.get_inputs()}
        self._outputs = [place.name for place in session.get_outputs()]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
        """
        if inputs.keys() != self._inputs.keys():
            raise ValueError(f"expected the inputs {sorted(self._inputs)}, got {sorted(inputs)}")
        for name, (dtype, shape) in self._inputs.items():
            _check(name, inputs[name], dtype, shape)
        results = self._session.run(self._outputs, dict(inputs))
        return {name: np.asarray(result) for name, result in zip(self._outputs, results, strict=True)}


def _check(name: str, array: Array, dtype: str, shape: list[int | str | None]) -> None:
    fits = array.dtype.kind in "UO" if dtype == "str" else array.dtype.name == dtype
    if (
        not fits
        or array.ndim != len(shape)
        or any(isinstance(wanted, int) and wanted != got for wanted, got in zip(shape, array.shape, strict=True))
    ):
        wanted_shape = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"input {name!r}: expected {dtype}[{wanted_shape}], "
            f"got {array.dtype.name}[{', '.join(map(str, array.shape))}]"
        )
