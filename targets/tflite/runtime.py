"""Runs `.tflite` files with LiteRT's interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime import Array, RunOptions, Session

SIGNATURE = "serving_default"


class LiteRT:
    """The interpreter of the package `ai-edge-litert`, with its XNNPACK delegate as it is by default."""

    name = "ai-edge-litert"

    def version(self) -> str:
        """Give the installed version.

        Raises:
            ImportError: when the package is not installed.
        """
        return version(self.name)

    def prepare(self) -> None:
        """Import the interpreter.

        Raises:
            ImportError: when the package is not installed.
        """
        import ai_edge_litert.interpreter  # noqa: F401 - only so that `load` finds it imported

    def load(self, artifact: Path, options: RunOptions) -> Session:
        """Open a `.tflite` file.

        Raises:
            ValueError: when the interpreter refuses the file, or the file has no signature.
            ImportError: when the package is not installed.
        """
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_path=str(artifact), num_threads=options.threads)
            interpreter.allocate_tensors()
        except RuntimeError as error:
            raise ValueError(f"{artifact}: the interpreter refuses it: {error}") from error
        if SIGNATURE not in interpreter.get_signature_list():
            raise ValueError(f"{artifact}: it has no signature {SIGNATURE!r}")
        return LiteRTSession(interpreter)


class LiteRTSession:
    """A loaded model. Inputs and outputs go by the names of its signature."""

    def __init__(self, interpreter: Any) -> None:
        """Take an interpreter whose tensors are allocated."""
        runner = interpreter.get_signature_runner(SIGNATURE)
        self._interpreter = interpreter
        self._inputs: dict[str, dict[str, Any]] = runner.get_input_details()
        self._outputs = {name: details["index"] for name, details in runner.get_output_details().items()}

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
        """
        if inputs.keys() != self._inputs.keys():
            raise ValueError(f"the model takes {sorted(self._inputs)}, got {sorted(inputs)}")
        for name, array in inputs.items():
            details = self._inputs[name]
            shape, dtype = tuple(int(size) for size in details["shape"]), np.dtype(details["dtype"])
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(f"input {name!r} is {dtype}{list(shape)}, got {array.dtype}{list(array.shape)}")
            self._interpreter.set_tensor(details["index"], array)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}
