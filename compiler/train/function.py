"""A hub model as a differentiable function of its inputs and its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, fx

from ...vocabulary.batching import Batching, batching_for
from ..model import Model
from ..torch_graph.dtypes import tensor_from
from ..torch_graph.graph import to_torch
from .material import Array
from .weights import open_to


@dataclass(frozen=True, kw_only=True, slots=True)
class Function:
    """What a model computes, by PyTorch.

    `inputs` and `weights` are the names of what it takes, `outputs` of what it gives; inner tensors that were tapped
    among them. A model of a fixed batch is called once for each of its batches of rows.
    """

    module: fx.GraphModule
    inputs: tuple[str, ...]
    weights: tuple[str, ...]
    outputs: tuple[str, ...]
    batching: Batching
    is_open: bool

    @classmethod
    def of(
        cls, model: Model, rows: Mapping[str, Array], *, weights: Sequence[str] = (), tapped: Iterable[str] = ()
    ) -> Function:
        """Say a model in PyTorch: `weights` are taken at each call, other constants are its own.

        `rows` are those that it will be called with, by input; `tapped` names inner tensors that are wanted too.

        Raises:
            RefusedError: when PyTorch cannot say some node; the message names it.
            DataError: when its inputs disagree on how many rows a call takes.
        """
        opened = open_to(model, weights, tapped)
        own = model.signature.inputs
        batching = batching_for(model.signature, {spec.name: rows[spec.name].shape for spec in own})
        leading = own[0].shape[0] if own[0].shape else 1
        return cls(
            module=to_torch(opened).whole(),
            inputs=tuple(spec.name for spec in own),
            weights=tuple(weights),
            outputs=tuple(spec.name for spec in opened.signature.outputs),
            batching=batching,
            is_open=batching.batched and not isinstance(leading, int),
        )

    def __call__(self, rows: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Give every output for rows, the first axis of each counting them."""
        taken = [weights[name] for name in self.weights]
        given = [rows[name] for name in self.inputs]
        if self.is_open:
            return dict(zip(self.outputs, self.module(*given, *taken), strict=True))
        count, size = len(given[0]), self.batching.rows_per_call
        calls = [self._call([rows[start : start + size] for rows in given], taken) for start in range(0, count, size)]
        joined = [torch.cat(parts)[:count] for parts in zip(*calls, strict=True)]
        return dict(zip(self.outputs, joined, strict=True))

    def _call(self, rows: list[Tensor], weights: list[Tensor]) -> list[Tensor]:
        if not self.batching.batched:
            return [result[None] for result in self.module(*(each[0] for each in rows), *weights)]
        missing = self.batching.rows_per_call - len(rows[0])
        if missing:
            rows = [torch.cat([each, each[-1:].expand(missing, *each.shape[1:])]) for each in rows]
        return list(self.module(*rows, *weights))


def tensors(arrays: Mapping[str, Array]) -> dict[str, Tensor]:
    """Give arrays as tensors of the same dtypes."""
    return {name: tensor_from(array) for name, array in arrays.items()}
