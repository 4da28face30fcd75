"""What the importers of PyTorch modules and of exported programs share: run once, name the outputs, export, settle."""

from __future__ import annotations

import io
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch

from ...vocabulary.errors import ConfigError, ModelError
from ..model import Model, Source
from ..passes.fix_dimensions import FixDimensions
from ..passes.infer_shapes import InferShapes
from .arrived_precision import arrived_precision
from .interface import check_dims, settle_interface
from .normal_form import normalize
from .onnx_file import source_digest
from .opset import raise_opset
from .request import Array, Imported, Request
from .torch_export import dynamic_shapes, export
from .torch_original import TorchOriginal, named_tensors, to_tensor


def import_torch(
    module: torch.nn.Module,
    examples: Mapping[str, Array],
    request: Request,
    *,
    files: tuple[Path, ...],
    log: io.StringIO,
) -> Imported:
    """Export a module that is called with the examples, in their order.

    Raises:
        ModelError: when the module fails on the examples, gives back what is no tensor, or cannot be traced.
        ConfigError: when the declaration does not fit the module.
    """
    tensors = [to_tensor(array) for array in examples.values()]
    names = _output_names(module, tensors, request)
    inputs = tuple(examples)
    shapes = dynamic_shapes({name: request.inputs[name] for name in inputs})
    graph = export(module, tensors, inputs, names, shapes, request.reference)
    _check_open(graph, request)
    return finish(graph, module, inputs, names, request, files=files, log=log)


def _check_open(graph: ir.Model, request: Request) -> None:
    for value in graph.graph.inputs:
        for size, said in zip(value.shape or (), request.inputs[str(value.name)].shape or (), strict=False):
            if isinstance(size, int) and isinstance(said, str):
                raise ConfigError(
                    f"{request.reference}: a dimension declared symbolic cannot vary: "
                    f"the module fixes {said!r} of input {value.name!r} at {size}",
                    hint="give it a number in the input's shape, or change the module",
                )


def finish(
    graph: ir.Model,
    module: torch.nn.Module,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    request: Request,
    *,
    files: tuple[Path, ...],
    log: io.StringIO,
) -> Imported:
    """Bring an exported graph to the hub, beside the module that it came from.

    Raises:
        ModelError: when the graph holds what no hub model may.
        ConfigError: when the request contradicts it.
    """
    got = tuple(value.name for value in graph.graph.inputs)
    if got != inputs:
        raise ModelError(f"{request.reference}: exported with the inputs {list(got)} instead of {list(inputs)}")
    normalize(graph)
    raise_opset(graph)
    InferShapes().rewrite(graph)
    signature = settle_interface(graph, request)
    check_dims(signature, request.dims, request.reference)
    source = Source(
        reference=request.reference,
        framework="pytorch",
        digest=source_digest(files, request.folder.resolve()),
        tools={package: version(package) for package in ("torch", "onnxscript", "onnx", "onnx-ir")},
    )
    kept = {spec.name for spec in signature.outputs}
    return Imported(
        model=FixDimensions(request.dims)(
            Model(ir=graph, signature=signature, source=source, precision=arrived_precision(graph))
        ),
        original=TorchOriginal(module, inputs, tuple(name if name in kept else None for name in outputs)),
        files=files,
        log=log.getvalue(),
    )


def output_names(result: Any, request: Request) -> tuple[str, ...]:
    """Name the tensors that a module gave back: by the request, by its keys, or `output`, or `output_0` and so on.

    Raises:
        ModelError: when something in the result is no tensor, or there is none.
        ConfigError: when the request names another number of outputs.
    """
    try:
        found = [name for name, _ in named_tensors(result)]
    except TypeError as error:
        raise ModelError(f"{request.reference}: {error}") from error
    if not found:
        raise ModelError(f"{request.reference}: the module gives back no tensor")
    own = tuple(f"output_{name}" if name.isdigit() else name or "output" for name in found)
    asked = tuple(request.outputs)
    if not asked or set(asked) <= set(own):
        return own
    if len(asked) != len(own):
        raise ConfigError(
            f"{request.reference}: {len(asked)} outputs are named, the module gives back {len(own)} ({', '.join(own)})",
            hint="name all of them, in their order, or some by the names that they have",
        )
    return asked


def _output_names(module: torch.nn.Module, tensors: list[torch.Tensor], request: Request) -> tuple[str, ...]:
    try:
        with torch.no_grad():
            result = module(*tensors)
    except Exception as error:
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in zip(request.inputs, tensors, strict=True))
        raise ModelError(
            f"{request.reference}: the module fails on inputs as declared ({shapes}): {type(error).__name__}: {error}",
            hint="correct the declared shapes and dtypes, or give a range that its values lie in",
        ) from error
    names = output_names(result, request)
    shared = sorted(set(names) & set(request.inputs))
    if shared:
        raise ConfigError(
            f"{request.reference}: {shared[0]!r} is the name of an input and of an output",
            hint="name the outputs otherwise: model.outputs, in the order in which the module gives them",
        )
    return names
