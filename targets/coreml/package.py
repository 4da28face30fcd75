"""A MIL program as an `.mlpackage` on disk, through coremltools' own passes and serializer."""

from __future__ import annotations

from pathlib import Path

from .emit import Emitted
from .toolkit import coremltools

PACKAGE = "model.mlpackage"


def write(emitted: Emitted, out: Path) -> tuple[Path, ...]:
    """Write `model.mlpackage` into a folder; give its files, the manifest first."""
    tools = coremltools()
    model = tools.convert(
        emitted.program,
        convert_to="mlprogram",
        minimum_deployment_target=emitted.deployment.opset,
        compute_precision=tools.precision.FLOAT32,
        skip_model_load=True,
    )
    package = out / PACKAGE
    model.save(str(package))
    return tuple(sorted(path for path in package.rglob("*") if path.is_file()))[::-1]
