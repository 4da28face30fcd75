"""How rows of data go into the calls of a model or an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import DataError
from .signature import Signature


@dataclass(frozen=True, kw_only=True, slots=True)
class Batching:
    """Which rows go into a call: `rows_per_call` rows together when `batched`, else one row without its first axis."""

    rows_per_call: int
    batched: bool


def batching_for(signature: Signature, shapes: Mapping[str, tuple[int, ...]]) -> Batching:
    """Tell how arrays of these shapes (first axis: rows) are fed to inputs of this signature.

    Where the leading dimension is symbolic a call takes one row, for the original and every artifact alike: runtimes
    add in another order for another batch, and a model can turn that into a difference that no artifact is to blame
    for (the scores of one real classifier move by 1e-3 between a batch of 1 and of 16, in one runtime).

    Raises:
        DataError: when inputs disagree on how many rows a call takes.
    """
    ways = set()
    for spec in signature.inputs:
        if len(shapes[spec.name]) == len(spec.shape):
            leading = spec.shape[0]
            ways.add((leading if isinstance(leading, int) else 1, True))
        else:
            ways.add((1, False))
    if len(ways) != 1:
        taken = {spec.name: list(spec.shape) for spec in signature.inputs}
        raise DataError(
            f"the inputs disagree on how many rows a call takes: {taken}",
            hint="give every input the same leading dimension, or fix it with dims",
        )
    rows, batched = ways.pop()
    return Batching(rows_per_call=rows, batched=batched)
