"""The runtimes that can open a bundle's artifacts here. Others come by the entry point `edgewright.runtimes`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import cast

from ..fallback.rules import REFERENCE
from ..targets.artifact import Artifact
from ..targets.runtime import Runtime
from ..vocabulary.tables import Table, load_object

RUNTIMES = Table(
    "edgewright.runtimes",
    {
        "onnxruntime": "edgewright.targets.onnxruntime.runtime:OnnxRuntime",
        "ai-edge-litert": "edgewright.targets.tflite.runtime:LiteRT",
    },
)
"""Distribution → the `Runtime` class that drives it."""

REFERENCE_RUNTIME = "edgewright.targets.onnxruntime.runtime:Reference"
"""What runs the original: node by node, with nothing optimised away."""


def runtime_of(artifact: Artifact) -> Runtime:
    """Give the runtime that opens an artifact.

    Raises:
        RequestError: when there is no such runtime.
        ImportError: when its driver cannot be imported.
    """
    driver = load_object(REFERENCE_RUNTIME) if artifact.name == REFERENCE else RUNTIMES.load(artifact.requires.runtime)
    return cast("type[Runtime]", driver)()


def installed_runtimes() -> dict[str, str]:
    """Give the version of every runtime of the table that is installed here."""
    found = {}
    for name in RUNTIMES.names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
