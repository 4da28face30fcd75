"""From a hub model to a `torch.fx.GraphModule` that computes the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from torch import fx

from ...vocabulary.coverage import Coverage
from ...vocabulary.errors import RefusedError
from ..expand.expand import Expand
from ..expand.origin import origin_of
from ..lowering.refused import Refused
from ..lowering.walk import Walk
from ..model import Model
from .agreement import disagreements
from .builder import Builder
from .dtypes import TORCH_DTYPES
from .ops.table import LOWERINGS

if TYPE_CHECKING:
    from torch.fx import Node

HUB_NODE: Final = "hub_node"
"""The key in the `meta` of a node of the graph: the name of the hub node that it was made for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchGraph:
    """A model in PyTorch, and what became of each hub node. The module is whole only when no node is refused.

    `module` takes the inputs of the model's signature in order, and gives a tuple of its outputs.
    """

    module: fx.GraphModule
    coverage: Coverage

    def whole(self) -> fx.GraphModule:
        """Give the module.

        Raises:
            RefusedError: when some node is refused; the message names every such node with its reason.
        """
        refused = self.coverage.refused
        if refused:
            lines = "".join(f"\n  {entry.node} ({entry.op}): {entry.detail}" for entry in refused)
            raise RefusedError(
                f"PyTorch cannot say all of the model, {len(refused)} refused:{lines}",
                hint="change these nodes in the source model",
            )
        return self.module


def to_torch(model: Model) -> TorchGraph:
    """Say a model in PyTorch, refused nodes included in the coverage. Symbolic dimensions stay open where they can."""
    expanded = Expand(LOWERINGS)(model)
    builder = Builder()
    walk: Walk[Node] = Walk("PyTorch", builder, LOWERINGS, expanded.ir.opset_imports)
    for value in expanded.graph.inputs:
        walk.values[value] = builder.input(str(value.name))
        if value.dtype not in TORCH_DTYPES:
            known = "of no known dtype" if value.dtype is None else f"of {value.dtype}"
            walk.refuse_value(value, f"input {value.name}", f"PyTorch has no tensors {known}")
    for node in expanded.graph:
        walk.say(node)
        _mark(builder.graph, origin_of(node)[0])
    outputs = []
    for value in expanded.graph.outputs:
        try:
            if not walk.is_refused(value):
                outputs.append(walk.value(value))
        except Refused as refusal:
            walk.refuse_value(value, f"output {value.name}", str(refusal))
    builder.graph.output(tuple(outputs))
    builder.graph.owning_module = builder.root  # type: ignore[assignment]  # where it looks for the layers that are called
    builder.graph.eliminate_dead_code()
    module = fx.GraphModule(builder.root, builder.graph)  # takes the layers and constants that are still called for
    module.eval()
    if not walk.coverage().refused:
        for value, reason in disagreements(module, expanded.graph.inputs, builder.stands_for):
            made_by = value.producer()
            assert made_by is not None, value
            walk.refuse_value(value, origin_of(made_by)[0], reason)
    return TorchGraph(module=module, coverage=walk.coverage())


def _mark(graph: fx.Graph, hub_node: str) -> None:
    """Note on the last nodes of the graph, those that have no note yet, what they were made for."""
    for made in reversed(graph.nodes):
        if HUB_NODE in made.meta:
            return
        made.meta[HUB_NODE] = hub_node
