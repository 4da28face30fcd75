"""Single operators with drawn shapes and attributes: PyTorch computes what ONNX Runtime does."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edgewright.compiler.torch_graph.graph import to_torch


def shape(rng, low=1, high=4):
    return [int(size) for size in rng.integers(1, 5, rng.integers(low, high + 1))]


def floats(rng, sizes):
    return (rng.integers(-6, 7, sizes) / 2).astype(np.float32)


def reduced(rng):
    x = floats(rng, shape(rng))
    axes = rng.permutation(x.ndim)[: rng.integers(0, x.ndim + 1)]
    axes = np.where(rng.random(len(axes)) < 0.5, axes, axes - x.ndim)
    op = rng.choice(["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"])
    flags = {"keepdims": int(rng.integers(2)), "noop_with_empty_axes": int(rng.integers(2))}
    return f"Reduce{op}", [x], [axes.astype(np.int64)], flags


def reduced_integers(rng):
    dtype = rng.choice([np.int32, np.int64])
    x = rng.integers(-9, 9, shape(rng)).astype(dtype)
    op = rng.choice(["Sum", "Mean", "Max", "Min", "Prod"])
    return f"Reduce{op}", [x], [np.array([rng.integers(x.ndim)])], {"keepdims": int(rng.integers(2))}


def arg(rng):
    x = floats(rng, shape(rng))
    flags = {name: int(rng.integers(2)) for name in ("keepdims", "select_last_index")}
    return rng.choice(["ArgMax", "ArgMin"]), [x], [], {"axis": int(rng.integers(-x.ndim, x.ndim)), **flags}


def part(rng):
    x = floats(rng, shape(rng))
    axes = rng.permutation(x.ndim)[: rng.integers(1, x.ndim + 1)]
    far = [-(2**63), 2**63 - 1, -2, -1, 0, 1, 2, 3, 4, 7, -7]
    starts, ends = (rng.choice(far, len(axes)) for _ in range(2))
    starts = np.where(np.abs(starts.astype(np.float64)) > 1e9, np.sign(starts) * 9, starts)
    steps = rng.choice([-3, -2, -1, 1, 2, 3], len(axes))
    ends = np.where((steps < 0) & (ends > 9), 9, ends)  # ONNX Runtime takes the largest int64 for the other end
    return "Slice", [x], [*(each.astype(np.int64) for each in (starts, ends, axes, steps))], {}


def padded(rng):
    x = floats(rng, [size + 1 for size in shape(rng)])
    mode = rng.choice(["constant", "edge", "reflect", "wrap"])
    most = max(1, min(x.shape) - 1)
    pads = rng.integers(-1 if mode == "constant" else 0, most + 1, 2 * x.ndim)
    return "Pad", [x], [pads, np.float32(0.5)] if mode == "constant" else [pads], {"mode": mode}


def gathered(rng):
    x = floats(rng, shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    picks = rng.integers(-x.shape[axis], x.shape[axis], shape(rng, 0, 2))
    return "Gather", [x, picks], [], {"axis": axis}


def gathered_elements(rng):
    x = floats(rng, shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    sizes = [int(rng.integers(1, size + 1)) for size in x.shape]
    return "GatherElements", [x, rng.integers(-x.shape[axis], x.shape[axis], sizes)], [], {"axis": axis}


def gathered_nd(rng):
    x = floats(rng, shape(rng, 2))
    batch = int(rng.integers(0, x.ndim))
    depth = int(rng.integers(1, x.ndim - batch + 1))
    lead = [*x.shape[:batch], *shape(rng, 0 if batch else 1, 2)]
    index = np.stack([rng.integers(-size, size, lead) for size in x.shape[batch : batch + depth]], -1)
    return "GatherND", [x, index], [], {"batch_dims": batch}


def scattered(rng):
    x = floats(rng, shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    sizes = [int(rng.integers(1, size + 1)) for size in x.shape]
    index = np.argsort(rng.random(x.shape), axis)[tuple(map(slice, sizes))]
    op = rng.choice(["none", "add", "mul", "max", "min"])
    if op != "none":
        index = rng.integers(-x.shape[axis], x.shape[axis], sizes)
    return "ScatterElements", [x, index, floats(rng, sizes)], [], {"axis": axis, "reduction": op}


def scattered_nd(rng):
    x = floats(rng, shape(rng, 2))
    depth = int(rng.integers(1, x.ndim + 1))
    places = rng.permutation(int(np.prod(x.shape[:depth])))[: rng.integers(1, 4)]
    op = rng.choice(["none", "add", "mul", "max", "min"])
    if op != "none":
        places = np.concatenate([places, places])
    index = np.stack(np.unravel_index(places, x.shape[:depth]), -1)
    updates = floats(rng, [len(places), *x.shape[depth:]])
    return "ScatterND", [x, index, updates], [], {"reduction": op}


def top(rng):
    x = floats(rng, shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    count = np.array([rng.integers(1, x.shape[axis] + 1)])
    return "TopK", [x], [count], {"axis": axis, "largest": int(rng.integers(2)), "outputs": 2}


def hot(rng):
    index = rng.integers(-5, 6, shape(rng, 1, 3))
    return "OneHot", [index], [np.array(4), np.float32([0.5, 2])], {"axis": int(rng.integers(-1, index.ndim + 1))}


def accumulated(rng):
    x = floats(rng, shape(rng))
    flags = {name: int(rng.integers(2)) for name in ("exclusive", "reverse")}
    return "CumSum", [x], [np.array(rng.integers(-x.ndim, x.ndim))], flags


def triangle(rng):
    x = floats(rng, shape(rng, 2))
    return "Trilu", [x], [np.array(rng.integers(-5, 6))], {"upper": int(rng.integers(2))}


def different(rng):
    x = floats(rng, [size * 2 for size in shape(rng, 1, 2)])
    axis = {"axis": int(rng.integers(x.ndim))} if rng.random() < 0.5 else {}
    return "Unique", [x], [], {"sorted": int(rng.integers(2)), "outputs": 4, **axis}


def suppressed(rng):
    count = int(rng.integers(1, 12))
    boxes, scores = rng.random((2, count, 4)), rng.random((2, 2, count))
    if rng.random() < 0.3:
        scores = np.round(scores * 4) / 4
    limits = [np.array([rng.integers(0, 6)]), np.float32([rng.random()]), np.float32([rng.random() / 2])]
    operands = [boxes.astype(np.float32), scores.astype(np.float32)]
    return "NonMaxSuppression", operands, limits, {"center_point_box": int(rng.integers(2))}


def turned(rng):
    x = floats(rng, shape(rng, 2))
    time, batch = ((0, 1), (1, 0))[rng.integers(2)]
    lengths = rng.integers(0, x.shape[time] + 1, x.shape[batch])
    return "ReverseSequence", [x, lengths], [], {"time_axis": time, "batch_axis": batch}


def powered(rng):
    base = rng.choice([np.float32, np.int32, np.int64])
    exponent = rng.choice([np.float32, np.int32, np.int64])
    sizes = shape(rng)
    return "Pow", [rng.integers(1, 5, sizes).astype(base), rng.integers(0, 4, sizes[1:]).astype(exponent)], [], {}


KINDS = [
    *(reduced, reduced_integers, arg, part, padded, gathered, gathered_elements, gathered_nd, scattered, scattered_nd),
    *(top, hot, accumulated, triangle, different, suppressed, turned, powered),
]


def proto_of_call(op, inputs, constants, attributes, count):
    names = [f"x{place}" for place in range(len(inputs))]
    weights = [numpy_helper.from_array(np.asarray(array), f"w{place}") for place, array in enumerate(constants)]
    outputs = [f"y{place}" for place in range(count)]
    node = helper.make_node(op, [*names, *(weight.name for weight in weights)], outputs, **attributes)
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in zip(names, inputs, strict=True)
    ]
    results = [onnx.ValueInfoProto(name=name) for name in outputs]
    graph = helper.make_graph([node], "call", infos, results, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_drawn_calls_compute_the_same(kind, hub_of, compute, reference):
    rng = np.random.default_rng(6)
    for _ in range(25):
        op, inputs, constants, attributes = kind(rng)
        count = attributes.pop("outputs", 1)
        attributes = {key: str(value) if isinstance(value, np.str_) else value for key, value in attributes.items()}
        proto = proto_of_call(str(op), inputs, constants, attributes, count)
        expected = reference(proto, inputs)
        for info, wanted in zip(proto.graph.output, expected, strict=True):
            dtype = helper.np_dtype_to_tensor_dtype(wanted.dtype)
            info.CopyFrom(helper.make_tensor_value_info(info.name, dtype, wanted.shape))
        got = compute(to_torch(hub_of(proto)).whole(), inputs)
        for result, wanted in zip(got, expected, strict=True):
            where = f"{op} {attributes} of {[array.shape for array in inputs]}, {constants}"
            assert (result.dtype, result.shape) == (wanted.dtype, wanted.shape), where
            # what is rounded here are sums and powers of a few halves
            np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5, err_msg=where)
