"""A lesson: a student, whom it learns from, and how what it has learned is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...vocabulary.errors import ModelError
from ..model import Model
from .batches import Batch, Batches, Places
from .function import Function
from .material import Array, Material
from .objective import (
    Feature,
    Kind,
    Scores,
    check_labels,
    from_labels,
    from_teacher,
    paired,
    scores_of,
)

Weights = Mapping[str, Tensor]
Computes = Callable[[Mapping[str, Tensor], Weights], Mapping[str, Tensor]]
"""What a model gives, by name, for rows and weights."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aims:
    """What counts in a loss, and how much.

    `hard`: the share that labels have; the rest is the teacher's. `features` count `feature_weight` times beside that.
    """

    hard: float
    temperature: float = 1.0
    features: tuple[Feature, ...] = ()
    feature_weight: float = 1.0
    output: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The loss and the metric on the rows that were held back."""

    loss: float
    metric: float


class Lesson:
    """What a student is to learn."""

    def __init__(self, model: Model, student: Computes, aims: Aims, batches: Batches, material: Material) -> None:
        """`student` computes `model`, and gives what `tapped(model, aims)` names.

        Raises:
            ModelError: when no output of the model is of floats, or it has none of the name that is asked for.
            DataError: when labels are not those of its outputs.
            RefusedError: when PyTorch cannot say the teacher.
        """
        self._student, self._aims, self._batches = student, aims, batches
        pairs = paired(model, material.teacher)
        self._labelled = labelled_output([scores for scores, _ in pairs], aims.output)
        if material.labels is not None:
            shape = next(spec.shape for spec in model.signature.outputs if spec.name == self._labelled.output)
            check_labels(material.labels, self._labelled, shape)
        self._of_classes = material.labels is not None and material.labels.dtype.kind in "iu"
        if self._of_classes and self._labelled.kind is Kind.REALS:  # labels say that these are scores of classes
            self._labelled = replace(self._labelled, kind=Kind.CLASSES)
        others = (scores for scores, _ in pairs if scores.output != self._labelled.output)
        self._scores = (self._labelled, *others)
        self._teacher = _Teacher(material, {scores.output: tensor for scores, tensor in pairs}, aims, batches)
        self.metric = (
            "accuracy" if self._of_classes else "agreement" if self._labelled.kind is Kind.CLASSES else "error"
        )

    def loss(self, batch: Batch, weights: Weights) -> Tensor:
        """Give the loss of a batch."""
        return self._of(self._student(batch.rows, weights), batch, weights)

    def _of(self, found: Mapping[str, Tensor], batch: Batch, weights: Weights) -> Tensor:
        aims, total = self._aims, torch.zeros(())
        if aims.hard:
            total = total + aims.hard * self._by_labels(found, batch)
        if aims.hard < 1 or aims.features:
            taught = self._teacher(batch)
            own = [
                from_teacher(each, found[each.tensor], taught[each.output], aims.temperature, self._least[each.output])
                for each in self._scores
            ]
            if aims.hard < 1:
                total = total + (1 - aims.hard) * torch.stack(own).mean()
            for feature in aims.features:
                of_teacher = f"{_FEATURE}{feature.of_teacher}"
                apart = feature.loss(found[feature.name], taught[of_teacher], weights, self._least[of_teacher])
                total = total + aims.feature_weight * apart
        return total

    @cached_property
    def _least(self) -> dict[str, float]:
        """The variance that a batch is taken to have at least, of each thing that the teacher gives.

        It is a part of that of many rows, so that it is only of use where a batch has hardly any, as one of one row.
        """
        places = self._batches.places
        count = min(len(places), _ROWS_OF_VARIANCE)
        pieces = self._batches.pieces(places[np.arange(count) * len(places) // count])
        taught = [self._teacher(batch) for batch in pieces]
        return {name: _PART_OF_VARIANCE * _variance([each[name] for each in taught]) for name in taught[0]}

    def judge(self, weights: Weights) -> Judged:
        """Give loss and metric on the rows that were held back."""
        losses, right, difference, counted = 0.0, 0.0, 0.0, 0
        sums = np.zeros(2)
        with torch.no_grad():
            for batch in self._batches.pieces(self._batches.held_back):
                rows = len(next(iter(batch.rows.values())))
                given = self._student(batch.rows, weights)
                losses += float(self._of(given, batch, weights)) * rows
                found = given[self._labelled.tensor].double()
                if self._of_classes:
                    assert batch.labels is not None
                    right += float((found.argmax(1) == batch.labels).double().sum())
                    counted += rows
                    continue
                wanted = self._teacher(batch)[self._labelled.output].double()
                if self._labelled.kind is Kind.CLASSES:
                    axis = self._labelled.axis
                    same = found.argmax(axis) == wanted.argmax(axis)
                    right, counted = right + float(same.double().sum()), counted + same.numel()
                else:
                    difference += float((found - wanted).square().sum())
                    sums += float(wanted.sum()), float(wanted.square().sum())
                    counted += wanted.numel()
        mean = losses / len(self._batches.held_back)
        if self.metric != "error":
            return Judged(loss=mean, metric=100 * right / counted)
        variance = max(sums[1] / counted - (sums[0] / counted) ** 2, _LEAST_VARIANCE)
        return Judged(loss=mean, metric=100 * float(np.sqrt(difference / counted / variance)))

    def _by_labels(self, found: Mapping[str, Tensor], batch: Batch) -> Tensor:
        assert batch.labels is not None
        scores = found[self._labelled.tensor]
        losses = from_labels(self._labelled, scores, batch.labels)
        if batch.others is not None:
            assert batch.shares is not None
            others = from_labels(self._labelled, scores, batch.others)
            losses = (1 - batch.shares) * losses + batch.shares * others
        return losses.mean()


_LEAST_VARIANCE: Final = 1e-12
_ROWS_OF_VARIANCE: Final = 64
_PART_OF_VARIANCE: Final = 0.1
"""A batch whose rows are all alike counts ten times as much as others at most."""


def _variance(parts: Sequence[Tensor]) -> float:
    """Give the variance of all finite numbers."""
    found = torch.cat([part[part.isfinite()].double() for part in parts])
    return float(found.var(correction=0)) if len(found) else 0.0


_FEATURE: Final = "feature "


def labelled_output(outputs: Iterable[Scores], name: str) -> Scores:
    """Give the output that labels are of: the first of floats where none is named.

    Raises:
        ModelError: when there is none.
    """
    known = {scores.output: scores for scores in outputs}
    if not known:
        raise ModelError("the model has no output of floats, so there is nothing to learn")
    if name and name not in known:
        raise ModelError(
            f"output = {name!r}: the model has no such output of floats", hint=f"it has {', '.join(known)}"
        )
    return known[name] if name else next(iter(known.values()))


def tapped(model: Model, aims: Aims) -> tuple[str, ...]:
    """Give the inner tensors of the student that a lesson looks at."""
    own = {str(value.name) for value in model.graph.outputs}
    names = [*(scores.tensor for scores in scores_of(model)), *(feature.name for feature in aims.features)]
    return tuple(name for name in dict.fromkeys(names) if name not in own)


class _Teacher:
    """What the teacher gives, by output and by the features that are asked for; kept for rows that come again."""

    def __init__(self, material: Material, outputs: Mapping[str, str], aims: Aims, batches: Batches) -> None:
        model, self._outputs = material.teacher, outputs
        self._features = tuple(dict.fromkeys(feature.of_teacher for feature in aims.features))
        own = {str(value.name) for value in model.graph.outputs}
        wanted = [name for name in (*outputs.values(), *self._features) if name not in own]
        self._function = Function.of(model, material.rows, tapped=tuple(dict.fromkeys(wanted)))
        self._kept: dict[str, Array] | None = {} if not batches.are_changed else None
        self._known = np.zeros(material.row_count, bool)
        self._rows = material.row_count

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        if batch.places is None or self._kept is None:
            return self._run(batch)
        if not self._known[batch.places].all():
            found = self._run(batch)
            self._keep(batch.places, found)
            return found
        return {name: torch.from_numpy(rows[batch.places]) for name, rows in self._kept.items()}

    def _run(self, batch: Batch) -> dict[str, Tensor]:
        with torch.no_grad():
            given = self._function(batch.rows, {})
        taught = {output: given[tensor] for output, tensor in self._outputs.items()}
        return taught | {f"{_FEATURE}{name}": given[name] for name in self._features}

    def _keep(self, places: Places, found: Mapping[str, Tensor]) -> None:
        if self._kept is None:
            return
        if not self._kept:
            row_bytes = sum(tensor[0].numel() * tensor.element_size() for tensor in found.values())
            if row_bytes * self._rows > _MOST_KEPT_BYTES:
                self._kept = None
                return
            self._kept = {
                name: np.empty((self._rows, *rows.shape[1:]), rows.numpy().dtype) for name, rows in found.items()
            }
        for name, rows in found.items():
            self._kept[name][places] = rows.numpy()
        self._known[places] = True


_MOST_KEPT_BYTES: Final = 256 * 2**20
"""More answers of the teacher are computed again: memory stays flat in the size of the data."""
