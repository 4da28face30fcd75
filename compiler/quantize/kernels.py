"""Which nodes of a model compute in integers, and what each of their inputs is, by a scheme."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from ..passes.editing import constant_tensor, is_op, tensor_shape
from .scheme import OpRule, Role, Scheme


@dataclass(frozen=True, kw_only=True, slots=True)
class Edge:
    """Input `index` of `node`, and what it is. `axis`: of a weight, that of the channels with scales of their own."""

    node: ir.Node
    index: int
    role: Role
    axis: int | None = None

    @property
    def value(self) -> ir.Value:
        """What stands there."""
        value = self.node.inputs[self.index]
        assert value is not None
        return value


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kernel:
    """Nodes that the target computes in one go in integers: the first by its rule, others taken in behind it."""

    nodes: tuple[ir.Node, ...]
    rule: OpRule
    edges: tuple[Edge, ...]

    @property
    def head(self) -> ir.Node:
        """The node that the rule is for."""
        return self.nodes[0]

    @property
    def outputs(self) -> tuple[ir.Value, ...]:
        """What comes out behind the last node and is used."""
        return tuple(value for value in self.nodes[-1].outputs if value.uses() or value.is_graph_output())

    def edge(self, role: Role) -> Edge | None:
        """Give the first input of this role."""
        return next((edge for edge in self.edges if edge.role is role), None)

    def values(self, role: Role) -> list[ir.Value]:
        """Give what stands at the inputs of this role."""
        return [edge.value for edge in self.edges if edge.role is role]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The kernels of a model, and for other nodes that the scheme has a rule for the reason why they stay float."""

    kernels: tuple[Kernel, ...]
    reasons: Mapping[ir.Node, str]


def choose(
    graph: ir.Graph, scheme: Scheme, keep_float: Mapping[str, str], known: Callable[[ir.Value], str | None]
) -> Choice:
    """Choose the nodes that become integers.

    `keep_float`: names of nodes that stay float, with the reason. `known` gives None for a value whose range is known,
    else the reason why it is not.
    """
    kernels: list[Kernel] = []
    reasons: dict[ir.Node, str] = {}
    taken: set[ir.Node] = set()
    for node in graph:
        rule = _rule(node, scheme)
        if rule is None or node in taken:
            continue
        found = keep_float.get(str(node.name)) or _edges(node, rule, scheme)
        if isinstance(found, str):
            reasons[node] = found
            continue
        if not found:
            continue
        kernel = _with_fused(Kernel(nodes=(node,), rule=rule, edges=found), scheme, keep_float)
        missing = _missing(kernel, scheme, known)
        if missing is not None:
            reasons[node] = missing
        else:
            kernels.append(kernel)
            taken.update(kernel.nodes)
    if scheme.activations is not None:
        kernels, alone = _that_pay(kernels)
        reasons.update(alone)
    return Choice(kernels=tuple(kernels), reasons=reasons)


def _rule(node: ir.Node, scheme: Scheme) -> OpRule | None:
    if node.domain != "":
        return None
    of_table = scheme.tables.get(node.op_type)
    if of_table is not None and constant_tensor(node.inputs[0]) is not None:
        return of_table
    return scheme.ops.get(node.op_type)


def _edges(node: ir.Node, rule: OpRule, scheme: Scheme) -> tuple[Edge, ...] | str:
    """What each input is; the reason when the node cannot be said in integers."""
    edges = []
    for index, value in enumerate(node.inputs):
        if value is None:
            continue
        role = rule.inputs[min(index, len(rule.inputs) - 1)]
        if role is Role.FLOAT:
            continue
        producer = value.producer()
        if producer is not None and producer.op_type == "DequantizeLinear":
            return "it is quantized already"
        if value.dtype != ir.DataType.FLOAT:
            return ()  # a shape, an index, or float64: no number that a scheme speaks of
        tensor = constant_tensor(value)
        if role is Role.WEIGHT and tensor is None:
            role = Role.ACTIVATION
        if role is Role.WEIGHT and tensor is not None:
            least = max(scheme.min_weight_elements, 1)
            if tensor.size < least:
                return f"its weight has fewer than {least} elements"
            if not np.isfinite(tensor.numpy()).all():
                return f"its weight {value.name} is not finite"
            if scheme.block and not _has_blocks(node, rule, value, scheme):
                return f"its weight {value.name} does not part into blocks of {scheme.block}"
        if role is Role.BIAS:
            refusal = _bias(node, value)
            if refusal is not None and scheme.bias is not None and scheme.activations is not None:
                return refusal
            if refusal is not None:
                continue
        if role is Role.ACTIVATION and scheme.activations is None and not scheme.dynamic:
            continue
        axis = _channel_axis(node, rule, value, scheme) if role is Role.WEIGHT else None
        edges.append(Edge(node=node, index=index, role=role, axis=axis))
    if any(is_op(user, "QuantizeLinear") for output in node.outputs for user, _ in output.uses()):
        return "it is quantized already"
    weights = [edge for edge in edges if edge.role is Role.WEIGHT]
    if scheme.activations is None and not weights:
        return ()
    return tuple(edges)


def _bias(node: ir.Node, value: ir.Value) -> str | None:
    """The reason why a bias cannot be an integer at the scale of input times weight."""
    tensor = constant_tensor(value)
    if tensor is None:
        return f"its bias {value.name} is computed"
    if sum(size != 1 for size in tensor_shape(tensor)) > 1 or (tensor.shape.rank() or 0) > 2:
        return f"its bias {value.name} is no vector"
    if not np.isfinite(tensor.numpy()).all():
        return f"its bias {value.name} is not finite"
    if is_op(node, "Gemm") and (node.attributes.get_float("alpha", 1.0), node.attributes.get_float("beta", 1.0)) != (
        1.0,
        1.0,
    ):
        return "it scales its product (alpha, beta)"
    return None


def _channel_axis(node: ir.Node, rule: OpRule, value: ir.Value, scheme: Scheme) -> int | None:
    tensor = constant_tensor(value)
    if rule.weight_axis is None or tensor is None:
        return None
    rank = len(tensor_shape(tensor))
    if is_op(node, "MatMul") and (rank == 1 or (rank > 2 and scheme.multiplies)):
        return None  # a vector has no channels of output, and no kernel multiplies a stack with a scale a channel
    axis = rule.weight_axis % rank
    transposed = is_op(node, "Gemm") and node.attributes.get_int("transB", 0) == 1
    return 1 - axis if transposed else axis


def _has_blocks(node: ir.Node, rule: OpRule, value: ir.Value, scheme: Scheme) -> bool:
    """Whether a weight, of a product or a convolution, has a multiple of the block along the axis that is reduced."""
    tensor, axis = constant_tensor(value), _channel_axis(node, rule, value, scheme)
    shape = () if tensor is None else tensor_shape(tensor)
    return axis is not None and (len(shape) == 2 or is_op(node, "Conv")) and shape[1 - axis] % scheme.block == 0


def _with_fused(kernel: Kernel, scheme: Scheme, keep_float: Mapping[str, str]) -> Kernel:
    """Take in the nodes behind, as far as the target's kernel does."""
    nodes, edges = list(kernel.nodes), list(kernel.edges)
    while scheme.activations is not None:
        uses = tuple(nodes[-1].outputs[0].uses())
        if len(uses) != 1 or nodes[-1].outputs[0].is_graph_output():
            break
        user, place = uses[0]
        if (
            user.domain != ""
            or (kernel.head.op_type, user.op_type) not in scheme.fused
            or str(user.name) in keep_float
            or user.graph is not kernel.head.graph
        ):
            break
        if user.op_type == "Add":
            other = user.inputs[1 - place]
            if len(nodes) > 1 or other is None or not is_bias_of(kernel, other) or scheme.bias is None:
                break
            edges.append(Edge(node=user, index=1 - place, role=Role.BIAS))
        elif place != 0:
            break
        nodes.append(user)
        if user.op_type != "Add":
            break
    return Kernel(nodes=tuple(nodes), rule=kernel.rule, edges=tuple(edges))


def is_bias_of(kernel: Kernel, value: ir.Value) -> bool:
    """Whether a constant is a vector along the channels that a MatMul gives last."""
    weight, tensor = kernel.edge(Role.WEIGHT), constant_tensor(value)
    if weight is None or tensor is None or kernel.edge(Role.BIAS) is not None or weight.axis is None:
        return False
    shape = tensor_shape(tensor)
    channels = (weight.value.shape or ())[weight.axis]
    rank = len(kernel.head.outputs[0].shape or ())
    return (
        kernel.head.op_type == "MatMul"
        and tensor.size == channels
        and 0 < len(shape) <= rank
        and shape[-1] == channels
        and bool(np.isfinite(tensor.numpy()).all())
    )


def _missing(kernel: Kernel, scheme: Scheme, known: Callable[[ir.Value], str | None]) -> str | None:
    """The reason why a kernel's scales cannot be found."""
    if scheme.activations is None:
        return None
    wanted = kernel.values(Role.ACTIVATION)
    if not kernel.rule.gives_float and kernel.rule.fixed is None:
        wanted.extend(kernel.outputs)
    for value in wanted:
        if value.dtype != ir.DataType.FLOAT:
            return f"{value.name} is not float32"
        reason = known(value)
        if reason is not None:
            return reason
    return None


def _that_pay(kernels: list[Kernel]) -> tuple[list[Kernel], dict[ir.Node, str]]:
    """Leave out kernels that only carry integers on, where none arrive or none are wanted.

    One that follows joins where integers arrive, and all else that it reads is quantized for another kernel anyway.
    """
    first = [kernel for kernel in kernels if not kernel.rule.shares and not kernel.rule.follows]
    wanted = {value for kernel in first for value in kernel.values(Role.ACTIVATION)}
    arriving = {value for kernel in first if not kernel.rule.gives_float for value in kernel.outputs}
    waiting = [kernel for kernel in kernels if kernel not in first]
    chosen = set(first)
    while True:
        joining = [kernel for kernel in waiting if _joins(kernel, wanted, arriving)]
        if not joining:
            break
        for kernel in joining:
            chosen.add(kernel)
            waiting.remove(kernel)
            arriving.update(kernel.outputs)
            if kernel.rule.shares:
                wanted.update(kernel.values(Role.ACTIVATION))
    reasons = {
        kernel.head: "no neighbour computes in integers" if kernel.rule.shares else "its inputs arrive as floats"
        for kernel in waiting
    }
    return [kernel for kernel in kernels if kernel in chosen], reasons


def _joins(kernel: Kernel, wanted: Collection[ir.Value], arriving: Collection[ir.Value]) -> bool:
    inputs = kernel.values(Role.ACTIVATION)
    if kernel.rule.follows:
        return any(value in arriving for value in inputs) and all(
            value in arriving or value in wanted or constant_tensor(value) is not None for value in inputs
        )
    return any(value in arriving for value in inputs) or any(value in wanted for value in kernel.outputs)
