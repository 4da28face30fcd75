"""What becomes of the nodes of a model: said by whoever says a model in another language."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Handling(StrEnum):
    """What a target does with a node."""

    NATIVE = "native"
    DECOMPOSED = "decomposed"
    REFUSED = "refused"


class NodeCoverage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What becomes of one node of the hub model; `detail` is the reason of a refusal, or what it becomes."""

    node: str
    op: str
    handling: Handling
    detail: str = ""


class Coverage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target does with each node, known before anything is emitted."""

    nodes: tuple[NodeCoverage, ...]

    @property
    def refused(self) -> tuple[NodeCoverage, ...]:
        """The nodes that the target cannot say."""
        return tuple(node for node in self.nodes if node.handling is Handling.REFUSED)

    def count(self, handling: Handling) -> int:
        """How many nodes are handled so."""
        return sum(node.handling is handling for node in self.nodes)
