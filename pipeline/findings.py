"""Why an artifact and the reference part, in sentences, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..profiles.bisection import TensorWalk
from ..profiles.report import TensorParity

NOTABLE_CLIPPING = 1e-3
"""Share of values outside of the range: being cut off by as much as they reach beyond it, they weigh more than that."""
NOTABLE_LOSS = 0.2
"""Share of values of which the grid leaves nothing: values spread evenly over two steps around zero lose half."""


def findings_of(tensors: Sequence[TensorWalk], first: str) -> tuple[str, ...]:
    """Say what the figures around the first tensor that parts tell."""
    known = {tensor.name: tensor for tensor in tensors}
    here = known[first]
    names, between = nearest(here, known)
    sources = [known[name] for name in names]
    return (*_where(here, sources, between), *_whose(here), *_grids([here, *sources]))


def nearest(tensor: TensorWalk, known: dict[str, TensorWalk]) -> tuple[list[str], list[str]]:
    """Give the nearest compared tensors that a tensor is made of, and the nodes between them, its own last."""
    found: dict[str, None] = {}
    nodes = [_node(tensor)]
    waiting, passed = list(tensor.inputs), set[str]()
    while waiting:
        name = waiting.pop(0)
        if name in passed or name not in known:
            continue
        passed.add(name)
        if known[name].parity is None:
            waiting += known[name].inputs
            nodes.insert(0, _node(known[name]))
        else:
            found[name] = None
    return list(found), nodes


def _node(tensor: TensorWalk) -> str:
    return f"{tensor.node or tensor.name} ({tensor.op})"


def _where(here: TensorWalk, sources: Sequence[TensorWalk], between: Sequence[str]) -> Iterator[str]:
    node = ", ".join(between)
    if here.own is None:
        yield (
            f"The error shows first at {node}: what that is made of is within its bounds. It computes something else, "
            "or makes a small difference large."
        )
    elif here.own_broken:
        yield f"The error is born at {node}: the reference makes another result of the artifact's own inputs, " + (
            "; ".join(here.own_broken) + "."
        )
    else:
        worst = min(sources, key=lambda source: _snr(source.parity), default=None)
        told = f" The worst of them is {worst.name} with {_snr(worst.parity):.1f} dB." if worst is not None else ""
        yield f"{node} adds little itself: errors of its inputs, each within its bounds, grow here.{told}"


def _whose(here: TensorWalk) -> Iterator[str]:
    if here.variant is None:
        return
    if here.variant_broken:
        yield "The quantized model parts here in onnxruntime too: the integers do it, and not the target."
    elif here.grid is not None:
        yield "The quantized model holds here in onnxruntime: the target does it, not the integers."


def _grids(tensors: Sequence[TensorWalk]) -> Iterator[str]:
    for tensor in tensors:
        grid = tensor.grid
        if grid is None:
            continue
        low, high = grid.range
        if grid.clipped > NOTABLE_CLIPPING:
            share = f"{100 * grid.clipped:.3g} %"
            yield f"{tensor.name} is clipped: {share} of its values lie outside {low:.4g}…{high:.4g}."
        if grid.lost > NOTABLE_LOSS:
            yield (
                f"{tensor.name} has a coarse grid: {100 * grid.lost:.3g} % of its values are nearer to zero than half "
                f"a step of {grid.scale:.4g}. A few values far out set the range {low:.4g}…{high:.4g}."
            )


def _snr(parity: TensorParity | None) -> float:
    """Give the signal-to-noise ratio in dB; infinity where both are equal."""
    if parity is None or parity.snr_db is None:
        return float("inf")
    return parity.snr_db
