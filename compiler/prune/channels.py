"""Whole channels go: what is left is a smaller model of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...vocabulary.errors import RefusedError
from ..inspect import macs_of
from ..model import Model
from ..passes.editing import Editor, constant_array
from ..passes.fix_dimensions import with_every_symbol_at_one
from ..passes.infer_shapes import InferShapes
from ..passes.remove_dead_code import RemoveDeadCode
from ..quantize.record import note
from .cut import cut
from .importance import Importance, by_magnitude
from .marks import Trace
from .slots import Ids
from .trace import trace
from .widths import Family, Gone, Layer, Widths, choose, families, layers, macs_left, narrowed


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


def plan(
    model: ir.Model,
    share: float,
    widths: Widths,
    *,
    of: Literal["macs", "width"] = "macs",
    importance: Importance = by_magnitude,
    whole_heads: bool = False,
) -> Plan:
    """Choose what goes, so that at most a share of the multiply-accumulates is left, or that share of every width.

    `whole_heads`: of attention, heads go, and not channels of all of them.

    Raises:
        RefusedError: when the least widths multiply more, which names the layers that would have to be emptied; when no
            channel can go.
        EdgewrightError: what judging by `importance` raised.
    """
    sized = with_every_symbol_at_one(model)
    found = trace(sized, whole_heads=whole_heads)
    if whole_heads and not found.heads:
        raise RefusedError(
            "prune: heads = true, and no attention was found whose heads can go",
            hint="heads are what a reshape parts the channels of a constant projection into; leave heads out",
        )
    groups = families(found, importance)
    if not groups:
        raise RefusedError(
            "prune: no channel of the model can go",
            hint="layers whose weights are constants, with another one behind them, can lose channels",
        )
    costs = {node: count for node in sized.graph if (count := macs_of(node))}
    counted, total = layers(found, costs), sum(costs.values())
    if of == "width":
        gone = narrowed(found, groups, [widths.of(family, share) for family in groups])
    else:
        gone = choose(found, groups, counted, share * total, widths)
        if macs_left(counted, gone) > share * total:
            raise _would_empty(found, groups, counted, gone, share, total)
    return Plan(
        trace=found,
        counterpart=dict(zip(sized.graph, model.graph, strict=True)),
        families=groups,
        gone=gone,
        macs=(total, round(macs_left(counted, gone))),
    )


def _would_empty(
    found: Trace, groups: Sequence[Family], counted: Sequence[Layer], gone: Gone, macs: float, total: int
) -> RefusedError:
    """Give the refusal of what not even the least widths reach."""
    named = [f"{family.layers[0].node.name!r}" for family in groups[:_NAMED]]
    more = f" and {len(groups) - _NAMED} more" if len(groups) > _NAMED else ""
    left = macs_left(counted, gone)
    smallest = macs_left(counted, narrowed(found, groups, [1] * len(groups)))
    return RefusedError(
        f"prune: macs = {100 * macs:.4g}% would empty layers ({', '.join(named)}{more}): at the least widths "
        f"{round(left):,} of {total:,} multiply-accumulates are left ({100 * left / total:.2f}%)",
        hint="inputs and outputs of the model keep their channels, and so does what cannot be followed; "
        + (
            f"ask for a larger share, or for a smaller `multiple`: single channels leave {100 * smallest / total:.2f}%"
            if smallest <= macs * total
            else f"ask for more than {100 * smallest / total:.2f}%, which one channel in each layer leaves"
        ),
    )


_NAMED: Final = 3


def take_out(model: ir.Model, planned: Plan) -> None:
    """Take the channels out of the model, in place, and note how wide its layers are now."""
    cut(model, planned.trace, planned.counterpart, planned.stays)
    RemoveDeadCode().rewrite(model)  # the weights as they were
    InferShapes().rewrite(model)  # sizes that channels were a factor of
    before, after = planned.macs
    note(model, "prune", "", f"{before:,} → {after:,} multiply-accumulates")
    for family in planned.families:
        width = int((~planned.gone[family.slots]).sum())
        if width < family.slots.size:
            nodes = [planned.counterpart[part.node].name or "" for part in family.layers]
            of = f", {family.run} at a time" if family.run > 1 else ""
            before, after = (slots * family.run for slots in (family.slots.size, width))
            note(model, "prune", ", ".join(nodes), f"{before} → {after} channels{of}")


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
