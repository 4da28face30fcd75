"""The kernels that a model spends its multiplications in, and models of one such kernel each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import onnx_ir as ir

from ..vocabulary.signature import Signature, TensorSpec
from ..vocabulary.source import Source
from .inspect import summarize
from .kernel import Kernel, KernelShare
from .model import HUB_OPSET, Model
from .passes.editing import static_shape

REPEATS: Final = 4
"""How often a kernel stands in its model where its result can be its next input: a call costs something by itself."""


def kernels_of(model: Model, most: int) -> tuple[tuple[KernelShare, ...], int]:
    """Give the `most` kernels that multiply most, and the multiply-accumulates of the whole model; shapes are known."""
    costs = {cost.node: cost.macs or 0 for cost in summarize(model).nodes}
    found: dict[Kernel, list[int]] = {}
    for node in model.graph:
        kernel = _kernel(node)
        if kernel is not None and costs.get(node.name or "", 0):
            found.setdefault(kernel, []).append(costs[node.name or ""])
    shares = [KernelShare(kernel=kernel, nodes=len(macs), macs=sum(macs)) for kernel, macs in found.items()]
    return tuple(sorted(shares, key=lambda share: -share.macs)[:most]), sum(costs.values())


def model_of(kernel: Kernel) -> tuple[Model, int]:
    """Give a model of a kernel with a Relu behind, and how often it stands in it; `x` goes in, `y` comes out.

    The weights are drawn, the same on every machine, so that what comes out is about as large as what goes in.
    """
    times = REPEATS if kernel.keeps_shape else 1
    generator = np.random.Generator(np.random.PCG64(0))
    x = ir.Value(name="x", type=ir.TensorType(ir.DataType.FLOAT), shape=ir.Shape(kernel.input))
    nodes, weights, value = [], [], x
    for index in range(times):
        reduced = kernel.weight[0] if kernel.op == "MatMul" else math.prod(kernel.weight[1:])
        array = (generator.standard_normal(kernel.weight) * math.sqrt(2 / reduced)).astype(np.float32)
        weight = ir.Value(
            name=f"w{index}",
            type=ir.TensorType(ir.DataType.FLOAT),
            shape=ir.Shape(kernel.weight),
            const_value=ir.tensor(array, name=f"w{index}"),
        )
        weights.append(weight)
        for op, inputs, attributes in ((kernel.op, [value, weight], _attributes(kernel)), ("Relu", None, {})):
            node = ir.node(op, inputs or [value], attributes, name=f"{op.lower()}{index}")
            nodes.append(node)
            value = node.outputs[0]
            value.name = f"{op.lower()}{index}:out"
    value.name = "y"
    graph = ir.Graph([x], [value], nodes=nodes, initializers=weights, opset_imports={"": HUB_OPSET}, name="kernel")
    from .passes.infer_shapes import InferShapes

    bare = Model(
        ir=ir.Model(graph, ir_version=10),
        signature=Signature(inputs=(_spec("x", kernel.input),), outputs=()),
        source=Source(reference=kernel.words, framework="onnx", digest="", tools={}),
    )
    InferShapes().rewrite(bare.ir)
    output = static_shape(bare.graph.outputs[0])
    assert output is not None, kernel
    value.dtype = ir.DataType.FLOAT
    return replace(bare, signature=Signature(inputs=bare.signature.inputs, outputs=(_spec("y", output),))), times


def _spec(name: str, shape: Iterable[int]) -> TensorSpec:
    return TensorSpec(name=name, dtype="float32", shape=tuple(shape))


def _kernel(node: ir.Node) -> Kernel | None:
    shapes = [static_shape(value) for value in node.inputs[:2]]
    if node.domain or node.op_type not in ("Conv", "Gemm", "MatMul") or None in shapes:
        return None
    taken, weight = (shape or () for shape in shapes)
    if node.op_type != "Conv":
        return _product(node, taken, weight)
    axes = len(weight) - 2
    pads = node.attributes.get_ints("pads", [0] * 2 * axes)
    if node.attributes.get_string("auto_pad", "NOTSET") != "NOTSET":
        return None
    return Kernel(
        op="Conv",
        input=taken,
        weight=weight,
        strides=tuple(node.attributes.get_ints("strides", [1] * axes)),
        pads=tuple(pads),
        dilations=tuple(node.attributes.get_ints("dilations", [1] * axes)),
        group=node.attributes.get_int("group", 1),
    )


def _product(node: ir.Node, taken: tuple[int, ...], weight: tuple[int, ...]) -> Kernel | None:
    """Say a product with constant weights as one of two matrices."""
    if len(weight) != 2 or node.inputs[1] is None or node.inputs[1].const_value is None or not taken:
        return None
    if node.op_type == "Gemm":
        taken = taken[::-1] if node.attributes.get_int("transA", 0) else taken
        weight = weight[::-1] if node.attributes.get_int("transB", 0) else weight
    return Kernel(op="MatMul", input=(math.prod(taken[:-1]), taken[-1]), weight=weight)


def _attributes(kernel: Kernel) -> dict[str, Any]:
    if kernel.op == "MatMul":
        return {}
    return {
        "strides": list(kernel.strides),
        "pads": list(kernel.pads),
        "dilations": list(kernel.dilations),
        "group": kernel.group,
    }
