"""A file of any format in its runtime, to be run on one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np


class Loaded(Protocol):
    """A file with one input and one output."""

    def set_input(self, value: np.ndarray) -> None:
        """Hand over the source's input."""

    def invoke(self) -> None:
        """Run once."""

    def run(self, value: np.ndarray, output_shape: tuple[int, ...]) -> np.ndarray:
        """Run once on this input, and give the output with its axes as the source has them."""


class LoadedOnnx:
    """An ONNX file in onnxruntime, with its default optimisations."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._name = self._session.get_inputs()[0].name

    def set_input(self, value: np.ndarray) -> None:
        """Hand over the source's input."""
        self._feed = {self._name: value}

    def invoke(self) -> None:
        """Run once."""
        (self._output,) = self._session.run(None, self._feed)

    def run(self, value: np.ndarray, output_shape: tuple[int, ...]) -> np.ndarray:
        """Run once on this input."""
        self.set_input(value)
        self.invoke()
        return np.asarray(self._output).reshape(output_shape)


class LoadedProgram:
    """An ExecuTorch program: its method `forward`, on a pool of one thread."""

    def __init__(self, path: Path) -> None:
        from edgewright.targets.executorch.runtime import bindings

        bindings()._unsafe_reset_threadpool(1)  # before the method is loaded: it keeps the pool that it finds
        self._program = bindings()._load_program(str(path))
        self._method = self._program.load_method("forward")

    def set_input(self, value: np.ndarray) -> None:
        """Hand over the source's input."""
        import torch

        self._value = torch.from_numpy(np.ascontiguousarray(value))

    def invoke(self) -> None:
        """Run once."""
        (self._output,) = self._method.call([self._value], clone_outputs=True)

    def run(self, value: np.ndarray, output_shape: tuple[int, ...]) -> np.ndarray:
        """Run once on this input."""
        self.set_input(value)
        self.invoke()
        return np.asarray(self._output.numpy()).reshape(output_shape)


def loaded(path: Path) -> Loaded:
    """Load a file by its ending."""
    if path.suffix == ".pte":
        return LoadedProgram(path)
    if path.suffix == ".onnx":
        return LoadedOnnx(path)
    from tflite_file import LoadedModel

    return LoadedModel(path)
