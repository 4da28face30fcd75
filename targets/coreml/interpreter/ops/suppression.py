"""Suppression of boxes that overlap better ones."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array, Result
from .precision import widened


def non_maximum_suppression(a: Arguments) -> Result:
    """Keep boxes in descending order of their best score, those that overlap no kept one by more than `iou_threshold`.

    iOS 15 and 16: `boxes: [N, B, 4]`, `scores: [N, B, K]`, only scores of at least `score_threshold`; gives boxes,
    scores, indices `int32[N, max_boxes]` and how many they are, `int32[N]`. iOS 17: `boxes: [N, 4, B]`,
    `scores: [N, K, B]`, no threshold; gives the first three. A box is (x, y, width, height), around its centre.

    What the documentation leaves open is as in coremltools' own tests, which compare with Core ML: the class of a box
    is that of its best score; where no box reaches the threshold the best one is kept; behind the last box there are
    zeros, and the index -1. Of equal scores the first box comes first.
    """
    latest = a.get("score_threshold") is None
    boxes, scores = a["boxes"], a["scores"]
    if latest:
        boxes, scores = boxes.swapaxes(1, 2), scores.swapaxes(1, 2)
    count = a.agreed((len(boxes), a.integer("max_boxes")), 2)[1]
    out_boxes = np.zeros((len(boxes), count, 4), boxes.dtype)
    out_scores = np.zeros((len(boxes), count, scores.shape[2]), scores.dtype)
    out_indices = np.full((len(boxes), count), -1, np.int32)
    numbers = np.zeros(len(boxes), np.int32)
    for item in range(len(boxes)):
        kept = _kept(a, widened(boxes[item]), widened(scores[item]), count)
        numbers[item] = len(kept)
        out_indices[item, : len(kept)] = kept
        out_boxes[item, : len(kept)], out_scores[item, : len(kept)] = boxes[item][kept], scores[item][kept]
    if latest:
        return out_boxes.swapaxes(1, 2), out_scores.swapaxes(1, 2), out_indices
    return out_boxes, out_scores, out_indices, numbers


def _kept(a: Arguments, boxes: Array, scores: Array, count: int) -> Array:
    """Give the indices of the first `count` boxes that stay, the best first: `boxes: [B, 4]`, `scores: [B, K]`."""
    best = scores.max(axis=1)
    order = np.argsort(-best, kind="stable")
    threshold = a.get("score_threshold")
    alive = np.ones(len(order), np.bool_) if threshold is None else best[order] >= widened(threshold)
    if not alive.any():
        return order[: min(1, count)]
    classes = scores.argmax(axis=1)[order] if a.flag("per_class_suppression", False) else np.zeros(len(order), np.int64)
    ranked, limit = boxes[order], np.float32(a.real("iou_threshold"))
    kept: list[int] = []
    for place in range(len(order)):
        if alive[place] and len(kept) < count:
            kept.append(place)
            alive &= ~((_overlaps(ranked, ranked[place]) > limit) & (classes == classes[place]))
    return order[np.asarray(kept, np.int64)]


def _overlaps(boxes: Array, box: Array) -> Array:
    """Give intersection over union of each box with one; nothing where neither has an area."""
    low = np.maximum(boxes[:, :2] - boxes[:, 2:] / 2, box[:2] - box[2:] / 2)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:] / 2, box[:2] + box[2:] / 2)
    common = np.maximum(high - low, 0).prod(axis=1)
    union = boxes[:, 2:].prod(axis=1) + box[2:].prod() - common
    overlaps: Array = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return overlaps
