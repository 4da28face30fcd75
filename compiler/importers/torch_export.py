"""From a PyTorch module, or a program exported from one, to an ONNX graph."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import ConfigError, ModelError, ToolError
from ...vocabulary.signature import TensorDeclaration
from ..model import HUB_OPSET
from ..passes.editing import tensor_shape
from .request import Array

if TYPE_CHECKING:
    import torch

_EXAMPLE_SIZES = (2, 3, 5, 7, 11, 13)
"""Sizes that stand for symbolic dimensions while the module is traced: above 1, and each symbol its own."""


def example_inputs(declared: Mapping[str, TensorDeclaration], reference: str) -> dict[str, Array]:
    """Draw one small value for each declared input; ones within the declared range, of example size where symbolic.

    Raises:
        ConfigError: when shape or dtype of an input is not declared, and what to write.
    """
    if not declared:
        raise ConfigError(
            f"{reference}: a PyTorch module does not say what its inputs are",
            hint="declare them, in the order of its arguments: "
            '[model] inputs = { image = { shape = ["batch", 3, 224, 224], dtype = "float32" } }',
        )
    generator = np.random.Generator(np.random.PCG64(0))
    sizes: dict[str, int] = {}
    arrays = {}
    for name, said in declared.items():
        if said.shape is None or said.dtype is None:
            raise ConfigError(
                f"{reference}: input {name!r} needs a shape and a dtype",
                hint=f'{name} = {{ shape = ["batch", 3, 224, 224], dtype = "float32" }}',
            )
        for size in said.shape:
            if isinstance(size, str) and size not in sizes:
                sizes[size] = _EXAMPLE_SIZES[len(sizes) % len(_EXAMPLE_SIZES)]
        shape = [sizes[size] if isinstance(size, str) else size for size in said.shape]
        low, high = said.range or ((0, 1) if said.dtype.startswith(("int", "uint", "bool")) else (-1, 1))
        drawn = generator.uniform(low, high, shape)
        arrays[name] = (np.rint(drawn) if "int" in said.dtype else drawn).astype(said.dtype)
    return arrays


def dynamic_shapes(
    declared: Mapping[str, TensorDeclaration],
) -> tuple[dict[int, torch.export.Dim], ...] | None:
    """Say which axes are symbolic, for the arguments in order; None when none is."""
    import torch

    symbols: dict[str, Any] = {}
    shapes = tuple(
        {
            axis: symbols.setdefault(size, torch.export.Dim(size))
            for axis, size in enumerate(said.shape or ())
            if isinstance(size, str)
        }
        for said in declared.values()
    )
    return shapes if symbols else None


def export(
    module: torch.nn.Module | torch.export.ExportedProgram,
    examples: Sequence[torch.Tensor],
    inputs: Sequence[str],
    outputs: Sequence[str],
    shapes: tuple[dict[int, Any], ...] | None,
    reference: str,
) -> ir.Model:
    """Export to an ONNX graph with these names.

    Raises:
        ConfigError: when a dimension that was declared symbolic is fixed by the module.
        ModelError: when the module cannot be traced.
        ToolError: when the exporter fails.
    """
    import torch

    try:
        program = torch.onnx.export(
            module,
            tuple(examples) if isinstance(module, torch.nn.Module) else (),
            dynamo=True,
            opset_version=HUB_OPSET,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            verbose=False,
        )
    except Exception as error:
        raise _explain(error, reference) from error
    assert program is not None
    graph = program.model
    for value in graph.graph.initializers.values():
        tensor = value.const_value
        assert tensor is not None
        # own arrays instead of torch's tensors: everything behind the import runs without torch
        value.const_value = ir.Tensor(
            np.ascontiguousarray(tensor.numpy()).reshape(tensor_shape(tensor)), dtype=tensor.dtype, name=value.name
        )
    return graph


def _explain(error: Exception, reference: str) -> ConfigError | ModelError | ToolError:
    causes = [error]
    while causes[-1].__cause__ is not None and isinstance(causes[-1].__cause__, Exception):
        causes.append(causes[-1].__cause__)
    text = str(causes[-1])
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if "onstraint" in text or "specialized" in text:
        detail = next((line for line in lines if line.startswith("-")), lines[0] if lines else text)
        return ConfigError(
            f"{reference}: a dimension declared symbolic cannot vary: {detail.lstrip('- ')}",
            hint="give it a number in the input's shape",
        )
    name = type(causes[-1]).__name__
    detail = lines[0] if lines else name
    if name == "DispatchError" or "Unsupported" in name or "No ONNX function found" in text:
        return ModelError(f"{reference}: PyTorch cannot export it to ONNX: {detail}")
    if type(error).__name__ in ("TorchExportError", "OnnxExporterError"):
        return ModelError(f"{reference}: PyTorch cannot trace it: {name}: {detail}")
    return ToolError(f"{reference}: PyTorch's exporter failed: {name}: {detail}")


@contextlib.contextmanager
def captured_output() -> Iterator[io.StringIO]:
    """Collect what Python code prints, warns and logs meanwhile."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    loggers = [logging.getLogger(), *map(logging.getLogger, tuple(logging.root.manager.loggerDict))]
    # handlers that have taken hold of the stream already, torch's own among them
    loud = {
        handler: handler.setStream(text)
        for logger in loggers
        for handler in logger.handlers
        if type(handler) is logging.StreamHandler
    }
    root = logging.getLogger()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = lambda message, category, *_: print(f"{category.__name__}: {message}", file=text)
        root.addHandler(handler)
        try:
            yield text
        finally:
            root.removeHandler(handler)
            for item, stream in loud.items():
                if stream is not None:
                    item.setStream(stream)
