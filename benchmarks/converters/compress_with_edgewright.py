"""Makes a Core ML package of one variant of a hub model, as `edgewright build` does for one recipe."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from edgewright.compiler import recipe
from edgewright.compiler.model import Model
from edgewright.targets.base import Options
from edgewright.targets.coreml.target import CoreML
from edgewright.vocabulary.errors import RefusedError

REFUSED = 3
"""The exit status when nothing in the model can be stored so; the reason is in the log."""


def main() -> None:
    """`compress_with_edgewright.py HUB STEPS SYSTEM OUT.mlpackage`; STEPS is a recipe, in JSON."""
    hub, steps, system, out = sys.argv[1:]
    target = CoreML()
    shutil.rmtree(out, ignore_errors=True)
    parsed = recipe.parse(json.loads(steps), where="steps")
    options = Options(variant="variant", settings={"deployment_target": system})
    with tempfile.TemporaryDirectory() as folder:
        try:
            variant = recipe.apply(Model.load(Path(hub)), parsed, schemes=target.schemes())
            target.compile(variant, options, Path(folder))
        except RefusedError as refusal:
            print(refusal)
            sys.exit(REFUSED)
        shutil.copytree(Path(folder) / "model.mlpackage", out)


if __name__ == "__main__":
    main()
