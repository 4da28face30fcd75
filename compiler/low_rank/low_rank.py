"""Low rank: layers become products of smaller ones."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import ModelError, RefusedError
from ..inspect import macs_of
from ..passes.editing import Array, Editor
from ..passes.fix_dimensions import with_every_symbol_at_one
from ..passes.remove_dead_code import RemoveDeadCode
from ..quantize.informed import InformedPass
from ..quantize.record import note
from ..quantize.sparsify import share_said
from .factors import damped, energies_in, energies_out, factorize
from .layers import Layer, find
from .place import place
from .ranks import Choice, Curve, curve, keeping, within


class LowRank(InformedPass):
    """Lets products of smaller layers stand for Conv, Gemm and MatMul with constant weights.

    Matrices and 1×1 convolutions become two factors by truncated singular value decomposition, larger kernels up to
    three by Tucker-2 (`factors.factorize` names the sources). A layer stays as it is where no rank that is allowed
    multiplies less. Nothing is trained: what the model loses shows in its outputs.
    """

    approximates = True

    needs_ranges = False

    def __init__(
        self, energy: str = "", macs: str = "", multiple: int = 8, layers: Sequence[str] = (), weighted: bool = False
    ) -> None:
        """Take one of two ways.

        `energy`: each layer keeps that share of its squared singular values at the least, `"95%"`. `macs`: that share
        of the model's multiply-accumulates may be left, `"70%"`, the ranks chosen over all layers. Ranks are multiples
        of `multiple`. `layers` names the nodes that are factored if they can be; none means all. `weighted` counts the
        error of what layers give on the calibration rows, and not that of their weights.

        Raises:
            ValueError: when not one way is asked for, or an option cannot be meant.
        """
        if bool(energy) == bool(macs):
            raise ValueError('say one of energy, as "95%", and macs, as "70%"')
        if multiple < 1:
            raise ValueError(f"multiple = {multiple}: expected at least 1")
        self.energy = share_said("energy", energy) if energy else None
        self.macs = share_said("macs", macs) if macs else None
        self.multiple, self.layers, self.weighted = multiple, tuple(layers), weighted
        self.needs_moments = weighted

    def rewrite(self, model: ir.Model) -> bool:
        """Choose ranks, then put factors in the place of each layer that has them.

        Raises:
            ModelError: when `layers` names a node that the model does not have.
            RefusedError: when no layer multiplies less with the ranks that are allowed, or more than `macs` are left.
        """
        self._check_names(model)
        layers, reasons = find(model, self.layers)
        for name, reason in reasons.items():
            note(model, "low_rank", name, f"left alone: {reason}")
        moments = [self._moments_of(model, layer) for layer in layers]
        curves = [self._curve(layer, known) for layer, known in zip(layers, moments, strict=True)]
        before = sum(macs_of(node) or 0 for node in with_every_symbol_at_one(model).graph)
        chosen = self._chosen(curves, before)
        if all(choice is choices[-1] for choice, choices in zip(chosen, curves, strict=True)):
            raise RefusedError(
                f"low_rank: no layer would multiply less with {self._asked}",
                hint="ask for less energy, or for a smaller `multiple`; or leave the step out",
            )
        editor, after = Editor(model), before
        for layer, known, choices, choice in zip(layers, moments, curves, chosen, strict=True):
            if choice is choices[-1]:
                note(model, "low_rank", layer.name, f"left alone: {self._why_whole(choices)}")
                continue
            after += choice.macs - choices[-1].macs
            weights = layer.weights()
            factors = factorize(weights, known, choice.rank_out, choice.rank_in)
            share = _kept(weights, factors.product(), known)
            place(editor, layer, factors)
            note(
                model,
                "low_rank",
                layer.name,
                f"{_ranks(layer, choice)} keeps {share:.1%} of the energy; "
                f"{choices[-1].macs:,} → {choice.macs:,} multiply-accumulates",
            )
        RemoveDeadCode().rewrite(model)  # the weights as they were
        note(model, "low_rank", "", f"{before:,} → {after:,} multiply-accumulates")
        return True

    @property
    def _asked(self) -> str:
        said = f"energy = {self.energy:.4g}" if self.energy is not None else f"macs = {self.macs:.4g}"
        return f"{said} in multiples of {self.multiple}"

    def _why_whole(self, choices: Curve) -> str:
        if len(choices) == 1 or self.energy is not None:
            return f"no rank with {self._asked} multiplies less"
        return "other layers lose less for each multiply-accumulate"

    def _curve(self, layer: Layer, moments: Array | None) -> Curve:
        weights = layer.weights()
        out = energies_out(weights, moments)
        into = energies_in(weights, moments) if layer.size.positions > 1 else out
        return curve(layer.size, out, into, self.multiple)

    def _chosen(self, curves: Sequence[Curve], before: int) -> list[Choice]:
        if self.energy is not None:
            return [keeping(choices, self.energy) for choices in curves]
        assert self.macs is not None
        others = before - sum(choices[-1].macs for choices in curves)
        try:
            return within(curves, self.macs * before - others)
        except ValueError as error:
            raise RefusedError(
                f"low_rank: of {before:,} multiply-accumulates, {others:,} are not to be factored, and of the others "
                f"{error}, which is more than {self.macs:.0%} together",
                hint="ask for a larger share, or for a smaller `multiple` of ranks",
            ) from error

    def _moments_of(self, model: ir.Model, layer: Layer) -> Array | None:
        if not self.weighted:
            return None
        found = self.moments.get(str(layer.linear.weight.name))
        if found is None:
            note(model, "low_rank", layer.name, "by its weights alone: calibration has no moments of what goes in")
            return None
        return damped(found[0])

    def _check_names(self, model: ir.Model) -> None:
        names = {str(node.name) for node in model.graph}
        for name in self.layers:
            if name not in names:
                near = get_close_matches(name, names, 1)
                raise ModelError(
                    f"low_rank: layers names {name!r}, and the model has no such node",
                    hint=f"did you mean {near[0]!r}?"
                    if near
                    else "`edgewright inspect MODEL --json` names the nodes that multiply",
                )


def _ranks(layer: Layer, choice: Choice) -> str:
    size = layer.size
    if size.positions == 1:
        return f"rank {choice.rank_out} of {min(size.outputs, size.inputs)}"
    return f"rank {choice.rank_in} of {size.inputs} inputs and {choice.rank_out} of {size.outputs} outputs"


def _kept(weights: Array, product: Array, moments: Array | None) -> float:
    """Give the share of the energy that is left, as it was found and not as it was bounded."""

    def energy(matrix: Array) -> float:
        rows = matrix.reshape(len(matrix), -1)
        return float(np.sum((rows if moments is None else rows @ moments) * rows))

    total = energy(weights)
    return 1 - energy(weights - product) / total if total else 1.0
