"""Trains a student, and records it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import msgspec
import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from ...vocabulary.errors import DataError, RefusedError
from ...vocabulary.training import Measured, TrainingRecord
from ..graph_digest import graph_digest
from ..model import Model
from ..quantize.record import note
from ..torch_graph.dtypes import array_from
from .batches import Batches
from .function import tensors
from .learning import Learning
from .lesson import Aims, Computes, Lesson, tapped
from .loop import Loop, Trained
from .material import Array
from .record import add_record


class Student(Protocol):
    """A model that learns: what it computes with weights that are not yet its own, and how they become so."""

    @property
    def model(self) -> Model:
        """The model; its outputs are what is learned."""
        ...

    @property
    def start(self) -> Mapping[str, Array]:
        """The weights that learn, by name, as they are."""
        ...

    def function(self, rows: Mapping[str, Array], tapped: tuple[str, ...]) -> Computes:
        """Give what it computes of rows and weights; `tapped` names inner tensors that are wanted too.

        Raises:
            RefusedError: when PyTorch cannot say some node; the message names it.
        """
        ...

    def put(self, weights: Mapping[str, Array]) -> None:
        """Let the model have these weights, in place."""
        ...


def learn(step: str, options: Learning, student: Student, aims: Aims) -> None:
    """Train all weights of a student by `options.material`, and note and record in its model what came of it.

    Raises:
        DataError: when there are no rows to learn from, labels are not those of the outputs, or the model gives what is
            not finite before it has learned anything.
        ModelError: when the model has no output of floats.
        RefusedError: when it has no weights, or PyTorch cannot say some node; the message names it.
        RequestError: when the budget ends before the first epoch does.
    """
    material, model, start = options.material, student.model, student.start
    if material.labels is None and options.needs_labels:
        raise DataError(f"{step} learns from labels, and the rows have none", hint="say labels in data.training")
    if not start:
        raise RefusedError(
            f"{step}: the model has no weights that could learn: constants of float32", hint="leave the step out"
        )
    batches = Batches(options, material)
    lesson = Lesson(model, student.function(material.rows, tapped(model, aims)), aims, batches, material)
    loop = Loop(lesson, batches, options, material)
    trained = loop.run(tensors(start) | _adapters(aims, options.seed), kept_zeros(start))
    student.put({name: array_from(trained.good.weights[name]) for name in start})
    tell_of(step, options, model.ir, lesson, batches, trained)


def _adapters(aims: Aims, seed: int) -> dict[str, Tensor]:
    """Give the maps of features at their beginning, drawn so that they keep the variance."""
    drawn = {}
    generator = torch.Generator().manual_seed(seed)
    for feature in aims.features:
        shape = feature.adapter_shape()
        if shape is not None:
            drawn[feature.adapter] = torch.randn(shape, generator=generator) / shape[1] ** 0.5
    return drawn


def kept_zeros(weights: Mapping[str, Array]) -> dict[str, Tensor]:
    """Give where weights of two axes or more may change: all that is not exactly zero, which somebody made so.

    What is zero everywhere has not begun yet.
    """
    return {
        name: torch.from_numpy((array != 0).astype(np.float32))
        for name, array in weights.items()
        if array.ndim > 1 and array.any() and not array.all()
    }


def tell_of(step: str, options: Learning, graph: ir.Model, lesson: Lesson, batches: Batches, trained: Trained) -> None:
    """Note and record a training in the model that came of it."""
    material, good = options.material, trained.good
    measured = Measured(
        name=lesson.metric,
        before=trained.before.metric,
        after=good.judged.metric,
        rows=len(batches.held_back),
    )
    said = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if getattr(options, field.name) != field.default
        and (field.default_factory is dataclasses.MISSING or getattr(options, field.name) != field.default_factory())
    }
    add_record(
        graph,
        TrainingRecord(
            step=step,
            options=msgspec.json.encode(said, order="deterministic").decode(),
            data=material.digest,
            rows=material.row_count,
            labelled=material.labels is not None,
            teacher=graph_digest(material.teacher),
            seed=options.seed,
            steps=trained.steps,
            planned=trained.planned,
            kept=good.step,
            metric=measured,
            threads=options.threads,
            stopped=trained.stopped,
        ),
    )
    words = f"{measured.name} on {measured.rows} rows held back: {measured.before:.1f} → {measured.after:.1f} %"
    kept = "" if good.step == trained.steps else f"; the weights of step {good.step} were the best, and are kept"
    why = f", then stopped: {trained.stopped}" if trained.stopped else ""
    note(
        graph,
        step,
        "",
        f"{words}, in {trained.steps} of {trained.planned} steps on {material.row_count} rows{why}{kept}",
    )
