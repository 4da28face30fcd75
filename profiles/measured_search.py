"""The record of a step whose options were chosen by latency as measured."""

from __future__ import annotations

import msgspec

from ..vocabulary.evidence import Evidence


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two artifacts that were measured by turns, so that what the machine does beside slows down both alike.

    `tried` is what one of them had and the other had not: nodes that were factored, or `macs = 60%`. `ratio` is its p50
    by that of the other, the median over the turns; `lowest` and `highest` are those of single turns. `beside_ms` is
    the median p50 of the other. `taken`: it did what was asked for, and stayed.
    """

    tried: tuple[str, ...]
    ratio: float
    lowest: float
    highest: float
    beside_ms: float
    taken: bool


class MeasuredSearch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an artifact came to the options of a step that asks for latency.

    `step` is `low_rank` or `prune`, `asked` what its recipe says: `measured = true`, `latency = "60%"`. `device` and
    `evidence` say where it was measured. `comparisons` are those that were made, at most `limit`, in their order.
    `candidates` are the nodes that the step would factor. `chosen` is what was written into the recipe: names of
    nodes, or one share of multiply-accumulates; nothing when the step was taken out. `holds` is False when no share
    was fast enough, and the fastest was taken.
    """

    artifact: str
    step: str
    asked: str
    device: str
    evidence: Evidence
    limit: int
    comparisons: tuple[Comparison, ...]
    candidates: tuple[str, ...] = ()
    chosen: tuple[str, ...]
    holds: bool
