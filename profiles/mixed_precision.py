"""The record of a search for the fewest nodes that must stay float."""

from __future__ import annotations

import msgspec

from ..vocabulary.sensitivity import NodeSensitivity


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One artifact that was compiled and run over the tuning rows, the `kept_float` most sensitive nodes in float.

    `drop` is how much worse than the original it is, in `unit`, as the report's metric says it.
    """

    kept_float: int
    drop: float
    unit: str
    size_bytes: int
    holds: bool


class MixedPrecisionSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an artifact came to the nodes that it keeps in float.

    `ranking` has all candidates, the most sensitive first. `limit` is the number of evaluations that was announced;
    `evaluations` are those that were made, in their order, all on `rows` tuning rows. `kept_float` names the nodes of
    the artifact that was chosen; `holds` is False when none kept within `max_drop`, and the best found was taken.
    """

    artifact: str
    max_drop: str
    rows: int
    limit: int
    evaluations: tuple[Evaluation, ...]
    kept_float: tuple[str, ...]
    holds: bool
    ranking: tuple[NodeSensitivity, ...]
