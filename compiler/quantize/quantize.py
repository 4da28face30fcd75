"""Quantize: the step of a recipe that makes an integer variant, by the scheme of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache, partial
from typing import Final

import numpy as np
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from ...vocabulary.precision import Precision
from ..importers.opset import raise_hub_opset
from ..passes.editing import constant_array
from ..passes.remove_dead_code import RemoveDeadCode
from .bias_correction import BiasCorrection
from .drowning import find_drowning
from .informed import InformedPass
from .kernels import Choice, choose
from .methods import DEFAULT_PERCENT, METHODS, Method
from .methods import percentile as by_percentile
from .nothing_left import has_integers, nothing_left
from .parameters import Parameters
from .place import Placer
from .place_layer import place_layer
from .propagation import Values
from .ranges import TensorStatistics
from .record import note
from .rounding import SecondOrder
from .scheme import Role, Scheme
from .sharing import Assignment, assign
from .weights import Correction, Rounding, nearest, no_correction
from .without_rule import without_rule

_OPSET_OF_SMALL_AND_WIDE: Final = 21
"""The first operator set in which Q/DQ know 4 and 16 bits, and blocks."""

_ROUNDINGS: Final = ("nearest", "second_order")


class Quantize(InformedPass):
    """Puts standard QuantizeLinear and DequantizeLinear nodes where the scheme of the target wants them.

    Each node that the scheme has a rule for and that stays float is noted in the model with the reason.
    """

    def __init__(
        self,
        precision: str,
        keep_float: Sequence[str] = (),
        method: str = "minmax",
        percentile: float = DEFAULT_PERCENT,
        bias_correction: bool | None = None,
        rounding: str = "nearest",
        scheme: str = "",
    ) -> None:
        """Choose how.

        `keep_float` names nodes that stay float. `method` is how a range is chosen of the calibrated values ("minmax",
        "percentile", "entropy" or "mse"); `percentile` is the percentage of values that the second of them keeps.
        `bias_correction` gives the mean error of rounded weights back to the biases; by default where activations are
        calibrated anyway. `rounding` is "nearest", or "second_order": weights are rounded together by the second
        moments of what they meet. `scheme` names the target whose scheme is to be followed, by default the one that is
        compiled for; whoever applies the pass gives it.

        Raises:
            ValueError: when there is no such precision, or it is none of integers, no such method or rounding, or a
                percentile is given that does not lie in (0, 100] or that the method does not use.
        """
        known = [name for name in Precision if name.integer and not name.sparse]
        if precision not in known:
            raise ValueError(f"precision {precision!r}: expected one of {', '.join(known)}")
        self.precision = Precision(precision)
        if rounding not in _ROUNDINGS:
            raise ValueError(f"rounding {rounding!r}: expected one of {', '.join(_ROUNDINGS)}")
        if method not in METHODS:
            raise ValueError(f"method {method!r}: expected one of {', '.join(METHODS)}")
        if not 0 < percentile <= 100 or (percentile != DEFAULT_PERCENT and method != "percentile"):
            raise ValueError(f"percentile {percentile!r}: expected a number in (0, 100], with method 'percentile'")
        self._method: Method = partial(by_percentile, percent=percentile) if method == "percentile" else METHODS[method]
        self.bias_correction = self.precision.static if bias_correction is None else bias_correction
        self.needs_ranges = self.precision.static or self.bias_correction
        self.needs_moments = rounding == "second_order"
        self.keep_float = tuple(keep_float)
        self.scheme_of = scheme

    def rewrite(self, model: ir.Model) -> bool:
        """Choose the nodes, then the parameters of every tensor, then the integers of the weights.

        Raises:
            ModelError: when `keep_float` names a node that the model does not have.
            RefusedError: when nothing in the model can be integer, and that is not what `keep_float` asks for.
        """
        scheme = self.scheme
        asked = self._kept(model)
        drowning = self._drowning(model, asked) if scheme.activations is not None else {}
        choice = choose(model.graph, scheme, {**drowning, **asked}, self._unknown)
        for node, reason in choice.reasons.items():
            note(model, "quantize", str(node.name), f"kept float: {reason}")
        unknown = without_rule(model.graph, scheme, choice) if scheme.activations is not None else {}
        if unknown:
            counts = ", ".join(f"{count} {op_type}" for op_type, count in unknown.items())
            note(model, "quantize", "the model", f"kept float, since the scheme has no rule for them: {counts}")
        if not choice.kernels:
            wished = bool(asked) and bool(choose(model.graph, scheme, drowning, self._unknown).kernels)
            if not wished and not has_integers(model.graph):
                raise nothing_left(scheme, choice)
            note(model, "quantize", "the model", "nothing in it became integers")
            return True
        if _needs_later_opset(scheme):
            raise_hub_opset(model, _OPSET_OF_SMALL_AND_WIDE)
        self._place(model, choice, scheme)
        RemoveDeadCode().rewrite(model)
        return True

    def _kept(self, model: ir.Model) -> dict[str, str]:
        names = {str(node.name) for node in model.graph}
        for name in self.keep_float:
            if name not in names:
                near = get_close_matches(name, names, 1)
                raise ModelError(
                    f"keep_float names {name!r}, and the model that is quantized has no such node",
                    hint=f"did you mean {near[0]!r}?"
                    if near
                    else "`edgewright inspect MODEL --sensitivity --calibration DATA` names the nodes",
                )
        return dict.fromkeys(self.keep_float, "asked for by keep_float")

    def _drowning(self, model: ir.Model, asked: Mapping[str, str]) -> dict[str, str]:
        grid, bounds = self.scheme.activations, cache(self._bounds)
        assert grid is not None

        def decide(kept: Mapping[str, str]) -> tuple[Choice, Mapping[ir.Value, Parameters]]:
            choice = choose(model.graph, self.scheme, {**kept, **asked}, self._unknown)
            return choice, assign(choice.kernels, grid, bounds).stored

        def say(where: str, text: str) -> None:
            note(model, "quantize", where, text)

        return find_drowning(model.graph, decide, Values(self._statistics), say)

    def _unknown(self, value: ir.Value) -> str | None:
        """Why the range of a value is not known; None when it is."""
        array = constant_array(value)
        if array is not None:
            return None if np.isfinite(array).all() else f"{value.name} is not finite"
        found = self._statistics(value)
        if found is None:
            return f"calibration has seen no values of {value.name}"
        if found.infinite:
            return f"{found.infinite} values of {value.name} were infinite on the calibration rows"
        return None

    def _statistics(self, value: ir.Value) -> TensorStatistics | None:
        return self._ranges.tensors.get(str(value.name)) if self._ranges is not None else None

    def _bounds(self, value: ir.Value) -> tuple[float, float]:
        array = constant_array(value)
        if array is not None:
            return float(array.min(initial=0.0)), float(array.max(initial=0.0))
        found, grid = self._statistics(value), self.scheme.activations
        assert found is not None  # else the node would not take part
        assert grid is not None
        symmetric = grid.symmetric and not (grid.one_sided and found.low >= 0)
        return self._method(found, levels=grid.highest - grid.lowest + 1, symmetric=symmetric)

    def _place(self, model: ir.Model, choice: Choice, scheme: Scheme) -> None:
        say = partial(note, model, "quantize")
        round_: Rounding = SecondOrder(self.moments, say) if self.needs_moments else nearest
        correct: Correction = BiasCorrection(say) if self.bias_correction else no_correction
        quantized = {node for kernel in choice.kernels for node in kernel.nodes}
        placer, grid = Placer(model), scheme.activations
        assigned = assign(choice.kernels, grid, self._bounds) if grid is not None else Assignment(stored={})
        for kernel in choice.kernels:
            activations = [(edge, edge.value) for edge in kernel.edges if edge.role is Role.ACTIVATION]
            place_layer(placer, kernel, scheme, assigned.stored, self._statistics, round_, correct, quantized)
            for edge, value in activations:
                other = assigned.read.get((edge.node, edge.index))
                if grid is None:
                    placer.read_dynamic(edge.node, edge.index)
                elif other is not None:
                    placer.requantize(edge.node, edge.index, assigned.stored[value], other)
                else:
                    placer.read(edge.node, edge.index, assigned.stored[value])
        for kernel in choice.kernels if grid is not None else ():
            for value in kernel.outputs:
                if not kernel.rule.gives_float:
                    placer.write(value, assigned.stored[value])


def _needs_later_opset(scheme: Scheme) -> bool:
    grids = [grid for grid in (scheme.weights, scheme.activations) if grid is not None]
    return bool(scheme.block) or any(
        grid.dtype in (ir.DataType.INT4, ir.DataType.UINT4, ir.DataType.INT16, ir.DataType.UINT16) for grid in grids
    )
