"""The normal form of a graph: one level of nodes, constants as initializers, everything named."""

from __future__ import annotations

from typing import Final

import onnx_ir as ir
import onnx_ir.passes.common as common

from ...vocabulary.errors import ModelError
from ..passes.editing import all_nodes

_TRAINING_DOMAINS: Final = frozenset({"ai.onnx.training", "ai.onnx.preview.training"})
_RANDOM: Final = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


def normalize(model: ir.Model) -> None:
    """Bring a graph just read into normal form, in place.

    Functions are inlined, constants become initializers of the main graph, initializers that were inputs too are
    constants, unnamed nodes get the name of their operator and place. What exporters note beside nodes and values goes:
    it holds stack traces with the paths of whoever exported the model, and would make its bytes depend on them.

    Raises:
        ModelError: when the graph holds what no hub model may: training, randomness, sequences, optionals or strings.
    """
    _use_one_default_domain(model)
    _inline_functions(model)
    common.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    common.LiftSubgraphInitializersToMainGraphPass()(model)
    common.RemoveInitializersFromInputsPass()(model)
    _name_everything(model)
    _refuse_foreign(model)
    _forget_notes(model)


def _forget_notes(model: ir.Model) -> None:
    for graph in model.graphs():
        owners: list[ir.Graph | ir.Node | ir.Value] = [graph, *graph.inputs, *graph.outputs]
        owners += graph.initializers.values()
        for node in graph:
            owners += [node, *node.outputs]
        for owner in owners:
            owner.metadata_props.clear()
            owner.doc_string = None


def _use_one_default_domain(model: ir.Model) -> None:
    for imports in (model.opset_imports, *(function.opset_imports for function in model.functions.values())):
        alias = imports.pop("ai.onnx", None)
        if alias is not None:
            imports.setdefault("", alias)
    for node in all_nodes(model):
        if node.domain == "ai.onnx":
            node.domain = ""


def _inline_functions(model: ir.Model) -> None:
    if not model.functions:
        return
    version = model.opset_imports.get("")
    for function in model.functions.values():
        own = function.opset_imports.get("")
        if own is not None and version is not None and own != version:
            raise ModelError(
                f"function {function.name!r} is written in opset {own}, the graph in {version}",
                hint="inline the functions with the exporter, or export them in one opset",
            )
        if own is not None and version is None:
            model.graph.opset_imports[""] = own
    common.InlinePass()(model)
    common.RemoveUnusedFunctionsPass()(model)  # type: ignore[no-untyped-call]  # its constructor has no types


def _name_everything(model: ir.Model) -> None:
    taken = {node.name for node in all_nodes(model) if node.name}
    seen: set[str] = set()
    for index, node in enumerate(all_nodes(model)):
        if not node.name or node.name in seen:
            stem = node.name or f"{node.op_type}_{index}"
            name, count = stem, 1
            while name in taken:
                name, count = f"{stem}_{count}", count + 1
            node.name = name
            taken.add(name)
        seen.add(node.name)


def _refuse_foreign(model: ir.Model) -> None:
    for value in (*model.graph.inputs, *model.graph.outputs):
        if isinstance(value.type, ir.SequenceType | ir.OptionalType):
            raise ModelError(f"{value.name!r} is {value.type}: inputs and outputs must be tensors")
        if value.dtype == ir.DataType.STRING:
            raise ModelError(
                f"{value.name!r} holds strings", hint="leave the tokenizer out of the model; edge runtimes take numbers"
            )
    for node in all_nodes(model):
        if node.domain in _TRAINING_DOMAINS:
            raise ModelError(f"node {node.name!r} ({node.op_type}) trains", hint="export the model for inference")
        if node.domain == "" and node.op_type in _RANDOM:
            raise ModelError(
                f"node {node.name!r} ({node.op_type}) draws random numbers, so no two runs can be compared",
                hint="make the noise an input of the model",
            )
        if node.domain == "" and (
            node.op_type.startswith(("Sequence", "Optional")) or node.op_type.endswith(("FromSequence", "ToSequence"))
        ):
            raise ModelError(f"node {node.name!r} ({node.op_type}) works on sequences or optionals, not on tensors")
