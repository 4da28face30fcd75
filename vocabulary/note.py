"""What a step of a recipe did to a model, or left alone, in words for the report."""

from __future__ import annotations

import msgspec


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that a step did, or left alone and why: `where` names nodes or tensors of the hub model."""

    step: str
    where: str
    text: str
