"""Runs `.tflite` files with LiteRT's interpreter."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
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
        interpreter = _open(artifact, options, {})
        runner = interpreter.get_signature_runner(SIGNATURE)
        return LiteRTSession(
            interpreter, {name: details["index"] for name, details in runner.get_output_details().items()}
        )

    def load_inspectable(self, artifact: Path, options: RunOptions, tensors: Sequence[str]) -> Session:
        """Open a file so that `run` gives tensors by their index, `"17"`.

        XNNPACK computes each operator by itself then, with the kernels that it uses otherwise.

        Raises:
            ValueError: when the interpreter refuses the file, or it has no such tensor.
            ImportError: when the package is not installed.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors", category=UserWarning)
            interpreter = _open(artifact, options, {"experimental_preserve_all_tensors": True})
        known = {str(details["index"]) for details in interpreter.get_tensor_details()}
        missing = [key for key in tensors if key not in known]
        if missing:
            raise ValueError(f"{artifact}: it has no tensor {missing[0]}")
        return LiteRTSession(interpreter, {key: int(key) for key in tensors})


def _open(artifact: Path, options: RunOptions, settings: Mapping[str, bool]) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(artifact), num_threads=options.threads, **settings)
        interpreter.allocate_tensors()
    except RuntimeError as error:
        raise ValueError(f"{artifact}: the interpreter refuses it: {error}") from error
    if SIGNATURE not in interpreter.get_signature_list():
        raise ValueError(f"{artifact}: it has no signature {SIGNATURE!r}")
    return interpreter


class LiteRTSession:
    """A loaded model. Inputs go by the names of its signature."""

    def __init__(self, interpreter: Any, gives: Mapping[str, int]) -> None:
        """Take an interpreter whose tensors are allocated, and by which names it gives which of them."""
        runner = interpreter.get_signature_runner(SIGNATURE)
        self._interpreter = interpreter
        self._inputs: dict[str, dict[str, Any]] = runner.get_input_details()
        self._outputs = gives

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
