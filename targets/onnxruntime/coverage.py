"""What onnxruntime can run of a model, by asking it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import onnx_ir as ir

from ...compiler.model import Model
from ..artifact import Coverage, Handling, NodeCoverage
from .known_wrong import known_wrong
from .runtime import ERRORS_ONLY


def coverage(model: Model) -> Coverage:
    """Give what becomes of each node: native when onnxruntime accepts the whole model.

    A node that it would answer wrongly is refused all the same. When it does not accept the whole, each node is offered
    to it alone, and refused for the reason that it gives. When each is accepted alone, the reason for the whole stands
    at the node that it names, or at the first.
    """
    nodes = list(model.graph)
    with tempfile.TemporaryDirectory(prefix="edgewright-onnxruntime-") as folder:
        model.save(Path(folder))
        whole = _refusal(Path(folder) / "model.onnx")
    reasons = {} if whole is None else _reasons(model, nodes)
    if whole is not None and not reasons:
        reasons = {next((index for index, node in enumerate(nodes) if node.name and node.name in whole), 0): whole}
    reasons |= {index: reason for index, node in enumerate(nodes) if (reason := known_wrong(node)) is not None}
    return Coverage(
        nodes=tuple(
            NodeCoverage(
                node=node.name or node.outputs[0].name or f"node {index}",
                op=_op(node),
                handling=Handling.REFUSED if index in reasons else Handling.NATIVE,
                detail=reasons.get(index, ""),
            )
            for index, node in enumerate(nodes)
        )
    )


def known_ops() -> tuple[str, ...]:
    """Operators with a kernel on the CPU, and those that ONNX defines by a body of others."""
    import onnx
    from onnxruntime.capi.onnxruntime_pybind11_state import get_all_opkernel_def

    kernels = {
        f"{kernel.domain}.{kernel.op_name}" if kernel.domain else str(kernel.op_name)
        for kernel in get_all_opkernel_def()
        if kernel.provider == "CPUExecutionProvider"
    }
    bodies = {
        schema.name for schema in onnx.defs.get_all_schemas_with_history() if not schema.domain and schema.function_body
    }
    return tuple(sorted(kernels | bodies | {"Constant"}))


def _op(node: ir.Node) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def _reasons(model: Model, nodes: list[ir.Node]) -> dict[int, str]:
    """Why onnxruntime refuses nodes, by their place in the graph."""
    reasons = {}
    known = {*known_ops(), *(f"{domain}.{name}" for domain, name, _ in model.ir.functions)}
    with tempfile.TemporaryDirectory(prefix="edgewright-onnxruntime-") as folder:
        path = Path(folder) / "node.onnx"
        for index, node in enumerate(nodes):
            if _op(node) not in known:
                reasons[index] = "onnxruntime has no such operator"
                continue
            if any(value is not None and value.dtype is None for value in node.inputs):
                continue  # what an unknown operator gives has no type, so what takes it cannot be asked about
            if any(
                attribute.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
                for attribute in node.attributes.values()
            ):
                continue  # its subgraph reads values of the whole
            ir.save(_alone(model, node), path)
            reason = _refusal(path)
            if reason is not None:
                reasons[index] = reason
    return reasons


def _alone(model: Model, node: ir.Node) -> ir.Model:
    """Make a model of this one node: what it reads from others is an input, constants stay constants."""
    copies: dict[str, ir.Value] = {}
    inputs: list[ir.Value] = []
    constants: list[ir.Value] = []
    for value in node.inputs:
        if value is None or value.name is None or value.name in copies:
            continue
        copy = ir.Value(name=value.name, type=value.type, shape=value.shape, const_value=value.const_value)
        copies[value.name] = copy
        (constants if value.is_initializer() else inputs).append(copy)
    outputs = [ir.Value(name=value.name, type=value.type, shape=value.shape) for value in node.outputs]
    alone = ir.Node(
        node.domain,
        node.op_type,
        [None if value is None or value.name is None else copies[value.name] for value in node.inputs],
        node.attributes.values(),
        overload=node.overload,
        outputs=outputs,
        name=node.name,
    )
    graph = ir.Graph(
        inputs,
        [value for value in outputs if value.name],
        nodes=[alone],
        initializers=constants,
        opset_imports=model.ir.opset_imports,
        name="alone",
    )
    return ir.Model(graph, ir_version=model.ir.ir_version, functions=list(model.ir.functions.values()))


def _refusal(path: Path) -> str | None:
    """Why onnxruntime does not accept the file; None when it does."""
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = ERRORS_ONLY + 1  # a refusal is an answer here, not an error to print
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - its exceptions share no base below Exception
        return _reason(str(error), path)
    return None


def _reason(message: str, path: Path) -> str:
    """Give the last part of onnxruntime's message, without its own code, the file's name and line breaks."""
    text = message.replace(str(path), "the model")
    for code in (" : NOT_IMPLEMENTED : ", " : INVALID_GRAPH : ", " : FAIL : ", "Load model from the model failed:"):
        text = text.partition(code)[2] or text
    return " ".join(text.split())
