"""Which nodes of a model lose the most when they are quantized for a target."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from ..vocabulary.errors import ConfigError
from ..vocabulary.note import Note
from ..vocabulary.precision import Precision
from ..vocabulary.sensitivity import NodeSensitivity
from .cache import Cache, default_cache_folder
from .config import Project
from .imported import Imported
from .plan import drawn_sizes, one_a_target
from .preparation import Preparation
from .progress import Progress
from .runner import Runner
from .steps.import_model import ImportModel
from .steps.rank_nodes import RankNodes, read_ranking

WHAT: Final = "a ranking of nodes"


class Sensitivity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target makes of a model: the nodes that become integers, the most sensitive first.

    `notes` says of the others why they stay float.
    """

    target: str
    precision: Precision
    ranking: tuple[NodeSensitivity, ...]
    notes: tuple[Note, ...]


def sensitivities(
    project: Project, *, precision: Precision, progress: Progress, cache: Cache | None = None
) -> tuple[Sensitivity, ...]:
    """Rank the nodes for each target of a project, in this precision, on the calibration rows.

    Raises:
        ConfigError: when the project has no calibration rows.
        RequestError: when a target has no scheme for the precision.
        EdgewrightError: when the model or the data is wrong.
    """
    if project.data.calibration is None:
        raise ConfigError(
            f"{project.where}: {WHAT} runs the model over calibration rows, and there are none",
            hint='say data.calibration = { file = "data.npz", rows = "0:100" }, or --calibration data.npz',
        )
    runner = Runner(cache or Cache(default_cache_folder()), progress)
    step = ImportModel.of(project, None, drawn_sizes(project))
    preparation = Preparation(project, Imported(runner.reading(step)), runner)
    found = []
    for item in one_a_target(project, variant=precision):
        quantized = replace(item, recipe=({"quantize": {"precision": str(precision)}},))
        model, steps = preparation.prepare(quantized)
        ranked = RankNodes(
            model=model,
            target=item.target.name,
            steps=steps,
            rows=preparation.rows,
            where=f"{project.where}: precision {precision}",
        )
        said = read_ranking(runner.step(ranked))
        found.append(Sensitivity(target=item.target.name, precision=precision, ranking=said.ranking, notes=said.notes))
    return tuple(found)
