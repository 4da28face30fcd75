"""A TFLite file: what is in it, and how it is called with the source's inputs whatever layout it wants."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

_OPS = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}


def count_ops(path: Path) -> dict[str, int]:
    """The operators of all subgraphs by name, the most frequent first."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    counts: Counter[str] = Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            counts[_OPS[max(code.builtinCode, code.deprecatedBuiltinCode)]] += 1
    return dict(counts.most_common())


class LoadedModel:
    """A file with one input and one output in LiteRT, on one thread, with its default delegate (XNNPACK)."""

    def __init__(self, path: Path) -> None:
        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()
        self.invoke = self._interpreter.invoke

    def set_input(self, value: np.ndarray) -> None:
        """Hand over the source's input; axes are moved and integers narrowed as the file asks."""
        wanted = tuple(self._input["shape"])
        self._interpreter.set_tensor(self._input["index"], _permuted(value, wanted).astype(self._input["dtype"]))

    def run(self, value: np.ndarray, output_shape: tuple[int, ...]) -> np.ndarray:
        """Run once and give the output with its axes as the source has them."""
        self.set_input(value)
        self.invoke()
        return _permuted(self._interpreter.get_tensor(self._output["index"]), output_shape)


def _permuted(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if value.shape == shape:
        return value
    # In order, so of the two ways from 1×3×224×224 to 1×224×224×3 the one that leaves rows before columns.
    for axes in permutations(range(value.ndim)):
        if tuple(value.shape[axis] for axis in axes) == shape:
            return np.ascontiguousarray(value.transpose(axes))
    raise ValueError(f"no permutation of {value.shape} is {shape}")
