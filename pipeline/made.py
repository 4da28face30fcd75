"""Compares an artifact with the model that its recipe made, where that computes something else than the original.

How far such an artifact is from the original says nothing of how rightly it was compiled.
"""

from __future__ import annotations

import msgspec

from ..profiles.report import Parity
from .imported import Imported
from .on_device import Place, prove
from .runner import Runner
from .steps.base import content_digest, part_digest
from .steps.compile_model import CompileModel
from .steps.evaluate import Evaluate
from .steps.prepared import FileRef
from .steps.run_made import RunMade
from .subject import Subject


def prove_beside_recipe(
    compiled: CompileModel, subject: Subject, place: Place, judged: Evaluate, imported: Imported, runner: Runner
) -> Parity:
    """Run an artifact over all rows on a device, and compare it with the model that the steps of its recipe made.

    `compiled` is how it was made of that; `judged` how it is compared with the original.

    Raises:
        EdgewrightError: when one of them cannot be run, or they cannot be compared.
    """
    step = RunMade(
        compile=compiled,
        inputs=_part(imported, "inputs"),
        golden=_part(imported, "golden/inputs"),
    )
    made = runner.step(step)
    beside = msgspec.structs.replace(judged, imported=str(made), metric=None)
    return prove(subject, place, beside, imported, runner, against=content_digest(made)).parity


def _part(imported: Imported, part: str) -> FileRef:
    return FileRef(path=str(imported.folder / part), digest=part_digest(imported.folder, part))
