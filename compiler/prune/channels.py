"""Whole channels go: what is left is a smaller model of the same kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...vocabulary.errors import RefusedError
from ..inspect import macs_of
from ..model import Model
from ..passes.editing import Editor, constant_array
from ..passes.fix_dimensions import with_every_symbol_at_one
from ..passes.remove_dead_code import RemoveDeadCode
from ..quantize.record import note
from .cut import cut
from .marks import Trace
from .slots import Ids
from .trace import trace
from .widths import Family, Gone, Widths, choose, families, layers, macs_left


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What goes out of a model: slots of a copy in which every size is known, and which of them go."""

    trace: Trace
    counterpart: Mapping[ir.Node, ir.Node]
    """Node of the copy → that of the model."""
    families: tuple[Family, ...]
    gone: Gone
    macs: tuple[int, int]
    """Multiply-accumulates before and after, a symbolic dimension counted as 1."""

    def stays(self, ids: Ids) -> NDArray[np.bool_]:
        """Say of each slot whether it stays."""
        return ~self.gone[self.trace.slots.roots(ids)]


def plan(model: ir.Model, macs: float, widths: Widths) -> Plan:
    """Choose what goes, so that at most a share `macs` of the multiply-accumulates is left.

    Raises:
        RefusedError: when the least widths multiply more, or no channel can go.
    """
    sized = with_every_symbol_at_one(model)
    found = trace(sized)
    groups = families(found)
    if not groups:
        raise RefusedError(
            "prune: no channel of the model can go",
            hint="layers whose weights are constants, with another one behind them, can lose channels",
        )
    costs = {node: count for node in sized.graph if (count := macs_of(node))}
    counted, total = layers(found, costs), sum(costs.values())
    try:
        gone = choose(found, groups, counted, macs * total, widths)
    except ValueError as error:
        raise RefusedError(
            f"prune: of {total:,} multiply-accumulates {error}, which is more than {macs:.0%}",
            hint="ask for a larger share, or for a smaller `multiple` of channels",
        ) from error
    return Plan(
        trace=found,
        counterpart=dict(zip(sized.graph, model.graph, strict=True)),
        families=groups,
        gone=gone,
        macs=(total, round(macs_left(counted, gone))),
    )


def take_out(model: ir.Model, planned: Plan) -> None:
    """Take the channels out of the model, in place, and note how wide its layers are now."""
    cut(model, planned.trace, planned.counterpart, planned.stays)
    RemoveDeadCode().rewrite(model)  # the weights as they were
    before, after = planned.macs
    note(model, "prune", "", f"{before:,} → {after:,} multiply-accumulates")
    for family in planned.families:
        width = int((~planned.gone[family.slots]).sum())
        if width < family.slots.size:
            nodes = [planned.counterpart[part.node].name or "" for part in family.layers]
            note(model, "prune", ", ".join(nodes), f"{family.slots.size} → {width} channels")


def muted(model: Model, planned: Plan) -> Model:
    """Give the model at its full size with zeros for what goes: it computes what the pruned one does.

    `planned` is of this model.
    """
    graph = model.ir.clone()
    editor = Editor(graph)
    nodes = dict(zip(model.graph, graph.graph, strict=True))
    for part in planned.trace.parts:
        node = nodes[planned.counterpart[part.node]]
        array = constant_array(node.inputs[part.index])
        assert array is not None
        zeroed = array.copy()
        np.moveaxis(zeroed, part.axis, 0)[~planned.stays(part.ids)] = 0
        node.replace_input_with(part.index, editor.constant(zeroed, f"{node.name}/muted"))
    return model.with_graph(graph)
