"""Runs `.onnx` and `.ort` files by onnxruntime on the CPU. Standard library, NumPy and onnxruntime only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        return OnnxSession(self._open(artifact, str(artifact), options))

    def load_inspectable(self, artifact: Path, options: RunOptions, tensors: Sequence[str]) -> OnnxSession:
        """Open a `.onnx` file so that `run` gives tensors by their names in it.

        What is asked for is an output of the graph then, so that onnxruntime, when it loads the file, does not fuse it
        with what stands behind it.

        Raises:
            ValueError: when onnxruntime cannot run the file, it is no `.onnx`, or has no such tensor.
            ImportError: when onnxruntime is not installed.
        """
        if artifact.suffix != ".onnx":
            raise ValueError(f"{artifact.name}: only a .onnx file shows inner tensors")
        outputs = {place.name for place in self._open(artifact, str(artifact), options).get_outputs()}
        inner = [name for name in dict.fromkeys(tensors) if name not in outputs]
        return OnnxSession(self._open(artifact, with_outputs(artifact.read_bytes(), inner), options), tensors)

    def _open(self, artifact: Path, model: str | bytes, options: RunOptions) -> Any:
        self.prepare()
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        settings.log_severity_level = ERRORS_ONLY
        settings.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, self.optimization)
        if isinstance(model, bytes):  # weights in files beside it are found by its folder then
            settings.add_session_config_entry(
                "session.model_external_initializers_file_folder_path", str(artifact.parent)
            )
        try:
            return onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ValueError(f"{artifact.name}: onnxruntime cannot run this file: {error}") from error


class Reference(OnnxRuntime):
    """onnxruntime with every optimisation off: the hub model computed node by node, as it was imported."""

    optimization = "ORT_DISABLE_ALL"


class OnnxSession:
    """A loaded model."""

    def __init__(self, session: Any, gives: Sequence[str] | None = None) -> None:
        """`session` is an `onnxruntime.InferenceSession`; `gives` names what of its outputs is given (None: all)."""
        self._session = session
        self._inputs = {place.name: (DTYPES.get(place.type, place.type), place.shape) for place in session.get_inputs()}
        self._outputs = [place.name for place in session.get_outputs()] if gives is None else list(gives)

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


def with_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """Give the bytes of an ONNX model that has these tensors as outputs too.

    Protocol Buffers merges a message with one of the same field behind it: the fields of both count, those of a list
    one after the other. So a second `ModelProto.graph` (field 7) that holds nothing but `GraphProto.output` (field 12),
    each a `ValueInfoProto` with nothing but its `name` (field 1), is all that must be added.
    """
    added = b"".join(_field(12, _field(1, name.encode())) for name in names)
    return model + _field(7, added) if names else model


def _field(number: int, content: bytes) -> bytes:
    """Write a field of wire type 2 of the Protocol Buffers encoding: tag, length, content."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Write an unsigned number in groups of seven bits, the lowest first."""
    written = bytearray()
    while number > 127:
        written.append(number & 127 | 128)
        number >>= 7
    written.append(number)
    return bytes(written)


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
