"""Random graphs, quantized by the scheme: LiteRT answers what onnxruntime answers for the same Q/DQ."""

import math

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgewright.compiler import recipe
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.targets.base import Options
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import RefusedError

MOVES = ["Transpose", "Reshape", "Concat", "Pad", "Slice", "Gather", "MaxPool", "ReduceMax"]
COMPUTES = ["Conv", "Conv", "Dense", "Add", "Mul", "Scale", "Relu", "Clip", "ReduceMean", "AveragePool"]
CALIBRATION_CALLS = 16


class Drawn:
    """A float graph that grows by one drawn node after the other."""

    def __init__(self, draw):
        self.draw, self.nodes, self.weights = draw, [], {}
        self.input = tuple(draw(st.lists(st.sampled_from([1, 2, 4]), min_size=3, max_size=4), label="input"))
        self.shapes = {"x": self.input}
        self.numbers = np.random.default_rng(draw(st.integers(0, 99), label="seed"))

    def add(self, op, operands, shape, *weights, **attributes):
        names = [f"w{len(self.weights) + place}" for place in range(len(weights))]
        self.weights |= dict(zip(names, weights, strict=True))
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [*operands, *names], [out], f"n{len(self.nodes)}", **attributes))
        self.shapes[out] = tuple(int(size) for size in shape)

    def normal(self, *shape):
        return self.numbers.standard_normal(shape).astype(np.float32)

    def grow(self, kinds):
        name = self.draw(st.sampled_from(list(self.shapes)[-3:]))
        shape = self.shapes[name]
        rank = len(shape)
        axis = self.draw(st.integers(0, rank - 1))
        along = [size if place != axis else None for place, size in enumerate(shape)]
        match self.draw(st.sampled_from(kinds)):
            case "Transpose":
                p = self.draw(st.permutations(range(rank)))
                self.add("Transpose", [name], [shape[a] for a in p], perm=p)
            case "Reshape" if rank > 2:
                target = (shape[0] * shape[1], *shape[2:])
                self.add("Reshape", [name], target, np.array(target, np.int64))
            case "Concat" if math.prod(shape) < 300:
                others = [other for other, size in self.shapes.items() if size == shape]
                operands = [name, self.draw(st.sampled_from(others))]
                self.add("Concat", operands, [size or 2 * shape[axis] for size in along], axis=axis)
            case "Pad":
                pads = self.draw(st.lists(st.integers(0, 1), min_size=2 * rank, max_size=2 * rank))
                wide = [size + pads[a] + pads[a + rank] for a, size in enumerate(shape)]
                self.add("Pad", [name], wide, np.array(pads, np.int64))
            case "Slice" if shape[axis] > 1:
                bounds = [np.array([1]), np.array([shape[axis]]), np.array([axis])]
                self.add("Slice", [name], [size or shape[axis] - 1 for size in along], *bounds)
            case "Gather":
                picks = self.draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=4))
                self.add("Gather", [name], [size or len(picks) for size in along], np.array(picks), axis=axis)
            case ("MaxPool" | "AveragePool") as pool if rank == 4 and min(shape[2:]) > 1:
                left = (*shape[:2], shape[2] - 1, shape[3] - 1)
                self.add(pool, [name], left, kernel_shape=[2, 2])
            case ("ReduceMax" | "ReduceMean") as reduce:
                self.add(reduce, [name], [size or 1 for size in along], np.array([axis]))
            case "Conv" if rank > 2:
                weight = self.normal(4, shape[1], *[1] * (rank - 2))
                self.add("Conv", [name], (shape[0], 4, *shape[2:]), weight, self.normal(4))
            case "Dense" if rank > 1:
                self.add("MatMul", [name], (*shape[:-1], 4), self.normal(shape[-1], 4))
            case ("Add" | "Mul") as op:
                others = [other for other, size in self.shapes.items() if size == shape]
                self.add(op, [name, self.draw(st.sampled_from(others))], shape)
            case "Scale":
                self.add("Mul", [name], shape, self.normal(shape[-1]))
            case "Clip":
                self.add("Clip", [name], shape, np.float32(0), np.float32(6))
            case "Relu":
                self.add("Relu", [name], shape)

    def proto(self):
        last = list(self.shapes)[-1]
        [x], [y] = (
            [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, self.shapes[name])] for name in ("x", last)
        )
        needed, nodes = {last}, []
        for node in reversed(self.nodes):
            if node.output[0] in needed:
                nodes.insert(0, node)
                needed.update(node.input)
        weights = [numpy_helper.from_array(np.asarray(w), name) for name, w in self.weights.items() if name in needed]
        graph = helper.make_graph(nodes, "random", [x], [y], weights)
        proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        return onnx.shape_inference.infer_shapes(proto, strict_mode=True)


def quantized(model, shape):
    rows = np.random.default_rng(1).uniform(-2, 2, (CALIBRATION_CALLS * shape[0], *shape[1:])).astype(np.float32)
    steps = recipe.parse([{"quantize": {"precision": "static_wi8_ai8", "bias_correction": False}}], where="test")
    return recipe.apply(model, steps, ranges=calibrate(model, {"x": rows}), schemes=TFLite().schemes())


def on_one_grid(proto):
    """Put the input and the result of every node on the same grid."""
    grid = [numpy_helper.from_array(np.float32(2 / 127), "scale"), numpy_helper.from_array(np.int8(3), "point")]
    proto.graph.initializer.extend(grid)
    nodes, names = [], {}
    for node in [None, *proto.graph.node]:
        if node is not None:
            for place, name in enumerate(node.input):
                node.input[place] = names.get(name, name)
            nodes.append(node)
        name = "x" if node is None else node.output[0]
        names[name] = "y" if name == proto.graph.output[0].name else f"{name}_d"
        nodes.append(helper.make_node("QuantizeLinear", [name, "scale", "point"], [f"{name}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", "scale", "point"], [names[name]]))
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    proto.graph.output[0].name = "y"
    return proto


def last_scale(model):
    """The scale of the grid that the output is on; None when it is on none."""
    producer = model.graph.outputs[0].producer()
    if producer.op_type != "DequantizeLinear":
        return None
    return float(producer.inputs[1].const_value.numpy().item())


def steps_apart(model, shape, folder):
    """How many steps of the output's grid LiteRT and onnxruntime are apart at most; None when it is on no grid."""
    scale = last_scale(model)
    if scale is None:
        return None
    TFLite().compile(model, Options(variant="int8"), folder)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    reference = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString(), options)
    x = np.random.default_rng(2).uniform(-2, 2, shape).astype(np.float32)
    [expected] = reference.run(None, {"x": x})
    apart = 0.0
    for resolver in (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        interpreter = Interpreter(str(folder / "model.tflite"), experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        [result] = interpreter.get_signature_runner("serving_default")(x=x).values()
        assert result.shape == expected.shape
        apart = max(apart, float(np.abs(result - expected).max(initial=0)) / scale)
    return apart


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_moves_and_choices_are_exact(data, hub_of_proto, tmp_path):
    drawn = Drawn(data.draw)
    for _ in range(data.draw(st.integers(1, 8), label="nodes")):
        drawn.grow(MOVES)
    if drawn.nodes:
        apart = steps_apart(hub_of_proto(on_one_grid(drawn.proto())), drawn.input, tmp_path)
        assert apart < 0.01  # the floats of one integer differ in their last bit


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_graphs_quantized_by_the_scheme_are_within_two_steps_a_node(data, hub_of_proto, tmp_path):
    """A node rounds once, and may stretch what was off before it, by less than 2 on grids that hold what it gives."""
    drawn = Drawn(data.draw)
    for _ in range(data.draw(st.integers(1, 6), label="nodes")):
        drawn.grow(MOVES + COMPUTES)
    if not drawn.nodes:
        return
    try:
        model = quantized(hub_of_proto(drawn.proto()), drawn.input)
    except RefusedError:  # nothing that computes led to its output
        return
    apart = steps_apart(model, drawn.input, tmp_path)
    assert apart is None or apart <= 2 * len(drawn.nodes)
