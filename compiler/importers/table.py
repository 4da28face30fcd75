"""The built-in importers. Others come by the entry point `edgewright.importers`."""

from __future__ import annotations

from typing import cast

from ...vocabulary.errors import ConfigError
from ...vocabulary.tables import Table
from .base import Importer
from .request import Imported, Request

IMPORTERS = Table(
    "edgewright.importers",
    {
        "onnx": "edgewright.compiler.importers.onnx_file:OnnxFile",
        "pt2": "edgewright.compiler.importers.exported_program:ExportedProgram",
        "torch": "edgewright.compiler.importers.torch_module:TorchModule",
        "weights": "edgewright.compiler.importers.weights:WeightsAlone",
    },
)


def choose_importer(request: Request) -> Importer:
    """Give the importer for the form of the reference.

    Raises:
        ConfigError: when no importer knows this form.
    """
    for name in IMPORTERS.names:
        importer = cast("type[Importer]", IMPORTERS.load(name))()
        if importer.accepts(request):
            return importer
    raise ConfigError(
        f"{request.reference}: no importer knows this form of model",
        hint="give model.onnx, model.pt2, file.py:factory or package.module:factory",
    )


def import_model(request: Request) -> Imported:
    """Import a model by the importer for its form.

    Raises:
        ModelError: when it is no such model, is damaged, or holds something that edgewright does not accept.
        ConfigError: when the request contradicts the model, lacks something, or no importer knows the form.
        MissingExtraError: when the framework is not installed; the message names the extra.
        ToolError: when the framework fails on a model that is right.
    """
    return choose_importer(request).read(request)
