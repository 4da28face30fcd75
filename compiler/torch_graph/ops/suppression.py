"""NonMaxSuppression: boxes that overlap none with a better score. How many there are is data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...lowering.call import Call
from ..builder import Builder
from ..lowering import Lowering
from .numbers import number

if TYPE_CHECKING:
    from torch.fx import Node


def non_max_suppression(call: Call[Node], b: Builder) -> Node:
    """NonMaxSuppression; without a number of boxes there are none."""
    most = number(call, b, 2, "number of boxes") if call.has(2) else 0
    centered = bool(call.integer("center_point_box", 0))
    return b.call(suppressed, call[0], call[1], most, call.get(3), call.get(4), centered)


def suppressed(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    most: int,
    overlap: torch.Tensor | None,
    least: torch.Tensor | None,
    centered: bool,
) -> torch.Tensor:
    """Give (batch, class, box) int64[count, 3] of what stays of boxes [N, B, 4] with scores [N, C, B].

    Of each class at most `most` stay, none whose share of common area with a better one is above `overlap`, and none
    whose score is not above `least`.
    """
    corners = _corners(boxes, centered)
    found = [torch.empty((0, 3), dtype=torch.int64, device=boxes.device)]
    for batch in range(scores.size(0)):
        apart = _overlaps(corners[batch]) <= (0.0 if overlap is None else overlap.reshape(()))
        for kind in range(scores.size(1)):
            kept = _best(apart, scores[batch, kind], most, least)
            where = kept.new_tensor([batch, kind]).expand(kept.size(0), 2)
            found.append(torch.cat([where, kept.unsqueeze(1)], 1))
    return torch.cat(found)


def _best(apart: torch.Tensor, scores: torch.Tensor, most: int, least: torch.Tensor | None) -> torch.Tensor:
    """Give the places of the boxes of one class that stay, the best first; `apart` tells which may stand together."""
    candidates = torch.ones_like(scores, dtype=torch.bool) if least is None else scores > least.reshape(())
    kept: list[int] = []
    for place in torch.sort(scores, descending=True, stable=True).indices.tolist():
        if len(kept) == most:
            break
        if candidates[place]:
            kept.append(place)
            candidates &= apart[place]
    return torch.tensor(kept, dtype=torch.int64, device=scores.device)


def _corners(boxes: torch.Tensor, centered: bool) -> torch.Tensor:
    """Give boxes [..., 4] as the lower and the higher bound of both axes."""
    if centered:
        center, half = boxes[..., :2], boxes[..., 2:] / 2
        return torch.cat([center - half, center + half], -1)
    one, other = boxes[..., :2], boxes[..., 2:]
    return torch.cat([torch.minimum(one, other), torch.maximum(one, other)], -1)


def _overlaps(corners: torch.Tensor) -> torch.Tensor:
    """Give the area that each two of boxes [B, 4] have in common, as a share of what they cover, [B, B]."""
    low, high = corners[:, :2], corners[:, 2:]
    areas = (high - low).prod(1)
    common = torch.minimum(high[:, None], high) - torch.maximum(low[:, None], low)
    shared = common.clamp(min=0).prod(2)
    covered = areas[:, None] + areas - shared
    return torch.where(shared > 0, shared / covered, 0)


LOWERINGS: dict[str, Lowering] = {"NonMaxSuppression": non_max_suppression}
