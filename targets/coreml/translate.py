"""The walk over an expanded hub graph, which also keeps what MIL calls the values that were made for each hub node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import onnx_ir as ir

from ...compiler.expand.origin import origin_of
from ...compiler.lowering.walk import Walk
from .builder import Builder, Var
from .call import Call
from .ops.table import LOWERINGS


class Translator(Walk[Var]):
    """Makes the operations of one function, which must be open."""

    calls = Call

    def __init__(self, b: Builder, opsets: Mapping[str, int]) -> None:
        """Start with nothing said; `opsets` are those of the graph."""
        super().__init__("coreml", b, LOWERINGS, opsets)
        self._builder = b
        self._results_of: dict[str, list[Var]] = defaultdict(list)

    def say(self, node: ir.Node) -> None:
        """Say one node, and note what was made for it."""
        super().say(node)
        name, _ = origin_of(node)
        self._results_of[name] += self._builder.results

    @property
    def made(self) -> dict[str, frozenset[str]]:
        """Hub node → the names of the values that were made for it, as they are called by now."""
        return {name: frozenset(value.name for value in made) for name, made in self._results_of.items()}
