"""The runtime that opens an artifact of a bundle here."""

from __future__ import annotations

from typing import cast

from ..fallback.rules import REFERENCE
from ..targets.artifact import Artifact
from ..targets.runtime import Runtime
from ..targets.runtimes import load_runtime
from ..vocabulary.tables import load_object

REFERENCE_RUNTIME = "edgewright.targets.onnxruntime.runtime:Reference"
"""What runs the original: node by node, with nothing optimised away."""


def runtime_of(artifact: Artifact) -> Runtime:
    """Give the runtime that opens an artifact.

    Raises:
        RequestError: when there is no such runtime.
        ImportError: when its driver cannot be imported.
    """
    if artifact.name == REFERENCE:
        return cast("type[Runtime]", load_object(REFERENCE_RUNTIME))()
    return load_runtime(artifact.requires.runtime)
