"""What was learned by a model after it was imported, as bundles and reports say it."""

from __future__ import annotations

import msgspec


class Measured(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure on the rows that training held back, before and after: `accuracy` in %, say.

    `name` is `accuracy` (labels), `agreement` (the same answer as the teacher's), both in %, or `error` (the root mean
    square difference from the teacher, as a share of the spread of the teacher's own outputs, in %).
    """

    name: str
    before: float
    after: float
    rows: int


class TrainingRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a recipe that learned: what it was told, what it saw, what it did.

    `step` is the name of the step and `options` what the recipe says of it, as JSON. `data` digests the training rows
    (and labels), `teacher` the graph of the original. `steps` of the optimizer were made of `planned`; `kept` is the
    one whose weights were kept. `stopped` says why fewer than planned were made; it is empty otherwise. `threads` were
    used: sums are taken in another order by another number of them.
    """

    step: str
    options: str
    data: str
    rows: int
    labelled: bool
    teacher: str
    seed: int
    steps: int
    planned: int
    kept: int
    metric: Measured
    threads: int
    stopped: str = ""
