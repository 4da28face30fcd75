"""Core ML: shapes, axes, and elements moved, as onnxruntime has them."""

import numpy as np
import onnx
import onnxruntime
import pytest

X = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def as_onnxruntime(coreml, text, feeds, weights=None):
    """Compile and run text, and compare with onnxruntime to the bit; moves of elements compute nothing."""
    weights = {name: np.array(array) for name, array in (weights or {}).items()}
    made = coreml(text, feeds, weights)
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 20]> moves {text}')
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in weights.items())
    names = [value.name for value in proto.graph.output]
    wanted = onnxruntime.InferenceSession(proto.SerializeToString()).run(names, feeds)
    for name, array in zip(names, wanted, strict=True):
        got = made.outputs[name]
        assert (got.dtype, got.shape) == (array.dtype, array.shape)
        assert (got == array).all()
    return made


@pytest.mark.parametrize(
    ("shape", "result"), [([0, -1], "2,12"), ([-1, 0, 2], "4,3,2"), ([24], "24"), ([0, 0, 2, 2], "2,3,2,2")]
)
def test_reshape_copies_sizes_and_finds_one(coreml, shape, result):
    as_onnxruntime(coreml, f"(float[2,3,4] x) => (float[{result}] y) {{ y = Reshape(x, s) }}", {"x": X}, {"s": shape})


def test_reshape_to_a_scalar_and_back(coreml):
    text = "(float[1,1] x) => (float y, float[1,1,1] z) { y = Reshape(x, none) z = Reshape(y, ones) }"
    weights = {"none": np.zeros(0, np.int64), "ones": [1, 1, 1]}
    as_onnxruntime(coreml, text, {"x": np.ones((1, 1), np.float32)}, weights)


def test_reshape_to_nothing_is_refused(coreml_refusal):
    text = "(float[2,3] x) => (float[0,n] y) <int64[2] s = {0, 2}> { y = Reshape<allowzero = 1>(x, s) }"
    assert "without elements" in coreml_refusal(text)


@pytest.mark.parametrize(("axis", "result"), [(0, "1,24"), (1, "2,12"), (-1, "6,4"), (3, "24,1")])
def test_flatten(coreml, axis, result):
    as_onnxruntime(coreml, f"(float[2,3,4] x) => (float[{result}] y) {{ y = Flatten<axis = {axis}>(x) }}", {"x": X})


def test_axes_of_one_element_come_and_go(coreml):
    as_onnxruntime(
        coreml,
        "(float[2,3,4] x) => (float[1,2,3,1,4] y, float[2,3,4] z, float[2,3,1,4] w)"
        " { y = Unsqueeze(x, a) z = Squeeze(y) w = Squeeze(y, b) }",
        {"x": X},
        {"a": [-2, 0], "b": [0]},
    )


def test_six_axes_are_refused(coreml_refusal):
    text = "(float[1,1,1,1,2] x) => (float[1,1,1,1,1,2] y) <int64[1] a = {0}> { y = Unsqueeze(x, a) }"
    assert "6 axes; Core ML has at most 5" in coreml_refusal(text)


@pytest.mark.parametrize(
    ("x", "shape", "result"), [((3, 1), [2, 1, 4], "2,3,4"), ((2, 3, 1), [1, 4], "2,3,4"), ((), [2, 2], "2,2")]
)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_])
def test_expand_broadcasts_both_ways(coreml, x, shape, result, dtype):
    kind = {np.float32: "float", np.int64: "int64", np.bool_: "bool"}[dtype]
    sizes = f"[{','.join(map(str, x))}]" if x else ""
    feeds = {"x": (np.arange(max(np.prod(x, dtype=int), 1)) % 3).astype(dtype).reshape(x)}
    as_onnxruntime(coreml, f"({kind}{sizes} x) => ({kind}[{result}] y) {{ y = Expand(x, s) }}", feeds, {"s": shape})


def test_tile_transpose_and_concat(coreml):
    as_onnxruntime(
        coreml,
        "(float[2,3,4] x, float[2,3,4] y) => (float[4,3,8] a, float[4,2,3] b, float[4,3,2] c, float[2,6,4] d)"
        " { a = Tile(x, t) b = Transpose<perm = [2, 0, 1]>(x) c = Transpose(x) d = Concat<axis = -2>(x, y) }",
        {"x": X, "y": -X},
        {"t": [2, 1, 2]},
    )


def test_what_is_empty_is_left_out_of_a_concat(coreml):
    made = coreml(
        "(float[2,3] x) => (float[2,4] y) { y = Concat<axis = 1>(x, none, one) }",
        {"x": X[:, :, 0]},
        {"none": np.zeros((2, 0), np.float32), "one": np.ones((2, 1), np.float32)},
    )
    assert (made.outputs["y"] == np.concatenate([X[:, :, 0], np.ones((2, 1))], 1)).all()


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(coreml, mode):
    x = np.arange(2 * 12 * 2 * 3, dtype=np.float32).reshape(2, 12, 2, 3)
    made = as_onnxruntime(
        coreml,
        f'(float[2,12,2,3] x) => (float[2,3,4,6] y) {{ y = DepthToSpace<blocksize = 2, mode = "{mode}">(x) }}',
        {"x": x},
    )
    assert sum(made.operations.values()) == 1


def test_space_to_depth(coreml):
    x = np.arange(2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)
    as_onnxruntime(coreml, "(float[2,3,4,6] x) => (float[2,12,2,3] y) { y = SpaceToDepth<blocksize = 2>(x) }", {"x": x})


@pytest.mark.parametrize(("batch", "time", "lengths"), [(1, 0, [1, 2, 2]), (0, 1, [3, 2])])
def test_reverse_sequence(coreml, batch, time, lengths):
    as_onnxruntime(
        coreml,
        f"(float[2,3,4] x, int64[{len(lengths)}] n) => (float[2,3,4] y)"
        f" {{ y = ReverseSequence<batch_axis = {batch}, time_axis = {time}>(x, n) }}",
        {"x": X, "n": np.array(lengths)},
    )


@pytest.mark.parametrize(
    ("wide", "order", "result"),
    [
        ([2, 2, 4, 2, 3, 3], [0, 1, 3, 2, 4, 5], [24, 4, 3]),  # windows of an image
        ([1, 2, 2, 6, 4, 3], [0, 3, 4, 1, 5, 2], [6, 8, 6]),  # a pixel shuffle
        ([2, 6, 2, 2, 3, 2], [5, 3, 1, 0, 2, 4], None),
    ],
)
def test_a_transpose_of_six_axes_moves_the_blocks_that_move_apart(coreml, coreml_refusal, wide, order, result):
    shape = ",".join(map(str, result or [288]))
    text = (
        f"(float[2,12,12] x) => (float[{shape}] y)"
        f" <int64[6] w = {{{','.join(map(str, wide))}}}, int64[{len(result or [288])}] r = {{{shape}}}>"
        f" {{ a = Reshape(x, w) b = Transpose<perm = {order}>(a) y = Reshape(b, r) }}"
    )
    if result is None:
        assert "6 axes; Core ML has at most 5" in coreml_refusal(text)
    else:
        as_onnxruntime(coreml, text, {"x": np.arange(288, dtype=np.float32).reshape(2, 12, 12)})
