"""The graph as it is handed on: its names, its inputs and outputs, what is refused, and what an export keeps open."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from edgewright.compiler.torch_graph.dtypes import TORCH_DTYPES, array_from, tensor_from
from edgewright.compiler.torch_graph.graph import to_torch
from edgewright.compiler.torch_graph.ops.table import LOWERINGS
from edgewright.vocabulary.errors import RefusedError

BATCH = torch.export.Dim("batch", min=1, max=64)


def named(node, name):
    """Rename what the text syntax of ONNX cannot write."""
    for side in (node.input, node.output):
        side[:] = [name.get(each, each) for each in side]


def test_nodes_have_the_names_of_the_hub(proto_of, hub_of):
    text = "(float[2] x) => (float[2] result) { bent = Relu(x) result = Neg(bent) }"
    module = to_torch(hub_of(proto_of(text))).whole()
    assert [node.name for node in module.graph.nodes] == ["x", "bent", "result", "output"]


def test_names_that_python_does_not_take_are_replaced_by_near_ones(proto_of, hub_of, compute):
    proto = proto_of("(float[2] a, float[2] b, float[2] c) => (float[2] y) { s = Add(a, b) y = Add(s, c) }")
    names = {"a": "class", "b": "input:0", "c": "input_0", "y": "1/out"}
    for node in proto.graph.node:
        named(node, names)
    for info in (*proto.graph.input, *proto.graph.output):
        info.name = names[info.name]
    module = to_torch(hub_of(proto)).whole()
    places = [str(node.target) for node in module.graph.nodes if node.op == "placeholder"]
    assert places == ["_class", "input_0", "input_0_2"]
    (y,) = compute(module, [np.float32([1, 2]), np.float32([10, 20]), np.float32([100, 200])])
    np.testing.assert_array_equal(y, [111, 222])


@pytest.mark.parametrize("name", ["self", "torch", "pytree"])
def test_an_input_may_be_called_what_the_code_of_a_graph_calls_something_else(name, proto_of, hub_of, compute):
    text = f"(float[1,3] {name}) => (float[1,3] y) {{ m = MatMul({name}, w) y = Gelu(m) }}"
    module = to_torch(hub_of(proto_of(text, {"w": np.eye(3, dtype=np.float32)}))).whole()
    x = np.float32([[100, 0, -100]])
    for each in (module, torch.export.export(module, (tensor_from(x),), strict=False).module()):
        np.testing.assert_array_equal(compute(each, [x]), [[[100, 0, 0]]])


@pytest.mark.parametrize("name", ["graph", "code", "meta", "training", "recompile"])
def test_a_layer_and_a_constant_may_be_called_what_a_module_has(name, proto_of, hub_of, compute):
    proto = proto_of(f"(float[1,2] x) => (float[1,2] y) {{ m = MatMul(x, w) y = Add(m, {name}) }}")
    proto.graph.initializer.append(onnx.numpy_helper.from_array(2 * np.eye(2, dtype=np.float32), "w"))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.float32([[1, 2]]), name))
    proto.graph.node[0].name = name
    (y,) = compute(to_torch(hub_of(proto)).whole(), [np.float32([[10, 20]])])
    np.testing.assert_array_equal(y, [[21, 42]])


def test_an_input_and_a_constant_may_be_outputs(proto_of, hub_of, compute):
    text = """(float[2] x) => (float[2] same, float[2] always, float[2] y) {
        same = Identity(x) always = Constant<value=float[2] {1, 2}>() y = Add(x, always)
    }"""
    module = to_torch(hub_of(proto_of(text))).whole()
    x = np.float32([5, 6])
    exported = torch.export.export(module, (tensor_from(x),), strict=False).module()
    for each in (module, exported):
        same, always, y = compute(each, [x])
        np.testing.assert_array_equal([same, always, y], [[5, 6], [1, 2], [6, 8]])


def test_tensors_without_elements_and_scalars(said):
    text = """(float[2,3] x, float[0,3] none) => (float[2,3] y, float n, float[0,3] e) {
        y = Concat<axis=0>(x, none) n = ReduceSum<keepdims=0>(none) e = Neg(none)
    }"""
    y, n, e = said(text, [np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32)])
    assert (y.shape, n.shape, float(n), e.shape) == ((2, 3), (), 0.0, (0, 3))


def test_weights_that_nothing_uses_are_left_out(proto_of, hub_of):
    proto = proto_of(
        "(float[2] x) => (float[2] y) { d = Add(x, unused) y = Neg(x) }", {"unused": np.ones(2, np.float32)}
    )
    assert dict(to_torch(hub_of(proto)).whole().state_dict()) == {}


def test_a_refused_node_is_named_and_nothing_behind_it_is_judged(proto_of, hub_of):
    proto = proto_of("(int32[4] x) => (int32[1] y) { s = ReduceL2(x) y = Neg(s) }")
    made = to_torch(hub_of(proto))
    assert [node.op for node in made.coverage.refused] == ["ReduceL2", "Neg"]
    with pytest.raises(RefusedError, match="ReduceL2 of integers is rounded before it is cut to an integer"):
        made.whole()


def test_an_input_of_a_dtype_that_pytorch_lacks_is_refused(proto_of, hub_of):
    proto = proto_of("(float[2] x) => (float[2] y) { y = Identity(x) }")
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", onnx.TensorProto.INT4, [2]))
    proto.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", onnx.TensorProto.INT4, [2]))
    (entry, *_) = to_torch(hub_of(proto)).coverage.refused
    assert (entry.node, entry.detail) == ("input x", "PyTorch has no tensors of INT4")


@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_arrays_of_every_dtype_go_there_and_back(dtype):
    for shape in ((), (0, 2), (2, 3)):
        array = np.ones(shape).astype(dtype.numpy())
        tensor = tensor_from(array)
        assert (tensor.dtype, tuple(tensor.shape)) == (TORCH_DTYPES[dtype], shape)
        back = array_from(tensor)
        assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


@pytest.mark.parametrize(
    ("nodes", "result"),
    [
        (
            "s = Shape(x) b = Gather(s, zero) n = Unsqueeze(b, first) t = Concat<axis=0>(n, last) y = Reshape(x,t)",
            "N,24",
        ),
        ("s = Shape(x) y = Expand(one, s)", "N,4,6"),
        ("s = Shape(x) z = ConstantOfShape(s) y = Add(x, z)", "N,4,6"),
        ("y = Flatten<axis=2>(x)", "M,6"),
        ("y = Slice(x, last, far, two, back)", "N,4,6"),
        ("y = Tile(x, twice)", "N,8,6"),
        ("p, y = Split<axis=1, num_outputs=2>(x)", "N,2,6"),
        ("y = CumSum<reverse=1>(x, end)", "N,4,6"),
        ("y, i = TopK(x, two)", "N,4,2"),
    ],
)
def test_an_open_batch_stays_open_when_it_is_exported(nodes, result, proto_of, hub_of, compute, reference):
    weights = {
        "zero": np.array(0),
        "first": np.array([0]),
        "two": np.array([2]),
        "end": np.array(2),
        "last": np.array([24]),
        "far": np.array([-(2**63)]),
        "back": np.array([-1]),
        "twice": np.array([1, 2, 1]),
        "one": np.ones(1, np.float32),
    }
    used = {name: array for name, array in weights.items() if name in nodes}
    proto = proto_of(f"(float[N,4,6] x) => (float[{result}] y) {{ {nodes} }}", used)
    module = to_torch(hub_of(proto)).whole()
    rng = np.random.default_rng(0)
    two, five = (rng.random((batch, 4, 6), np.float32) for batch in (2, 5))
    exported = torch.export.export(module, (tensor_from(two),), strict=False, dynamic_shapes=[{0: BATCH}]).module()
    for x in (two, five):
        np.testing.assert_allclose(compute(exported, [x]), reference(proto, [x]), rtol=1e-6)


def test_what_is_other_than_the_hub_says_is_refused(proto_of, hub_of, monkeypatch):
    monkeypatch.setitem(LOWERINGS, ("", "Neg"), lambda call, b: b.call(torch.Tensor.to, call[0], torch.float64))
    monkeypatch.setitem(LOWERINGS, ("", "Abs"), lambda call, b: b.call(torch.flatten, call[0]))
    made = to_torch(hub_of(proto_of("(float[2,3] x) => (float[2,3] y, float[2,3] z) { y = Neg(x) z = Abs(x) }")))
    assert [(entry.op, entry.detail) for entry in made.coverage.refused] == [
        ("Neg", "it comes out as torch.float64, and the hub says FLOAT"),
        ("Abs", "it comes out in the shape [6], and the hub says [2, 3]"),
    ]


def test_what_cannot_be_computed_of_what_is_other_than_the_hub_says_is_refused(proto_of, hub_of):
    proto = proto_of("(float[2,4] x, float[4] z) => (float[2,4] y) { wide = Concat<axis=1>(x, x) y = Add(wide, z) }")
    wrong = helper.make_tensor_value_info("wide", onnx.TensorProto.FLOAT, None)  # an exporter that knows no rank
    proto.graph.value_info.append(wrong)
    coverage = to_torch(hub_of(proto)).coverage
    (refused,) = coverage.refused
    assert refused.op == "Add"
    assert refused.detail.startswith("PyTorch does not compute it: Attempting to broadcast a dimension of length 4")


def test_sizes_in_a_matrix_are_rows_of_it(said):
    text = """(float[N,4,6,2] x) => (float[A,B,12] y) {
        s = Shape(x) q = Reshape(s, two_by_two) r = Gather(q, first) t = Concat<axis=0>(r, last) y = Reshape(x, t)
    }"""
    weights = {"two_by_two": np.array([2, 2]), "first": np.array(0), "last": np.array([12])}
    (y,) = said(text, [np.ones((3, 4, 6, 2), np.float32)], weights)
    assert y.shape == (3, 4, 12)
