"""Every operator between a DequantizeLinear and a QuantizeLinear becomes the integer kernel, and computes the same."""

from collections import Counter

import numpy as np
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from edgewright.targets.base import Options
from edgewright.targets.tflite.target import TFLite

LIMITS = {"int8": (-128, 127), "int16": (-32768, 32767), "uint8": (0, 255)}
RESOLVERS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)


class Network:
    """An ONNX graph on grids that grows node by node; `x` and what follows are drawn."""

    def __init__(self, dtype="int8", seed=0):
        self.dtype, self.nodes, self.weights, self.feeds = dtype, [], {}, {}
        self.draw = np.random.default_rng(seed)
        self.outputs = []

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights[name] = np.asarray(array)
        return name

    def grid(self, low, high):
        """Give scale and zero point that hold an interval, symmetric for 16 bits."""
        least, most = LIMITS[self.dtype]
        if self.dtype == "int16":
            return np.float32(max(-low, high, 1e-6) / most), np.int16(0)
        low, high = min(low, 0), max(high, 0)
        scale = np.float32((high - low or 1) / (most - least))
        return scale, np.dtype(self.dtype).type(np.clip(round(least - low / scale), least, most))

    def on_grid(self, name, grid):
        scale, point = (self.constant(entry) for entry in grid)
        self.nodes.append(helper.make_node("QuantizeLinear", [name, scale, point], [f"{name}_q"]))
        self.nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", scale, point], [f"{name}_d"]))
        return f"{name}_d"

    def input(self, shape, low=-1.0, high=1.0):
        name = f"x{len(self.feeds)}"
        self.feeds[name] = self.draw.uniform(low, high, shape).astype(np.float32)
        return self.on_grid(name, self.grid(low, high))

    def quantized_constant(self, array, axis=None):
        """A constant behind a DequantizeLinear, on a symmetric grid, one scale for each slice along `axis`."""
        array = np.asarray(array, np.float32)
        others = tuple(place for place in range(array.ndim) if place != axis) if axis is not None else None
        scale = np.maximum(np.abs(array).max(axis=others), 1e-6).astype(np.float32) / np.float32(127)
        shape = [-1 if place == axis else 1 for place in range(array.ndim)] if axis is not None else ()
        integers = np.clip(np.rint(array / scale.reshape(shape)), -127, 127).astype(np.int8)
        names = [self.constant(integers), self.constant(scale), self.constant(np.zeros_like(scale, np.int8))]
        attributes = {} if axis is None else {"axis": axis}
        self.nodes.append(helper.make_node("DequantizeLinear", names, [f"{names[0]}_d"], **attributes))
        return f"{names[0]}_d"

    def node(self, op, operands, count=1, **attributes):
        outs = [f"v{len(self.nodes)}_{place}" for place in range(count)]
        self.nodes.append(helper.make_node(op, operands, outs, **attributes))
        return outs[0] if count == 1 else outs

    def proto(self, outputs):
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, x.shape) for name, x in self.feeds.items()]
        outs = [ValueInfoProto(name=name) for name in outputs]  # onnxruntime finds the types
        weights = [numpy_helper.from_array(np.asarray(array), name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, "net", infos, outs, weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    def values(self, outputs):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return onnxruntime.InferenceSession(self.proto(outputs).SerializeToString(), options).run(outputs, self.feeds)

    def finish(self, name, grid=None):
        """Put a value on a grid that holds what it takes, and make it an output; gives its scale."""
        value = self.values([name])[0]
        grid = grid or self.grid(float(value.min()), float(value.max()))
        self.outputs.append(self.on_grid(name, grid))
        return float(grid[0])


def compiled(network, hub_of_proto, folder, **options):
    proto = network.proto(network.outputs)
    for info, value in zip(proto.graph.output, network.values(network.outputs), strict=True):
        info.CopyFrom(
            helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        )
    artifact = TFLite().compile(hub_of_proto(proto), Options(variant="int8", **options), folder)
    return artifact, folder / "model.tflite"


def ran(path, feeds, resolver):
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    runner = interpreter.get_signature_runner("serving_default")
    return runner(**feeds)


def operators(path):
    """Count the operators of a file but for those at the border; one that works on floats is in lower case."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    [graph] = model.subgraphs
    found = Counter()
    for operator in graph.operators:
        name = names[model.operatorCodes[operator.opcodeIndex].builtinCode]
        places = [place for place in (*operator.inputs, *operator.outputs) if place >= 0]
        is_float = any(graph.tensors[place].type == schema.TensorType.FLOAT32 for place in places)
        if not (name in ("QUANTIZE", "DEQUANTIZE") and is_float):
            found[name.lower() if is_float else name] += 1
    return dict(found)


def check(network, hub_of_proto, folder, expected, scales, steps):
    _, path = compiled(network, hub_of_proto, folder)
    assert operators(path) == expected
    wanted = network.values(network.outputs)
    for resolver in RESOLVERS:
        results = ran(path, network.feeds, resolver)
        for name, reference, scale in zip(network.outputs, wanted, scales, strict=True):
            assert results[name].shape == reference.shape
            off = np.abs(results[name] - reference) / scale
            assert off.max(initial=0) <= steps + 0.01, (resolver, off.max())


def one(op, shape=(2, 3, 8, 8), low=-1.0, high=1.0, count=1, **attributes):
    return lambda n: n.node(op, [n.input(shape, low, high)], count, **attributes)


def two(op, shape=(2, 3, 8, 8), other=(2, 3, 8, 8), **attributes):
    return lambda n: n.node(op, [n.input(shape), n.input(other, -2.0, 3.0)], **attributes)


def with_weights(op, shape, *weights, axis=0, bias=None, **attributes):
    def build(n):
        constants = [n.quantized_constant(n.draw.standard_normal(size), axis) for size in weights]
        if bias:
            constants.append(n.constant(n.draw.standard_normal(bias).astype(np.float32)))
        return n.node(op, [n.input(shape), *constants], **attributes)

    return build


def ints(op, shape, *parameters, **attributes):
    return lambda n: n.node(
        op, [n.input(shape), *(n.constant(np.array(p, np.int64)) for p in parameters)], **attributes
    )


COMPUTES = {
    "Conv": (with_weights("Conv", (1, 3, 9, 9), (8, 3, 3, 3), bias=8), {"TRANSPOSE": 2, "CONV_2D": 1}),
    "Conv, padded": (
        with_weights("Conv", (1, 3, 9, 9), (8, 3, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2]),
        {"TRANSPOSE": 2, "CONV_2D": 1},
    ),
    "Conv, per tensor": (with_weights("Conv", (1, 3, 9, 9), (8, 3, 3, 3), axis=None), {"TRANSPOSE": 2, "CONV_2D": 1}),
    "Conv, dilated": (
        with_weights("Conv", (1, 3, 9, 9), (8, 3, 3, 3), dilations=[2, 2]),
        {"TRANSPOSE": 2, "CONV_2D": 1},
    ),
    "Conv, depthwise": (
        with_weights("Conv", (1, 6, 9, 9), (6, 1, 3, 3), bias=6, group=6),
        {"TRANSPOSE": 2, "DEPTHWISE_CONV_2D": 1},
    ),
    "Conv, two filters a channel": (
        with_weights("Conv", (1, 6, 9, 9), (12, 1, 3, 3), group=6),
        {"TRANSPOSE": 2, "DEPTHWISE_CONV_2D": 1},
    ),
    "Conv, groups": (with_weights("Conv", (1, 8, 9, 9), (12, 4, 3, 3), group=2), {"TRANSPOSE": 2, "CONV_2D": 1}),
    "Conv, one axis": (
        with_weights("Conv", (1, 3, 9), (8, 3, 3), bias=8),
        {"TRANSPOSE": 2, "CONV_2D": 1, "RESHAPE": 2},
    ),
    "ConvTranspose": (
        with_weights("ConvTranspose", (1, 3, 6, 6), (3, 8, 3, 3), axis=1, bias=8, strides=[2, 2]),
        {"TRANSPOSE": 2, "TRANSPOSE_CONV": 1},
    ),
    "MatMul": (with_weights("MatMul", (4, 16), (16, 8), axis=1), {"FULLY_CONNECTED": 1}),
    "MatMul, rank 3": (with_weights("MatMul", (2, 4, 16), (16, 8), axis=1), {"FULLY_CONNECTED": 1}),
    "Gemm": (with_weights("Gemm", (4, 16), (8, 16), bias=8, transB=1), {"FULLY_CONNECTED": 1}),
    "MatMul of two": (two("MatMul", (2, 4, 16), (2, 16, 8)), {"BATCH_MATMUL": 1}),
    "Add": (two("Add"), {"ADD": 1}),
    "Add, broadcast": (two("Add", (2, 3, 8, 8), (3, 1, 1)), {"ADD": 1}),
    "Add, a number": (lambda n: n.node("Add", [n.input((4, 8)), n.constant(np.float32(0.3))]), {"ADD": 1}),
    "Add, a constant": (with_weights("Add", (4, 8), (8,), axis=None), {"ADD": 1}),
    "Sub": (two("Sub"), {"SUB": 1}),
    "Mul": (two("Mul"), {"MUL": 1}),
    "Mul, a constant": (with_weights("Mul", (4, 8), (8,), axis=None), {"MUL": 1}),
    "Div by a number": (lambda n: n.node("Div", [n.input((4, 8)), n.constant(np.float32(0.7))]), {"MUL": 1}),
    "Neg": (one("Neg"), {"MUL": 1}),
    "Relu": (one("Relu"), {"RELU": 1}),
    "Clip to 6": (
        lambda n: n.node("Clip", [n.input((4, 8), -2, 9), n.constant(np.float32(0)), n.constant(np.float32(6))]),
        {"RELU6": 1},
    ),
    "LeakyRelu": (one("LeakyRelu", alpha=0.1), {"LEAKY_RELU": 1}),
    "PRelu": (with_weights("PRelu", (1, 3, 4, 4), (3, 1, 1), axis=None), {"PRELU": 1}),
    "HardSigmoid": (one("HardSigmoid", low=-4, high=4, alpha=1 / 6), {"ADD": 1, "MUL": 1}),
    "HardSwish": (one("HardSwish", low=-4, high=4), {"HARD_SWISH": 1}),
    "Gelu": (one("Gelu", low=-4, high=4), {"GELU": 1}),
    "Elu": (one("Elu", low=-4, high=4), {"ELU": 1}),
    "Exp": (one("Exp"), {"EXP": 1}),
    "Log": (one("Log", low=0.1, high=4), {"LOG": 1}),
    "Abs": (one("Abs"), {"ABS": 1}),
    "AveragePool": (one("AveragePool", kernel_shape=[2, 2]), {"TRANSPOSE": 2, "AVERAGE_POOL_2D": 1, "QUANTIZE": 1}),
    "GlobalAveragePool": (one("GlobalAveragePool"), {"MEAN": 1}),
    "ReduceMean": (ints("ReduceMean", (2, 3, 8), [1]), {"MEAN": 1}),
    "ReduceSum": (ints("ReduceSum", (2, 3, 8), [1]), {"SUM": 1}),
    "Resize, linear": (
        lambda n: n.node(
            "Resize", [n.input((1, 3, 4, 4)), "", n.constant(np.array([1, 1, 2, 2], np.float32))], mode="linear"
        ),
        {"TRANSPOSE": 2, "RESIZE_BILINEAR": 1, "QUANTIZE": 1},
    ),
}


@pytest.mark.parametrize("name", COMPUTES)
def test_what_computes_is_within_one_step(name, hub_of_proto, tmp_path):
    build, expected = COMPUTES[name]
    network = Network()
    scale = network.finish(build(network))
    check(network, hub_of_proto, tmp_path, expected, [scale], 1)


FIXED = {
    "Sigmoid": (one("Sigmoid", low=-6, high=6), {"LOGISTIC": 1}, {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}),
    "Softmax": (one("Softmax", (4, 16), -4, 4), {"SOFTMAX": 1}, {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)}),
    "Tanh": (one("Tanh", low=-3, high=3), {"TANH": 1}, {"int8": (1 / 128, 0), "int16": (1 / 32768, 0)}),
    "LogSoftmax": (one("LogSoftmax", (4, 16), -4, 4), {"LOG_SOFTMAX": 1}, {"int8": (16 / 256, 127)}),
}


@pytest.mark.parametrize("name", FIXED)
def test_a_kernel_with_a_grid_of_its_own_gives_it_at_once_where_it_is_wanted(name, hub_of_proto, tmp_path):
    build, expected, grids = FIXED[name]
    scale, point = grids["int8"]
    network = Network()
    network.finish(build(network), (np.float32(scale), np.int8(point)))
    check(network, hub_of_proto, tmp_path, expected, [scale], 1)


@pytest.mark.parametrize("name", FIXED)
def test_a_kernel_with_a_grid_of_its_own_is_followed_by_quantize_where_another_is_wanted(name, hub_of_proto, tmp_path):
    build, expected, _ = FIXED[name]
    network = Network()
    scale = network.finish(build(network))
    check(network, hub_of_proto, tmp_path, expected | {"QUANTIZE": 1}, [scale], 2)


def moved(op, shape, *parameters, count=1, **attributes):
    """Movements: their result is looked at on the grid of the input."""

    def build(n):
        return n.node(
            op, [n.input(shape), *(n.constant(np.array(p, np.int64)) for p in parameters)], count, **attributes
        )

    return build


def twins(op, shape=(2, 3, 8), **attributes):
    """Two operands of one grid."""

    def build(n):
        x = n.input(shape)
        n.feeds["other"] = n.draw.uniform(-1, 1, shape).astype(np.float32)
        return n.node(op, [x, n.on_grid("other", n.grid(-1.0, 1.0))], **attributes)

    return build


def cut_twice(n):
    """Two cuts, and the grid of the input between them."""
    first = n.node("Slice", [n.input((2, 3, 8)), *(n.constant(np.array([p], np.int64)) for p in (1, 7, 2, 2))])
    stored = n.on_grid(first, n.grid(-1.0, 1.0))
    return n.node("Slice", [stored, *(n.constant(np.array([p], np.int64)) for p in (1, 3, 1))])


MOVES = {
    "Reshape": (moved("Reshape", (2, 3, 8), [6, 8]), {"RESHAPE": 1}),
    "Transpose": (one("Transpose", (2, 3, 8), perm=[2, 0, 1]), {"TRANSPOSE": 1}),
    "Transpose, two columns": (one("Transpose", (32, 16, 2), perm=[2, 0, 1]), {"TRANSPOSE": 2}),
    "Transpose, two columns of many axes": (one("Transpose", (9, 5, 1, 24, 2), perm=[4, 0, 1, 2, 3]), {"TRANSPOSE": 2}),
    "Transpose, three rows": (one("Transpose", (1, 3, 32, 24), perm=[0, 2, 3, 1]), {"TRANSPOSE": 2}),
    "Transpose, eight columns": (one("Transpose", (32, 16, 8), perm=[2, 0, 1]), {"TRANSPOSE": 1}),
    "Transpose, few pairs": (one("Transpose", (16, 16, 2), perm=[2, 0, 1]), {"TRANSPOSE": 1}),
    "Slice": (moved("Slice", (2, 3, 8), [1, 2], [3, 7], [1, 2]), {"STRIDED_SLICE": 1}),
    "Slice of a Slice": (cut_twice, {"STRIDED_SLICE": 1}),
    "Gather": (moved("Gather", (2, 3, 8), [2, 0, 1, 1], axis=1), {"GATHER": 1}),
    "Concat": (twins("Concat", axis=1), {"CONCATENATION": 1}),
    "Split": (one("Split", (2, 3, 8), axis=2, num_outputs=2, count=2), {"SPLIT": 1}),
    "Pad": (moved("Pad", (2, 3, 8), [0, 1, 0, 0, 0, 2]), {"PAD": 1}),
    "Pad, whole rows": (moved("Pad", (1, 40, 30, 3), [0, 1, 2, 0, 0, 0, 1, 0]), {"RESHAPE": 2, "PAD": 1}),
    "Pad, last axis": (moved("Pad", (1, 40, 30, 3), [0, 1, 2, 0, 0, 0, 1, 1]), {"PAD": 1}),
    "Pad, reflected": (moved("Pad", (2, 3, 8), [0, 1, 0, 0, 0, 2], mode="reflect"), {"MIRROR_PAD": 1}),
    "Tile": (moved("Tile", (2, 3), [2, 2]), {"TILE": 1}),
    "Expand": (moved("Expand", (2, 1, 3), [2, 4, 3]), {"BROADCAST_TO": 1}),
    "MaxPool": (one("MaxPool", kernel_shape=[3, 3], strides=[2, 2]), {"TRANSPOSE": 2, "MAX_POOL_2D": 1}),
    "MaxPool, padded": (
        one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        {"TRANSPOSE": 2, "PADV2": 1, "MAX_POOL_2D": 1},
    ),
    "GlobalMaxPool": (one("GlobalMaxPool"), {"REDUCE_MAX": 1}),
    "ReduceMin": (moved("ReduceMin", (2, 3, 8), [2]), {"REDUCE_MIN": 1}),
    "Max": (twins("Max"), {"MAXIMUM": 1}),
    "Min": (twins("Min"), {"MINIMUM": 1}),
    "Relu": (one("Relu"), {"RELU": 1}),
    "DepthToSpace": (one("DepthToSpace", (1, 8, 3, 3), blocksize=2), {"TRANSPOSE": 2, "DEPTH_TO_SPACE": 1}),
    "SpaceToDepth": (one("SpaceToDepth", (1, 2, 6, 6), blocksize=2), {"TRANSPOSE": 2, "SPACE_TO_DEPTH": 1}),
    "Resize, nearest": (
        lambda n: n.node(
            "Resize", [n.input((1, 3, 4, 4)), "", n.constant(np.array([1, 1, 2, 2], np.float32))], mode="nearest"
        ),
        {"TRANSPOSE": 2, "RESIZE_NEAREST_NEIGHBOR": 1},
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_moves_or_chooses_is_exact(name, hub_of_proto, tmp_path):
    build, expected = MOVES[name]
    network = Network()
    found = build(network)
    for value in [found] if isinstance(found, str) else found:
        network.finish(value, network.grid(-1.0, 1.0))
    check(network, hub_of_proto, tmp_path, expected, [2 / 255] * len(network.outputs), 0)


CHOOSES = {
    "ArgMax": (one("ArgMax", (3, 16), axis=1, keepdims=0), {"ARG_MAX": 1}),
    "ArgMin": (one("ArgMin", (3, 16), axis=1, keepdims=0), {"ARG_MIN": 1}),
    "Greater": (twins("Greater"), {"GREATER": 1}),
    "LessOrEqual": (twins("LessOrEqual"), {"LESS_EQUAL": 1}),
    "Equal": (twins("Equal"), {"EQUAL": 1}),
}


@pytest.mark.parametrize("name", CHOOSES)
def test_what_gives_no_reals_looks_at_the_integers(name, hub_of_proto, tmp_path):
    build, expected = CHOOSES[name]
    network = Network()
    network.outputs = [build(network)]
    _, path = compiled(network, hub_of_proto, tmp_path)

    assert {op: count for op, count in operators(path).items() if op not in ("cast", "CAST")} == expected
    [wanted] = network.values(network.outputs)
    for resolver in RESOLVERS:
        np.testing.assert_array_equal(ran(path, network.feeds, resolver)[network.outputs[0]], wanted)


def test_comparing_values_of_two_grids_stays_float(hub_of_proto, tmp_path):
    network = Network()
    network.outputs = [two("Greater")(network)]
    _, path = compiled(network, hub_of_proto, tmp_path)

    assert operators(path) == {"greater": 1}


def test_where_chooses_integers(hub_of_proto, tmp_path):
    network = Network()
    mask = network.constant(np.arange(48).reshape(2, 3, 8) % 3 == 0)
    x = network.input((2, 3, 8))
    network.feeds["other"] = network.draw.uniform(-1, 1, (2, 3, 8)).astype(np.float32)
    network.finish(
        network.node("Where", [mask, x, network.on_grid("other", network.grid(-1.0, 1.0))]), network.grid(-1, 1)
    )
    check(network, hub_of_proto, tmp_path, {"SELECT_V2": 1}, [2 / 255], 0)


def test_top_k_gives_the_integers_and_their_places(hub_of_proto, tmp_path):
    network = Network()
    values, _ = network.node("TopK", [network.input((3, 16)), network.constant(np.array([4], np.int64))], 2)
    network.finish(values, network.grid(-1.0, 1.0))
    check(network, hub_of_proto, tmp_path, {"TOPK_V2": 1}, [2 / 255], 0)


WIDE_STAYS_FLOAT = {"PRelu", "HardSigmoid", "HardSwish", "Gelu", "Elu", "Exp", "Log", "ReduceSum"}


@pytest.mark.parametrize("name", COMPUTES)
def test_16_bits_are_within_one_step_or_stay_float(name, hub_of_proto, tmp_path):
    build, expected = COMPUTES[name]
    if name in WIDE_STAYS_FLOAT:
        expected = {op.lower(): count for op, count in expected.items()}
    network = Network("int16")
    scale = network.finish(build(network))
    check(network, hub_of_proto, tmp_path, expected, [scale], 1)


WIDE_STEPS = {"Sigmoid": 1, "Softmax": 1, "Tanh": 2}
"""The kernel of TANH interpolates in a table of 513 entries."""


@pytest.mark.parametrize("name", WIDE_STEPS)
def test_16_bits_of_a_kernel_with_a_grid_of_its_own(name, hub_of_proto, tmp_path):
    build, expected, grids = FIXED[name]
    scale, point = grids["int16"]
    network = Network("int16")
    network.finish(build(network), (np.float32(scale), np.int16(point)))
    check(network, hub_of_proto, tmp_path, expected, [scale], WIDE_STEPS[name])


@pytest.mark.parametrize("name", ["Conv", "Gemm", "Add", "Concat", "Relu", "MaxPool", "Softmax"])
def test_uint8_is_shifted_to_int8_exactly(name, hub_of_proto, tmp_path):
    build = (COMPUTES | MOVES | FIXED)[name][0]
    files = []
    for dtype in ("uint8", "int8"):
        network = Network(dtype)
        network.finish(build(network), network.grid(-4.0, 4.0))
        (folder := tmp_path / dtype).mkdir()
        files.append(compiled(network, hub_of_proto, folder)[1].read_bytes())

    assert files[0] == files[1]


def with_bias_of(network, bias, weight_scale):
    """A dense layer whose first channel has weights that are next to nothing beside its bias."""
    x = network.input((4, 16))
    weight = network.draw.integers(-127, 128, (16, 4)).astype(np.int8)
    scales = np.array([weight_scale, 0.01, 0.01, 0.01], np.float32)
    names = [network.constant(array) for array in (weight, scales, np.zeros(4, np.int8))]
    network.nodes.append(helper.make_node("DequantizeLinear", names, ["w_d"], axis=1))
    return network.node("Gemm", [x, "w_d", network.constant(np.array([bias, 0, 1, 2], np.float32))])


def test_a_bias_beyond_32_bits_makes_its_weights_coarser(hub_of_proto, tmp_path):
    network = Network()
    scale = network.finish(with_bias_of(network, 5.0, 1e-9))
    check(network, hub_of_proto, tmp_path, {"FULLY_CONNECTED": 1}, [scale], 1)


def test_weights_with_another_zero_point_stay_float(hub_of_proto, tmp_path):
    network = Network()
    weight = [network.constant(array) for array in (np.full((16, 4), 7, np.uint8), np.float32(0.1), np.uint8(3))]
    dense = network.node("MatMul", [network.input((4, 16)), network.node("DequantizeLinear", weight)])
    scale = network.finish(dense)
    check(network, hub_of_proto, tmp_path, {"fully_connected": 1}, [scale], 1)


def test_weights_of_minus_128_stay_float(hub_of_proto, tmp_path):
    network = Network()
    weight = [network.constant(array) for array in (np.full((16, 4), -128, np.int8), np.float32(0.1), np.int8(0))]
    dense = network.node("MatMul", [network.input((4, 16)), network.node("DequantizeLinear", weight)])
    scale = network.finish(dense)
    check(network, hub_of_proto, tmp_path, {"fully_connected": 1}, [scale], 1)


@pytest.mark.parametrize("kernel", [[1, 3], [3, 3], [3, 5], [5, 5]])
def test_averages_of_odd_windows_are_exact_as_convolutions(kernel, hub_of_proto, tmp_path):
    network = Network(seed=kernel[1])
    network.finish(one("AveragePool", (1, 5, 30, 30), kernel_shape=kernel)(network), network.grid(-1.0, 1.0))
    check(network, hub_of_proto, tmp_path, {"TRANSPOSE": 2, "DEPTHWISE_CONV_2D": 1}, [2 / 255], 0)


def test_averages_of_odd_windows_are_put_on_another_grid_by_the_convolution(hub_of_proto, tmp_path):
    network = Network()
    scale = network.finish(one("AveragePool", (1, 5, 30, 30), kernel_shape=[3, 3])(network))
    assert scale < 0.9 * 2 / 255
    check(network, hub_of_proto, tmp_path, {"TRANSPOSE": 2, "DEPTHWISE_CONV_2D": 1}, [scale], 1)


def test_padding_before_a_maximum_is_with_zeros_where_nothing_is_below(hub_of_proto, tmp_path):
    network = Network()
    pooled = network.node(
        "MaxPool", [network.input((2, 3, 8, 8), 0.0, 1.0)], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    network.finish(pooled, network.grid(0.0, 1.0))
    check(network, hub_of_proto, tmp_path, {"TRANSPOSE": 2, "PAD": 1, "MAX_POOL_2D": 1}, [1 / 255], 0)


def test_padding_that_no_integer_stands_for_saturates_as_the_result_does(hub_of_proto, tmp_path):
    network = Network()
    far = network.constant(np.float32(-100))
    padded = network.node("Pad", [network.input((2, 3)), network.constant(np.array([0, 1, 0, 1])), far])
    network.finish(padded, network.grid(-1.0, 1.0))
    check(network, hub_of_proto, tmp_path, {"PADV2": 1}, [2 / 255], 0)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize(("bound", "limit"), [("Min", 4.0), ("Max", -4.0)])
def test_what_a_bound_keeps_off_the_grid_is_not_quantized_before_it(dtype, bound, limit, hub_of_proto, tmp_path):
    """1 / ±0 is infinite, and QUANTIZE would put that at the wrong end."""
    network = Network(dtype)
    zeros = network.node("Relu", [network.input((4, 16))])
    sign = network.constant(np.float32(np.sign(limit)))
    infinite = network.node("Div", [sign, network.on_grid(zeros, network.grid(0.0, 1.0))])
    bounded = network.node(bound, [infinite, network.constant(np.full(1, limit, np.float32))])
    scale = network.finish(bounded)

    _, path = compiled(network, hub_of_proto, tmp_path)

    [wanted] = network.values(network.outputs)
    assert np.isclose(wanted, limit, atol=scale).any()
    for resolver in RESOLVERS:
        found = ran(path, network.feeds, resolver)[network.outputs[0]]
        assert np.abs(found - wanted).max() <= scale * 1.01
