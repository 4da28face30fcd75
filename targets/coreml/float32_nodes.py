"""Hub nodes that stay float32 in a program of float16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from ...vocabulary.errors import RequestError

WHERE = "targets.coreml.settings.float32_nodes"


class Float32Nodes:
    """Finds the operations of nodes again, which passes may have replaced by others of the same name."""

    def __init__(self, nodes: Sequence[str], made: Mapping[str, frozenset[str]]) -> None:
        """`nodes` are names of hub nodes; `made`: hub node → the names of the values that were made for it.

        Raises:
            RequestError: when the hub has no node of some name.
        """
        for name in nodes:
            if name not in made:
                near = get_close_matches(name, made, 1)
                all_of_them = "`edgewright inspect MODEL -t coreml --json` names them, in coverage"
                hint = f"did you mean {near[0]!r}?" if near else all_of_them
                raise RequestError(f"{WHERE} names {name!r}, which is no node of the model", hint=hint)
        self._node_of = {value: name for name in nodes for value in made[name]}
        self._nodes, self._met = tuple(nodes), set[str]()

    def keep(self, operation: Any) -> bool:
        """Whether an operation computes what some of the nodes computes, and stays as it is."""
        found = {self._node_of[value.name] for value in operation.outputs if value.name in self._node_of}
        self._met |= found
        return bool(found)

    def check(self) -> None:
        """Check that all were found.

        Raises:
            RequestError: when what a node computes is no operation of its own any more.
        """
        gone = [name for name in self._nodes if name not in self._met]
        if gone:
            raise RequestError(
                f"{WHERE}: {gone[0]!r} is computed at compile time or merged with another node",
                hint="name the node behind it, or leave it out",
            )
