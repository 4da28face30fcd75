"""Inputs drawn from a signature, for parity where no data is given and for golden vectors that may be published."""

from __future__ import annotations

from collections.abc import Mapping

import ml_dtypes
import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ..vocabulary.errors import ModelError
from ..vocabulary.picture import is_picture, preprocessed
from ..vocabulary.signature import TensorSpec
from .model import Model
from .passes.editing import tensor_shape

Array = NDArray[np.generic]

_INTEGER_RANGE = (0, 9)
"""What an integer input is drawn from when neither its declared range nor a table that it indexes says more."""


def draw_inputs(model: Model, rows: int, *, seed: int = 0, dims: Mapping[str, int] | None = None) -> dict[str, Array]:
    """Draw `rows` rows for every input: the same on every machine for one model and seed.

    Floats are normal (within the declared range when there is one: uniform), or preprocessed pixels where a contract
    says how they are made; integers are uniform within their declared range or the table that they index; booleans are
    fair coins. A symbolic dimension other than the leading one has the size that `dims` gives it, by its name or by
    input and axis (`image[2]`), else 1. The first axis counts the rows: it is the input's leading axis when that is
    symbolic or 1, else it stands before it.

    Raises:
        ModelError: when an input has a dtype that cannot be drawn (strings).
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    sizes = _sizes(model, dims or {})
    return {
        spec.name: _draw(generator, spec, rows, sizes, _table_size(model, spec.name)) for spec in model.signature.inputs
    }


def _sizes(model: Model, dims: Mapping[str, int]) -> dict[str, int]:
    """Give the size of each symbol that `dims` says by its name or by an input and axis that has it."""
    by_place = {
        size: dims[f"{spec.name}[{axis}]"]
        for spec in model.signature.inputs
        for axis, size in enumerate(spec.shape)
        if isinstance(size, str) and f"{spec.name}[{axis}]" in dims
    }
    return {**by_place, **dims}


def _draw(
    generator: np.random.Generator, spec: TensorSpec, rows: int, dims: Mapping[str, int], table: int | None
) -> Array:
    sizes = [size if isinstance(size, int) else dims.get(size, 1) for size in spec.shape]
    leads = bool(spec.shape) and (isinstance(spec.shape[0], str) or spec.shape[0] == 1)
    shape = (rows, *(sizes[1:] if leads else sizes))
    if spec.dtype == "bool":
        return generator.integers(0, 2, shape).astype(np.bool_)
    if spec.dtype.startswith(("int", "uint")):
        limits = np.iinfo(spec.dtype)
        low, high = spec.range or ((0, table - 1) if table else _INTEGER_RANGE)
        return generator.integers(max(int(low), limits.min), min(int(high), limits.max), shape, endpoint=True).astype(
            spec.dtype
        )
    if is_picture(spec):
        return preprocessed(generator.integers(0, 256, shape, dtype=np.uint8), spec)
    if spec.dtype in ("float16", "float32", "float64", "bfloat16"):
        dtype = np.dtype(ml_dtypes.bfloat16) if spec.dtype == "bfloat16" else np.dtype(spec.dtype)
        drawn = generator.uniform(*spec.range, shape) if spec.range else generator.standard_normal(shape)
        return drawn.astype(dtype)
    raise ModelError(f"input {spec.name!r}: no values of {spec.dtype} can be drawn", hint="give evaluation data")


def _table_size(model: Model, name: str) -> int | None:
    """The number of rows of the smallest constant table that this input indexes, directly or through casts."""
    value = next(value for value in model.graph.inputs if value.name == name)
    sizes, reached = [], [value]
    while reached:
        for node, index in reached.pop().uses():
            if node.op_type == "Gather" and index == 1:
                axis = node.attributes.get_int("axis", 0)
                table = ir.convenience.get_const_tensor(node.inputs[0]) if node.inputs[0] is not None else None
                if table is not None:
                    sizes.append(tensor_shape(table)[axis])
            elif node.op_type in ("Cast", "Identity", "Reshape", "Unsqueeze", "Squeeze", "Flatten") and index == 0:
                reached.extend(node.outputs)
    return min(sizes, default=None)
