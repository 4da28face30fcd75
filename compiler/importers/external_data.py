"""Weights beside the model file: they must be there, whole, and inside the model's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import onnx_ir as ir

from ...vocabulary.errors import ModelError


def external_files(model: ir.Model, folder: Path) -> tuple[Path, ...]:
    """Give the files that hold the model's external tensors, after checking every reference to them.

    Raises:
        ModelError: when a file is missing, too short, or reached by a path or link that leads out of the folder.
    """
    files: dict[Path, int] = {}
    root = folder.resolve()
    for name, tensor in _external_tensors(model):
        location = Path(str(tensor.location))
        path = folder / location
        if location.is_absolute() or ".." in location.parts or not path.resolve().is_relative_to(root):
            raise ModelError(
                f"the weights of {name!r} point to {str(location)!r}, outside the model's folder",
                hint="put the data file beside the model, and name it by a relative path",
            )
        if path not in files:
            if not path.is_file():
                raise ModelError(
                    f"the weights of {name!r} lie in {str(location)!r}, which is not there",
                    hint=f"put it into {folder}",
                )
            files[path] = path.stat().st_size
        end = (tensor.offset or 0) + (tensor.length if tensor.length is not None else tensor.nbytes)
        if end > files[path]:
            raise ModelError(f"{str(location)!r} is truncated: {name!r} ends at byte {end} of {files[path]}")
    return tuple(files)


def _external_tensors(model: ir.Model) -> Iterator[tuple[str, ir.ExternalTensor]]:
    for root in (model.graph, *(function.graph for function in model.functions.values())):
        for graph in (root, *root.subgraphs()):
            for name, value in graph.initializers.items():
                if isinstance(value.const_value, ir.ExternalTensor):
                    yield name, value.const_value
            for node in graph:
                for attribute in node.attributes.values():
                    if attribute.type == ir.AttributeType.TENSOR and isinstance(attribute.value, ir.ExternalTensor):
                        yield f"{node.name}.{attribute.name}", attribute.value
