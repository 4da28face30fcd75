"""Imports an ONNX file into edgewright's hub and cleans it up, as `edgewright build` does once for all targets."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model


def main() -> None:
    """`make_hub.py MODEL.onnx HUB`."""
    source, hub = Path(sys.argv[1]), Path(sys.argv[2])
    model = CLEANUP(import_model(Request(reference=source.name, folder=source.parent)).model)
    shutil.rmtree(hub, ignore_errors=True)
    hub.mkdir()
    model.save(hub)


if __name__ == "__main__":
    main()
