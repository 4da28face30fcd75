"""Random graphs of what the layout pass moves TRANSPOSEs through: compiled or not, they compute the same."""

import math

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tflite.legalize.permutation import (
    compose,
    identity,
    inverse,
    moves_data,
    permute,
    through_reshape,
)
from edgewright.targets.tflite.runtime import LiteRT
from edgewright.targets.tflite.target import TFLite


class Drawn:
    """An ONNX graph that grows by one drawn node after the other."""

    def __init__(self, draw):
        self.draw, self.nodes, self.weights = draw, [], {}
        shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=3, max_size=4), label="input"))
        self.shapes = {"x": shape}
        self.inputs = {"x": shape}

    def add(self, op, operands, shape, weights=(), **attributes):
        names = [f"w{len(self.weights) + place}" for place in range(len(weights))]
        self.weights |= dict(zip(names, weights, strict=True))
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [*operands, *names], [out], out, **attributes))
        self.shapes[out] = tuple(int(size) for size in shape)

    def grow(self):
        name = self.draw(st.sampled_from(list(self.shapes)[-4:]))
        shape = self.shapes[name]
        rank = len(shape)
        axis = self.draw(st.integers(0, rank - 1))
        match self.draw(st.sampled_from(KINDS)):
            case "Transpose":
                p = self.draw(st.permutations(range(rank)))
                self.add("Transpose", [name], [shape[a] for a in p], perm=p)
            case "Reshape":
                target = self.draw(regrouped(shape))
                self.add("Reshape", [name], target, [np.array(target, np.int64)])
            case "Relu":
                self.add("Relu", [name], shape)
            case "Scale":
                ones = self.draw(st.lists(st.booleans(), min_size=rank, max_size=rank))
                part = [1 if one else size for one, size in zip(ones, shape, strict=True)][
                    self.draw(st.integers(0, rank)) :
                ]
                constant = np.arange(1, math.prod(part) + 1, dtype=np.float32).reshape(part) / 8
                self.add("Mul", [name], shape, [constant])
            case "Add":
                others = [other for other, size in self.shapes.items() if size == shape]
                self.add("Add", [name, self.draw(st.sampled_from(others))], shape)
            case "Concat" if math.prod(shape) < 500:
                self.add("Concat", [name, name], [size * (1 + (a == axis)) for a, size in enumerate(shape)], axis=axis)
            case "Reduce":
                kept = self.draw(st.booleans()) or rank < 3
                left = [1 if a == axis else size for a, size in enumerate(shape) if kept or a != axis]
                self.add("ReduceMean", [name], left, [np.array([axis])], keepdims=int(kept))
            case "Softmax":
                self.add("Softmax", [name], shape, axis=axis)
            case "Pad":
                pads = self.draw(st.lists(st.integers(0, 1), min_size=2 * rank, max_size=2 * rank))
                wide = [size + pads[a] + pads[a + rank] for a, size in enumerate(shape)]
                self.add("Pad", [name], wide, [np.array(pads, np.int64)])
            case "Slice" if shape[axis] > 1:
                left = [size - (a == axis) for a, size in enumerate(shape)]
                bounds = [np.array([1]), np.array([shape[axis]]), np.array([axis])]
                self.add("Slice", [name], left, bounds)
            case "Gather":
                picks = self.draw(st.lists(st.integers(0, shape[axis] - 1), min_size=1, max_size=4))
                taken = [len(picks) if a == axis else size for a, size in enumerate(shape)]
                self.add("Gather", [name], taken, [np.array(picks, np.int64)], axis=axis)
            case "Conv" if rank > 2:
                kernel = [1] * (rank - 2)
                weight = np.linspace(-1, 1, 2 * shape[1], dtype=np.float32).reshape(2, shape[1], *kernel)
                self.add("Conv", [name], (shape[0], 2, *shape[2:]), [weight, np.array([0.5, -0.5], np.float32)])
            case "Dense":
                weight = np.linspace(-1, 1, 3 * shape[-1], dtype=np.float32).reshape(shape[-1], 3)
                self.add("MatMul", [name], (*shape[:-1], 3), [weight])
            case "Shift":
                along = shape[axis] if self.draw(st.booleans()) else 1
                constant = np.arange(along, dtype=np.float32).reshape(along, *[1] * (rank - axis - 1)) / 4
                self.add(self.draw(st.sampled_from(["Add", "Sub", "Mul", "Div"])), [name], shape, [constant + 1])
            case "Clip":
                self.add("Clip", [name], shape, [np.float32(0), np.float32(6)])
            case "MatMul" if rank == 4:
                swapped = (*shape[:2], shape[3], shape[2])
                self.add("Transpose", [name], swapped, perm=[0, 1, 3, 2])
                self.add("MatMul", [name, list(self.shapes)[-1]], (*shape[:2], shape[2], shape[2]))

    def proto(self):
        def infos(shapes):
            return [
                helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()
            ]

        used = {name for node in self.nodes for name in node.input}
        outputs = {name: shape for name, shape in self.shapes.items() if name not in used and name != "x"}
        initializers = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        graph = helper.make_graph(self.nodes, "random", infos(self.inputs), infos(outputs), initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


KINDS = ["Transpose", "Transpose", "Reshape", "Reshape", "Conv", "Conv", "Relu", "Scale", "Add", "Concat", "Reduce"]
KINDS += ["Softmax", "Pad", "Slice", "Gather", "MatMul", "Dense", "Shift", "Shift", "Clip"]


@st.composite
def regrouped(draw, shape):
    """Another shape of as many elements: neighbours joined, sizes split, ones put in and left out."""
    target = []
    for size in shape:
        if target and draw(st.booleans()):
            target[-1] *= size
        elif size % 2 == 0 and draw(st.booleans()):
            target += [2, size // 2]
        elif size > 1 or draw(st.booleans()):
            target.append(size)
    return tuple(target[:4]) if math.prod(target[:4]) == math.prod(shape) and target else tuple(shape)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_graphs_compute_the_same_inside_too(data, hub_of_proto, tmp_path, shown_tensors):
    drawn = Drawn(data.draw)
    for _ in range(data.draw(st.integers(1, 10), label="nodes")):
        drawn.grow()
    if not drawn.nodes:
        return
    model = hub_of_proto(drawn.proto())
    TFLite().compile(model, Options(variant="fp32"), tmp_path)
    x = np.random.default_rng(0).standard_normal(drawn.inputs["x"]).astype(np.float32)
    outputs = LiteRT().load(tmp_path / "model.tflite", RunOptions()).run({"x": x})
    reference = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString())
    for name, expected in zip(outputs, reference.run(list(outputs), {"x": x}), strict=True):
        assert outputs[name].shape == expected.shape
        np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-4 * max(1, np.abs(expected).max()))
    shown = shown_tensors(TFLite(), LiteRT(), model, tmp_path / "model.tflite", {"x": x})
    assert set(outputs) <= set(shown)
    for name, (expected, got) in shown.items():
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * max(1, np.abs(expected).max()), err_msg=name)


permutations = st.integers(1, 5).flatmap(lambda rank: st.permutations(range(rank))).map(tuple)


@given(p=permutations)
def test_a_permutation_and_its_inverse_undo_each_other(p):
    assert compose(p, inverse(p)) == compose(inverse(p), p) == identity(len(p))


@given(p=permutations, data=st.data())
def test_composing_is_transposing_twice(p, data):
    q = tuple(data.draw(st.permutations(range(len(p)))))
    x = np.arange(math.prod(range(2, len(p) + 2))).reshape(range(2, len(p) + 2))
    np.testing.assert_array_equal(x.transpose(p).transpose(q), x.transpose(compose(p, q)))
    assert permute(x.shape, p) == x.transpose(p).shape


@given(p=permutations, data=st.data())
def test_a_permutation_moves_data_or_is_a_reshape(p, data):
    shape = data.draw(st.tuples(*[st.sampled_from([1, 1, 2, 3])] * len(p)))
    x = np.arange(math.prod(shape)).reshape(shape)
    stays = np.array_equal(x.ravel(), x.transpose(p).ravel())
    assert stays is not moves_data(p, shape)


@settings(max_examples=300)
@given(p=permutations, data=st.data())
def test_what_passes_through_a_reshape_is_the_same_behind_it(p, data):
    shape = data.draw(st.tuples(*[st.sampled_from([1, 2, 3, 4])] * len(p)))
    x = np.arange(math.prod(shape)).reshape(shape)
    target = data.draw(regrouped(x.transpose(p).shape))
    found = through_reshape(shape, p, target)
    if found is not None:
        first, then = found
        np.testing.assert_array_equal(x.transpose(p).reshape(target), x.reshape(first).transpose(then))
