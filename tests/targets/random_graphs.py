"""Random graphs of operators that every target knows, drawn a node after the other. Equal seeds draw equal graphs."""

import math

import numpy as np
import onnx
from onnx import helper, numpy_helper

FLOAT, INT, BOOL = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64, onnx.TensorProto.BOOL
LARGEST = 4000
"""Elements of a value that still grows."""


class Value:
    """A drawn value. What is `exact` is so on every machine, and may be cut to integers, compared and sorted."""

    def __init__(self, name, shape, dtype, exact):
        self.name, self.shape, self.dtype, self.exact = name, tuple(int(size) for size in shape), dtype, exact

    @property
    def rank(self):
        return len(self.shape)


class Graph:
    """An ONNX graph that grows by one drawn node after the other."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], {}
        shape = self.rng.choice([1, 2, 3, 4, 6], self.rng.integers(2, 5))
        self.values = [Value("x", shape, FLOAT, True)]

    def draw(self):
        """Inputs: quarters, so that sums of a few of them are exact."""
        return (self.rng.integers(-20, 21, self.values[0].shape) / 4).astype(np.float32)

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(array)
        return name

    def add(self, op, operands, shape, dtype, exact, **attributes):
        self.add_all(op, operands, [(shape, dtype)], exact, **attributes)

    def add_all(self, op, operands, results, exact, **attributes):
        names = [f"v{len(self.values) + place}" for place in range(len(results))]
        operands = [self.constant(each) if isinstance(each, np.ndarray) else each.name for each in operands]
        self.nodes.append(helper.make_node(op, operands, names, **attributes))
        for name, (shape, dtype) in zip(names, results, strict=True):
            self.values.append(Value(name, shape, dtype, exact))

    def pick(self, *dtypes, exact=False):
        fit = [v for v in self.values[-6:] if v.dtype in dtypes and v.rank and (v.exact or not exact)]
        return fit[self.rng.integers(len(fit))] if fit else None

    def grow(self):
        kind = KINDS[self.rng.integers(len(KINDS))]
        x = self.pick(*kind.dtypes, exact=kind.exact)
        if x is not None:
            kind(self, x, int(self.rng.integers(x.rank)))

    def proto(self):
        used = {name for node in self.nodes for name in node.input}
        outputs = [value for value in self.values[1:] if value.name not in used]
        infos = [
            [helper.make_tensor_value_info(v.name, v.dtype, v.shape) for v in side]
            for side in (self.values[:1], outputs)
        ]
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, "random", *infos, weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


KINDS = []


def kind(*dtypes, exact=False):
    """Make a function one that draws a node behind a value of these dtypes."""

    def keep(function):
        function.dtypes, function.exact = dtypes, exact
        KINDS.append(function)
        return function

    return keep


def without(x, axis, size):
    return [*x.shape[:axis], *([] if size is None else [size]), *x.shape[axis + 1 :]]


@kind(FLOAT, INT, BOOL)
def transpose(g, x, axis):
    order = g.rng.permutation(x.rank)
    g.add("Transpose", [x], [x.shape[place] for place in order], x.dtype, x.exact, perm=[int(place) for place in order])


@kind(FLOAT, INT, BOOL)
def reshape(g, x, axis):
    target = [math.prod(x.shape[: axis + 1]), *x.shape[axis + 1 :]]
    if target[-1] % 2 == 0 and len(target) < 4:
        target[-1:] = [2, target[-1] // 2]
    g.add("Reshape", [x, np.array(target)], target, x.dtype, x.exact)


@kind(FLOAT)
def arithmetic(g, x, axis):
    op = g.rng.choice(["Add", "Sub", "Mul", "Div", "Max", "Min"])
    along = np.array([1.5, -0.25, 2, 0.5])[np.arange(x.shape[axis]) % 4].astype(np.float32)
    along = along.reshape(-1, *[1] * (x.rank - axis - 1))
    swap = g.rng.random() < 0.3 and op != "Div"
    g.add(op, [along, x] if swap else [x, along], x.shape, FLOAT, x.exact and op not in ("Mul", "Div"))


@kind(FLOAT, INT)
def together(g, x, axis):
    others = [v for v in g.values if v.dtype == x.dtype and v.shape == x.shape]
    y = others[g.rng.integers(len(others))]
    g.add(g.rng.choice(["Add", "Sub", "Max", "Min"]), [x, y], x.shape, x.dtype, x.exact and y.exact)


@kind(FLOAT)
def activation(g, x, axis):
    op = g.rng.choice(["Relu", "Sigmoid", "Tanh", "HardSwish", "Abs", "Neg", "Softplus", "Erf", "Elu", "LeakyRelu"])
    g.add(op, [x], x.shape, FLOAT, x.exact and op in ("Relu", "Abs", "Neg"))


@kind(FLOAT)
def clip(g, x, axis):
    low, high = [(0, 6), (-1, 1), (-0.5, 2.25), (0, 100)][g.rng.integers(4)]
    g.add(
        "Clip", [x, np.float32(low)[None][0:1].reshape(()), np.float32(high)[None].reshape(())], x.shape, FLOAT, x.exact
    )


@kind(FLOAT, exact=True)
def cut_off(g, x, axis):
    g.add(g.rng.choice(["Floor", "Ceil", "Round", "Sign"]), [x], x.shape, FLOAT, True)


@kind(FLOAT, INT, BOOL)
def concat(g, x, axis):
    if math.prod(x.shape) < LARGEST:
        g.add("Concat", [x, x], without(x, axis, 2 * x.shape[axis]), x.dtype, x.exact, axis=axis)


@kind(FLOAT, INT)
def split(g, x, axis):
    size = x.shape[axis]
    if size > 1:
        sizes = [1, size - 1]
        results = [(without(x, axis, part), x.dtype) for part in sizes]
        g.add_all("Split", [x, np.array(sizes)], results, x.exact, axis=axis)


@kind(FLOAT, INT)
def reduced(g, x, axis):
    ops = ["ReduceSum", "ReduceMax", "ReduceMin", *(["ReduceMean", "ReduceProd"] if x.dtype == FLOAT else [])]
    op, keep = g.rng.choice(ops), bool(g.rng.random() < 0.5) or x.rank < 2
    exact = x.exact and op not in ("ReduceMean", "ReduceProd")
    g.add(op, [x, np.array([axis])], without(x, axis, 1 if keep else None), x.dtype, exact, keepdims=int(keep))


@kind(FLOAT)
def softmax(g, x, axis):
    g.add("Softmax", [x], x.shape, FLOAT, False, axis=axis)


@kind(FLOAT, INT)
def pad(g, x, axis):
    before, after = (int(size) for size in g.rng.integers(0, 3, 2))
    wide = without(x, axis, x.shape[axis] + before + after)
    mode = g.rng.choice(["constant", "edge", "reflect"])
    if mode == "reflect" and max(before, after) >= x.shape[axis]:
        return
    dtype = helper.tensor_dtype_to_np_dtype(x.dtype)
    operands = [x, np.array([before, after]), np.array(1, dtype), np.array([axis])]
    g.add("Pad", operands, wide, x.dtype, x.exact, mode=mode)


@kind(FLOAT, INT, BOOL)
def cut(g, x, axis):
    size = x.shape[axis]
    start, step = int(g.rng.integers(size)), int(g.rng.choice([1, 2, -1, -2]))
    stop = size if step > 0 else -size - 1
    count = len(range(size)[slice(start, stop, step)])
    bounds = [np.array([number]) for number in (start, stop, axis, step)]
    g.add("Slice", [x, *bounds], without(x, axis, count), x.dtype, x.exact)


@kind(FLOAT, INT, BOOL)
def gather(g, x, axis):
    picks = g.rng.integers(-x.shape[axis], x.shape[axis], g.rng.integers(1, 5))
    g.add("Gather", [x, picks], without(x, axis, len(picks)), x.dtype, x.exact, axis=axis)


@kind(FLOAT)
def convolution(g, x, axis):
    if x.rank == 4:
        weight = np.linspace(-1, 1, 2 * x.shape[1] * 9, dtype=np.float32).reshape(2, x.shape[1], 3, 3)
        bias = np.array([0.5, -0.5], np.float32)
        g.add("Conv", [x, weight, bias], (x.shape[0], 2, *x.shape[2:]), FLOAT, False, pads=[1, 1, 1, 1])


@kind(FLOAT)
def pooling(g, x, axis):
    if x.rank == 4 and min(x.shape[2:]) > 1:
        op = g.rng.choice(["MaxPool", "AveragePool"])
        left = (*x.shape[:2], *(size - 1 for size in x.shape[2:]))
        g.add(op, [x], left, FLOAT, x.exact and op == "MaxPool", kernel_shape=[2, 2])


@kind(FLOAT)
def dense(g, x, axis):
    if x.rank > 1:
        weight = np.linspace(-1, 1, 3 * x.shape[-1], dtype=np.float32).reshape(x.shape[-1], 3)
        g.add("MatMul", [x, weight], (*x.shape[:-1], 3), FLOAT, False)


@kind(FLOAT, exact=True)
def place(g, x, axis):
    last = {"select_last_index": int(g.rng.integers(2))}
    op = g.rng.choice(["ArgMax", "ArgMin"])
    g.add(op, [x], without(x, axis, 1), INT, True, axis=axis, **last)


@kind(FLOAT, INT, exact=True)
def largest(g, x, axis):
    count = int(g.rng.integers(1, x.shape[axis] + 1))
    shape = without(x, axis, count)
    results = [(shape, x.dtype), (shape, INT)]
    g.add_all("TopK", [x, np.array([count])], results, True, axis=axis, largest=int(g.rng.integers(2)))


@kind(FLOAT, INT)
def running_sum(g, x, axis):
    flags = {name: int(g.rng.integers(2)) for name in ("exclusive", "reverse")}
    g.add("CumSum", [x, np.array(axis)], x.shape, x.dtype, x.exact, **flags)


@kind(FLOAT, INT, exact=True)
def comparison(g, x, axis):
    bound = np.array(1, helper.tensor_dtype_to_np_dtype(x.dtype))
    g.add(g.rng.choice(["Less", "Greater", "Equal", "LessOrEqual"]), [x, bound], x.shape, BOOL, True)


@kind(FLOAT, exact=True)
def cast(g, x, axis):
    g.add("Cast", [x], x.shape, INT, True, to=INT)


@kind(INT, BOOL)
def cast_back(g, x, axis):
    g.add("Cast", [x], x.shape, FLOAT, True, to=FLOAT)


@kind(BOOL)
def logic(g, x, axis):
    others = [v for v in g.values if v.dtype == BOOL and v.shape == x.shape]
    y = others[g.rng.integers(len(others))]
    op = g.rng.choice(["And", "Or", "Xor", "Not"])
    g.add(op, [x] if op == "Not" else [x, y], x.shape, BOOL, True)


@kind(BOOL)
def choice(g, x, axis):
    others = [v for v in g.values if v.shape == x.shape and v.dtype != BOOL]  # ONNX Runtime has no Where of bool
    if not others:
        return
    y = others[g.rng.integers(len(others))]
    other = np.array(1, helper.tensor_dtype_to_np_dtype(y.dtype))
    g.add("Where", [x, y, other], x.shape, y.dtype, y.exact)


@kind(INT)
def integers(g, x, axis):
    op, number = [("Mul", 3), ("Div", 3), ("Mod", 5), ("Sub", 7), ("Div", -4), ("Mod", -3)][g.rng.integers(6)]
    # Divisions keep the numbers small: eight products in a row would pass int32.
    g.add(op, [x, np.array(number)], x.shape, INT, True)
    if op == "Mul":
        g.add("Mod", [g.values[-1], np.array(1000)], x.shape, INT, True)


@kind(FLOAT, INT, BOOL)
def repeat(g, x, axis):
    if math.prod(x.shape) < LARGEST:
        repeats = np.ones(x.rank, np.int64)
        repeats[axis] = 2
        g.add("Tile", [x, repeats], without(x, axis, 2 * x.shape[axis]), x.dtype, x.exact)


@kind(FLOAT, INT, BOOL)
def expand(g, x, axis):
    if x.rank < 5 and math.prod(x.shape) < LARGEST:
        g.add("Expand", [x, np.array([2, *x.shape])], [2, *x.shape], x.dtype, x.exact)


@kind(INT, exact=True)
def one_hot(g, x, axis):
    if x.rank < 4 and math.prod(x.shape) < LARGEST:
        values = np.array([-0.5, 2], np.float32)
        g.add("OneHot", [x, np.array(4), values], [*x.shape, 4], FLOAT, True, axis=-1)


@kind(FLOAT)
def blocks(g, x, axis):
    if x.rank == 4 and x.shape[1] % 4 == 0:
        shape = (x.shape[0], x.shape[1] // 4, 2 * x.shape[2], 2 * x.shape[3])
        g.add("DepthToSpace", [x], shape, x.dtype, x.exact, blocksize=2, mode=g.rng.choice(["DCR", "CRD"]))


def drawn(seed):
    """Give the graph that a seed draws, None where nothing was drawn."""
    graph = Graph(seed)
    for _ in range(graph.rng.integers(2, 14)):
        graph.grow()
    return graph if graph.nodes else None
