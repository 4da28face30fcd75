"""What the loss of a model changes by, to first order, when weights are taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...vocabulary.errors import DataError, ModelError
from ..inspect import macs_of
from ..model import Model
from ..torch_graph.dtypes import array_from
from .function import Function, tensors
from .material import Array, Material, Standing, rows_at
from .objective import check_labels, from_labels, scores_of
from .weights import arrays_of, learnable

_ROWS: Final = (64, 1024)
"""How many are looked at, at the least and the most: more of them change little in the order of channels."""

_MACS: Final = 20_000_000_000
"""Between the two, as many as multiply so often: some minutes on two cores. A clock would make results differ."""

_TOLD_EVERY: Final = 16
"""Rows."""


def products(model: Model, material: Material) -> Iterator[Mapping[str, Array]]:
    """Give for each row every weight times the gradient of the loss, under the weight's name.

    Row by row, so that no row hides what another one needs; a model of a fixed batch is given that many together.

    The loss is that of the first output by labels, where there are some. Without them outputs (classes in front of
    their softmax) are summed with random signs: the square of what a weight changes in that is on average the square of
    all that it changes in the output. (A mean square would not do, behind a normalization it is the same whatever the
    weights; nor the cross entropy against the model's own answer, which vanishes where the model is sure.)

    Raises:
        DataError: when there are no rows, labels are not those of the first output, or a gradient is not finite.
        ModelError: when the model has no output of floats.
        RefusedError: when PyTorch cannot say some node; the message names it.
    """
    outputs = scores_of(model)
    if not outputs:
        raise ModelError("importance = 'taylor' needs an output of floats, and the model has none")
    if not material.row_count:
        raise DataError("importance = 'taylor' looks at rows, and there are none", hint="say data.training")
    labels = material.labels
    if labels is not None:
        shapes = {spec.name: spec.shape for spec in model.signature.outputs}
        check_labels(labels, outputs[0], shapes[outputs[0].output])
    weights = tensors(arrays_of(learnable(model.graph)))
    for weight in weights.values():
        weight.requires_grad_(True)
    given = {value.name for value in model.graph.outputs}
    inner = {scores.tensor for scores in outputs} - given
    function = Function.of(model, material.rows, weights=tuple(weights), tapped=sorted(inner))
    signs = torch.Generator().manual_seed(0)
    chosen = _evenly(material.row_count, sum(macs_of(node) or 0 for node in model.graph))
    together = function.batching.rows_per_call
    for start in range(0, len(chosen), together):
        if material.tell is not None and start % _TOLD_EVERY < together:
            text = f"importance of channels: row {start} of {len(chosen)}"
            material.tell(Standing(done=start, total=len(chosen), text=text))
        places = chosen[start : start + together]
        found = function(tensors(rows_at(material.rows, places)), weights)
        if labels is not None:
            loss = from_labels(outputs[0], found[outputs[0].tensor], _labels(labels[places])).mean()
        else:
            loss = torch.stack([_with_signs(found[scores.tensor], signs) for scores in outputs]).sum()
        yield _times_gradients(loss, weights)


def _evenly(there: int, macs: int) -> NDArray[np.int64]:
    """Give the rows that are looked at; they lie evenly in the data."""
    least, most = _ROWS
    count = min(there, max(least, min(most, _MACS // max(macs, 1))))
    return np.arange(count) * there // count


def _labels(labels: Array) -> Tensor:
    return torch.from_numpy(labels.astype(np.int64 if labels.dtype.kind in "iu" else np.float32))


def _with_signs(found: Tensor, signs: torch.Generator) -> Tensor:
    drawn = torch.randint(0, 2, found.shape, generator=signs) * 2 - 1
    size = found.detach().square().mean().sqrt().clamp_min(torch.finfo(found.dtype).tiny)  # outputs count alike
    return (found * drawn).mean() / size


def _times_gradients(loss: Tensor, weights: Mapping[str, Tensor]) -> dict[str, Array]:
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    found = {}
    for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
        if gradient is not None:
            product = array_from((weight * gradient).detach())
            if not np.isfinite(product).all():
                raise DataError(f"the gradient of the loss by {name!r} is not finite", hint="look at the rows for NaN")
            found[name] = product
    return found
