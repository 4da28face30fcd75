"""What training makes smaller: how far a model is from its teacher, from its labels, or from both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from typing import Final

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor
from torch.nn import functional

from ...vocabulary.errors import DataError, ModelError
from ..model import Model
from ..passes.editing import is_op
from .material import Array

_FLOATS: Final = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE, ir.DataType.BFLOAT16)
_CLASS_AXES: Final = 2
"""Axes of an output that has a score for each class of each row."""


class Kind(Enum):
    """What the numbers of an output are."""

    CLASSES = auto()
    """Scores of classes, one of which is right."""
    EACH = auto()
    """A score of its own for each place."""
    REALS = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """An output, seen as the tensor that its loss is taken of.

    `tensor` is the one in front of a last Softmax or Sigmoid, or the output itself; `axis` that of the classes.
    """

    output: str
    tensor: str
    kind: Kind
    axis: int = -1


def scores_of(model: Model) -> tuple[Scores, ...]:
    """Give the outputs that can be learned: those of floats."""
    return tuple(_scores(value) for value in model.graph.outputs if value.dtype in _FLOATS)


def _scores(value: ir.Value) -> Scores:
    name, maker = str(value.name), value.producer()
    if is_op(maker, "Softmax") and maker is not None and maker.inputs[0] is not None:
        axis = maker.attributes.get_int("axis", -1)
        return Scores(output=name, tensor=str(maker.inputs[0].name), kind=Kind.CLASSES, axis=axis)
    if is_op(maker, "LogSoftmax") and maker is not None:
        # what it gives has the same softmax as what it takes
        return Scores(output=name, tensor=name, kind=Kind.CLASSES, axis=maker.attributes.get_int("axis", -1))
    if is_op(maker, "Sigmoid") and maker is not None and maker.inputs[0] is not None:
        return Scores(output=name, tensor=str(maker.inputs[0].name), kind=Kind.EACH)
    return Scores(output=name, tensor=name, kind=Kind.REALS)


def paired(student: Model, teacher: Model) -> tuple[tuple[Scores, str], ...]:
    """Give the outputs that a student learns, each with the tensor of the teacher that it is compared with.

    Where only one of the two ends in a Softmax or Sigmoid, what they give is compared as it is.
    """
    theirs = {scores.output: scores for scores in scores_of(teacher)}
    found = []
    for ours in scores_of(student):
        other = theirs.get(ours.output)
        if other is not None and (other.kind, other.axis) == (ours.kind, ours.axis):
            found.append((ours, other.tensor))
        elif other is not None:
            found.append((Scores(output=ours.output, tensor=ours.output, kind=Kind.REALS), other.output))
    return tuple(found)


def check_labels(labels: Array, scores: Scores, shape: tuple[int | str, ...]) -> None:
    """Check that labels can be those of an output of this shape.

    Raises:
        DataError: when they are numbers of classes that the output does not have, of another shape, or no shares where
            the output gives some.
    """
    output = scores.output
    if labels.dtype.kind in "iu":
        classes = shape[-1] if len(shape) == _CLASS_AXES else None
        if labels.ndim != 1 or not isinstance(classes, int):
            raise DataError(
                f"labels are whole numbers of shape {list(labels.shape)}, and output {output!r} is of shape "
                f"{list(shape)}: no class for each row",
                hint="name the output that has a score for each class (output = …), or leave the labels out",
            )
        wrong = np.flatnonzero((labels < 0) | (labels >= classes))
        if wrong.size:
            raise DataError(
                f"the label of training row {wrong[0]} is {labels[wrong[0]]}, and output {output!r} has the classes 0 "
                f"to {classes - 1} ({wrong.size} of {labels.size} labels are out of range)",
                hint="classes are counted from 0, in the order of the output's scores",
            )
        return
    wanted = shape[1:]
    same = len(wanted) == labels.ndim - 1 and all(
        isinstance(size, str) or size == got for size, got in zip(wanted, labels.shape[1:], strict=True)
    )
    if labels.dtype.kind != "f" or not same:
        raise DataError(
            f"labels are {labels.dtype.name} of shape {list(labels.shape)}, and output {output!r} is of shape "
            f"{list(shape)}",
            hint="labels are whole numbers, one a row, or floats like the output",
        )
    if not np.isfinite(labels).all():
        raise DataError(f"labels hold NaN or infinities, first in row {int(np.argwhere(~np.isfinite(labels))[0, 0])}")
    if scores.tensor != output and (labels.min(initial=0) < 0 or labels.max(initial=1) > 1):
        raise DataError(
            f"labels lie between {labels.min():g} and {labels.max():g}, and output {output!r} gives shares from 0 to 1",
            hint="labels of floats are what the output is to give",
        )


def from_labels(scores: Scores, found: Tensor, labels: Tensor) -> Tensor:
    """Give the loss of each row by its label: cross entropy of classes, or the mean square difference.

    Labels of floats are what the output is to give: shares of classes where it ends in a softmax.

    Raises:
        DataError: when labels of floats are not of the shape that the output has.
    """
    if not labels.is_floating_point():
        if scores.kind is not Kind.EACH:
            return functional.cross_entropy(found, labels, reduction="none")
        labels = functional.one_hot(labels, found.shape[1]).to(found.dtype)
    if found.shape != labels.shape:
        raise DataError(
            f"labels are of shape {list(labels.shape)} for a batch of which output {scores.output!r} gives "
            f"{list(found.shape)}",
            hint="labels are whole numbers, one a row, or floats like the output",
        )
    if scores.kind is Kind.CLASSES and scores.tensor != scores.output:
        losses = -(labels * functional.log_softmax(found, scores.axis)).sum(scores.axis)
    elif scores.kind is Kind.EACH:
        losses = functional.binary_cross_entropy_with_logits(found, labels, reduction="none")
    else:
        losses = functional.mse_loss(found, labels, reduction="none")
    return losses.reshape(len(losses), -1).mean(1)


def from_teacher(scores: Scores, found: Tensor, wanted: Tensor, temperature: float, least: float) -> Tensor:
    """Give the mean loss by what the teacher gives for the same rows; `least` is as in `relative_error`.

    Classes: the Kullback-Leibler divergence at a temperature, times its square, so that gradients keep their size
    (Hinton et al. 2015, section 2). Reals: the mean square difference as a share of the variance.
    """
    if scores.kind is Kind.CLASSES:
        taught = functional.log_softmax(wanted / temperature, scores.axis)
        learned = functional.log_softmax(found / temperature, scores.axis)
        divergence = functional.kl_div(learned, taught, reduction="none", log_target=True).sum(scores.axis)
        return divergence.mean() * temperature**2
    if scores.kind is Kind.EACH:
        return functional.binary_cross_entropy_with_logits(found, wanted.sigmoid())
    return relative_error(found, wanted, least)


_LEAST_VARIANCE: Final = 1e-12
"""An output that is the same for all rows has none; what is learned of it is the plain difference, scaled up."""


def relative_error(found: Tensor, wanted: Tensor, least: float = _LEAST_VARIANCE) -> Tensor:
    """Give the mean square difference as a share of the variance of what is wanted, which is taken as `least` at least.

    A batch of one row may have no variance at all: a share of it would be without measure.
    """
    return functional.mse_loss(found, wanted) / wanted.var(correction=0).clamp_min(max(least, _LEAST_VARIANCE))


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """An inner tensor of the student that is to have the values of one of the teacher's, of the same sizes in space.

    Where their numbers of channels (along `axis`) differ, a linear map from the one to the other is learned with it,
    and left behind (Romero et al. 2015, section 2.2). `student` and `teacher` count them.
    """

    name: str
    of_teacher: str
    axis: int
    student: int
    teacher: int

    @property
    def adapter(self) -> str:
        """The name of the map among what is trained."""
        return f"adapter of {self.name}"

    def adapter_shape(self) -> tuple[int, int] | None:
        """The shape of the map, [teacher, student]; None where none is needed."""
        return None if self.student == self.teacher else (self.teacher, self.student)

    def loss(self, found: Tensor, wanted: Tensor, adapters: Mapping[str, Tensor], least: float) -> Tensor:
        """Give how far they are apart, as a share of the variance; `least` is as in `relative_error`."""
        if self.adapter in adapters:
            found = torch.movedim(
                functional.linear(torch.movedim(found, self.axis, -1), adapters[self.adapter]), -1, self.axis
            )
        return relative_error(found, wanted, least)


def feature_of(student: Model, teacher: Model, name: str, of_teacher: str) -> Feature:
    """Give a pair of tensors, named by themselves or by the nodes that make them.

    Raises:
        ModelError: when a model has no such tensor, or they cannot be compared.
    """
    here, there = _tensor(student, name, "student"), _tensor(teacher, of_teacher, "teacher")
    if (
        here.shape is None
        or there.shape is None
        or len(here.shape) != len(there.shape)
        or len(here.shape) < _CLASS_AXES
    ):
        raise ModelError(f"features: {name} is of shape {here.shape}, and {of_teacher} of the teacher {there.shape}")
    axis = 1 if len(here.shape) > 3 else len(here.shape) - 1
    counts = here.shape[axis], there.shape[axis]
    if not isinstance(counts[0], int) or not isinstance(counts[1], int):
        raise ModelError(f"features: how many channels {name} or {of_teacher} has is not known")
    return Feature(name=str(here.name), of_teacher=str(there.name), axis=axis, student=counts[0], teacher=counts[1])


def _tensor(model: Model, name: str, what: str) -> ir.Value:
    known = {str(value.name): value for node in model.graph for value in node.outputs}
    known |= {str(node.name): node.outputs[0] for node in model.graph if node.outputs}
    if name not in known:
        near = get_close_matches(name, known, 1)
        raise ModelError(
            f"features: the {what} has no tensor or node {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else "`edgewright inspect MODEL` names the nodes",
        )
    return known[name]
