"""Random graphs of arithmetic, choices, casts and normalizations: what coremltools' passes make of them stays right."""

import numpy as np
import onnx_ir as ir
import onnxruntime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

F32, I32, BOOL = TensorProto.FLOAT, TensorProto.INT32, TensorProto.BOOL
NUMBERS = [0.0, 1.0, 2.0, -1.0, 0.5, 3.0, 6.0, 41.0, 0.044715, 0.7978845608]
ONE = ["Relu", "Sigmoid", "Tanh", "Neg", "Abs", "Erf", "Softplus", "LeakyRelu", "HardSwish", "Sin"]
KINDS = ["one", "two", "two", "power", "root", "cast", "compare", "reduce", "softmax", "clip", "where", "channels"]
KINDS += ["both", "norm", "standardize"]


class Drawn:
    """An ONNX graph that grows by one drawn node after the other; every tensor has the shape of the input."""

    def __init__(self, draw):
        self.draw, self.nodes, self.weights = draw, [], []
        self.shape = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=4), label="shape"))
        self.tensors = [("x", F32)]

    def constant(self, array):
        self.weights.append(numpy_helper.from_array(np.asarray(array), f"w{len(self.weights)}"))
        return self.weights[-1].name

    def number(self):
        return self.constant(np.float32(self.draw(st.sampled_from(NUMBERS))))

    def by_channel(self, *shape):
        first = self.draw(st.integers(1, 9)) / 4
        return self.constant(np.linspace(first, first + 1, self.shape[1], dtype=np.float32).reshape(-1, *shape))

    def add(self, op, operands, dtype=F32, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, operands, [name], name, **attributes))
        self.tensors.append((name, dtype))
        return name

    def grow(self):
        name, dtype = self.draw(st.sampled_from(self.tensors[-3:]))
        if dtype == BOOL:
            masked = self.add("Where", [name, self.constant(np.float32(-np.inf)), self.number()])
            self.tensors.pop()  # what is infinite has no place in sums
            self.add("Max", [masked, self.constant(np.float32(-9))])
        elif dtype == I32:
            op = self.draw(st.sampled_from(["Div", "Mod", "Mul", "Sub"]))
            by = self.constant(np.int32(self.draw(st.sampled_from([-7, -2, 2, 3]))))
            self.add("Cast", [self.add(op, [name, by], I32)], to=F32)
        else:
            self.grow_floats(name, self.draw(st.sampled_from(KINDS)))

    def grow_floats(self, x, kind):
        rank = len(self.shape)
        axis = self.draw(st.integers(0, rank - 1))
        match kind:
            case "one":
                self.add(self.draw(st.sampled_from(ONE)), [x])
            case "two":
                operands = self.draw(st.permutations([x, self.number()]))
                self.add(self.draw(st.sampled_from(["Add", "Sub", "Mul", "Max", "Min"])), operands)
            case "power":
                self.add("Pow", [x, self.constant(np.float32(self.draw(st.sampled_from([1, 2, 3]))))])
            case "root":
                exponents = np.full(self.draw(st.sampled_from([(), self.shape])), 2, np.float32)
                self.add("Sqrt", [self.add("Pow", [x, self.constant(exponents)])])
            case "cast":
                bounds = [self.constant(np.float32(bound)) for bound in (-99, 99)]
                self.add("Cast", [self.add("Clip", [x, *bounds])], I32, to=I32)
            case "compare":
                self.add(self.draw(st.sampled_from(["Less", "GreaterOrEqual"])), [x, self.number()], BOOL)
            case "reduce":
                op = self.draw(st.sampled_from(["ReduceMean", "ReduceMax", "ReduceLogSumExp"]))
                self.nodes.append(helper.make_node(op, [x, self.constant([axis])], [name := f"r{len(self.nodes)}"]))
                self.add("Sub", [x, name])
            case "softmax":
                self.add(self.draw(st.sampled_from(["Softmax", "LogSoftmax"])), [x], axis=axis)
            case "clip":
                low, high = self.draw(st.sampled_from([(0, 6), (-1, 1), (0, 1)]))
                self.add("Clip", [x, self.constant(np.float32(low)), self.constant(np.float32(high))])
            case "where":
                mask = np.arange(np.prod(self.shape)).reshape(self.shape) % self.draw(st.integers(1, 3)) == 0
                self.add("Where", [self.constant(mask), *self.draw(st.permutations([x, self.number()]))])
            case "channels":
                scaled = self.add("Mul", [x, self.by_channel(*[1] * (rank - 2))])
                self.add("Add", [scaled, self.by_channel(*[1] * (rank - 2))])
            case "both":
                floats = [other for other, dtype in self.tensors if dtype == F32]
                self.add(self.draw(st.sampled_from(["Add", "Mul", "Sub"])), [x, self.draw(st.sampled_from(floats))])
            case "norm":
                scale = self.constant(np.linspace(1, 2, self.shape[-1], dtype=np.float32))
                self.add("LayerNormalization", [x, scale], axis=-1, epsilon=0.1)
            case "standardize":
                self.nodes.append(helper.make_node("ReduceMean", [x, axes := self.constant([axis])], [m := f"{x}m"]))
                centred = self.add("Sub", [x, m])
                square = self.add("Pow", [centred, self.constant(np.float32(2))])
                self.nodes.append(helper.make_node("ReduceMean", [square, axes], [v := f"{square}v"]))
                self.nodes.append(helper.make_node("Add", [v, self.constant(np.float32(0.1))], [e := f"{square}e"]))
                self.nodes.append(helper.make_node("Sqrt", [e], [d := f"{square}d"]))
                self.add("Div", [centred, d])

    def proto(self):
        name, dtype = self.tensors[-1]
        inputs = [helper.make_tensor_value_info("x", F32, self.shape)]
        outputs = [helper.make_tensor_value_info(name, dtype, self.shape)]
        graph = helper.make_graph(self.nodes, "random", inputs, outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_graphs_compute_the_same(data, hub_of_proto, coreml):
    drawn = Drawn(data.draw)
    for _ in range(data.draw(st.integers(1, 8), label="nodes")):
        drawn.grow()
    x = np.random.default_rng(0).standard_normal(drawn.shape).astype(np.float32)
    built = coreml(None, {"x": x}, model=hub_of_proto(drawn.proto()))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(ir.to_proto(built.model.ir).SerializeToString(), options)
    (wanted,) = session.run(None, {"x": x})
    (got,) = built.outputs.values()
    assert got.dtype == wanted.dtype
    scale = np.abs(wanted[np.isfinite(wanted)].astype(np.float64)).max(initial=1)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4 * scale)
