"""From PyTorch's exported program to ExecuTorch's: what goes to a delegate, and what is left to portable kernels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ...vocabulary.precision import Precision
from ...vocabulary.signature import Signature
from .coreml import repeatable
from .delegates import PARTITIONERS
from .export import MADE_FOR
from .runtime import NAMES_METHOD
from .toolkit import exir, quiet, without_repetition

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import GraphModule, Node

PORTABLE: Final = "portable"
"""Who computes what no delegate takes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An operator of the lowered program: the hub node that it was made for, its name, and who computes it."""

    hub: str
    op: str
    by: str
    call: Node
    """The call in the graph of the program, or of the delegate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lowered:
    """A program in ExecuTorch's edge dialect, delegates made."""

    program: Any
    """An `EdgeProgramManager`."""
    placed: tuple[Placed, ...]
    delegates: tuple[str, ...]
    """By name, one entry for each call of a delegate."""

    def write(self) -> bytes:
        """Give the `.pte` file.

        Raises:
            RuntimeError: when ExecuTorch cannot write an operator.
        """
        with quiet():
            return bytes(self.program.to_executorch(_backend_config()).buffer)


def lower(exported: ExportedProgram, delegate: str, precision: Precision, signature: Signature) -> Lowered:
    """Lower a model of this precision for a delegate; the program tells the names of `signature` itself.

    Whatever a delegate's own part raises comes as it is.
    """
    with quiet(), without_repetition(), repeatable() if delegate == "coreml" else nullcontext():
        program = exir().to_edge_transform_and_lower(
            exported,
            partitioner=[PARTITIONERS[delegate](precision)] if delegate in PARTITIONERS else None,
            constant_methods={NAMES_METHOD: names_of(signature)},
            # what has no kernel is refused by its hub node, for what is there and not for what is core ATen
            compile_config=exir().EdgeCompileConfig(_check_ir_validity=False),
        )
    graph = program.exported_program().graph_module
    placed = tuple(_placed(graph, ""))
    delegates = tuple(
        lowered.backend_id for module in _modules(graph) for _, lowered in _lowered_modules(module).items()
    )
    return Lowered(program=program, placed=placed, delegates=delegates)


def names_of(signature: Signature) -> str:
    """Give what a program says of its names, JSON: programs themselves know positions only."""
    names = {
        "inputs": [spec.name for spec in signature.inputs],
        "outputs": [spec.name for spec in signature.outputs],
    }
    return json.dumps(names, ensure_ascii=True, sort_keys=True)


def _placed(graph: GraphModule, outer: str) -> Iterator[Placed]:
    """Go through a graph, through what its delegates took, and through the bodies of its loops."""
    lowered = _lowered_modules(graph)
    for node in graph.graph.nodes:
        hub = _hub(node) or outer
        if node.op == "get_attr" and str(node.target) in lowered:
            module = lowered[str(node.target)]
            for inner in module.original_module.graph.nodes:
                if inner.op == "call_function" and not _is_bookkeeping(inner):
                    yield Placed(hub=_hub(inner) or outer, op=_name(inner), by=module.backend_id, call=inner)
        elif node.op == "call_function" and not _is_bookkeeping(node):
            yield Placed(hub=hub, op=_name(node), by=PORTABLE, call=node)
            for body in _bodies(node, graph):
                yield from _placed(body, hub)


def _bodies(node: Node, graph: GraphModule) -> Iterator[GraphModule]:
    from torch.fx import GraphModule as Module

    for operand in node.all_input_nodes:
        if operand.op == "get_attr":
            body = getattr(graph, str(operand.target), None)
            if isinstance(body, Module):
                yield body


def _modules(graph: GraphModule) -> Iterator[GraphModule]:
    """Give a graph and the bodies of its loops."""
    yield graph
    for node in graph.graph.nodes:
        if node.op == "call_function":
            for body in _bodies(node, graph):
                yield from _modules(body)


def _lowered_modules(graph: GraphModule) -> Mapping[str, Any]:
    from executorch.exir.lowered_backend_module import LoweredBackendModule

    return {name: module for name, module in graph.named_children() if isinstance(module, LoweredBackendModule)}


def _hub(node: Node) -> str:
    return str(node.meta.get("custom", {}).get(MADE_FOR, ""))


def _is_bookkeeping(node: Node) -> bool:
    """Whether a call takes one of several results, or hands on what a delegate gave."""
    return getattr(node.target, "__module__", "") == "_operator" or str(node.target) == "executorch_call_delegate"


def _name(node: Node) -> str:
    schema = getattr(node.target, "_schema", None)
    return str(schema.name if schema is not None else getattr(node.target, "__name__", node.target))


def _backend_config() -> Any:
    return exir().ExecutorchBackendConfig()
