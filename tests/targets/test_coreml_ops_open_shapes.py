"""Core ML: sizes that are known only when the model runs, through the chains that exporters write."""

import numpy as np
import onnx
import onnxruntime
import pytest

from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions

SIZES = [(1, 1), (2, 5), (3, 16)]
HEADS, DEPTH = 4, 3
WIDTH = HEADS * DEPTH


@pytest.fixture
def open_coreml(tmp_path, hub_of_text):
    """Compile text with its symbolic sizes left open; gives a function that runs the package."""

    def compiled(text, weights=None):
        model = hub_of_text(text, weights)
        settings = {"flexible": dict.fromkeys(model.signature.symbols, "1..16")}
        artifact = CoreML().compile(model, Options(variant="fp32", settings=settings), tmp_path)
        return Runtime().load(tmp_path / artifact.files[0].path, RunOptions()).run

    return compiled


@pytest.fixture
def same_as_onnxruntime(open_coreml):
    """Compile text once and compare it with onnxruntime at each of several sizes."""

    def compare(text, feeds, weights=None, *, atol=0.0):
        run = open_coreml(text, weights)
        proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": 20]> open {text}')
        proto.graph.initializer.extend(
            onnx.numpy_helper.from_array(np.array(array), name) for name, array in (weights or {}).items()
        )
        session = onnxruntime.InferenceSession(proto.SerializeToString())
        names = [value.name for value in proto.graph.output]
        for feed in feeds:
            got = run({name: array.astype(narrow(array.dtype)) for name, array in feed.items()})
            for name, wanted in zip(names, session.run(names, feed), strict=True):
                assert got[name].shape == (wanted.shape or (1,))  # Core ML has no scalars outside
                assert np.allclose(got[name], wanted, rtol=0, atol=atol)

    return compare


def narrow(dtype):
    return np.int32 if dtype in (np.int64, np.bool_) else dtype


def rows(*shape):
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def test_heads_are_parted_by_sizes_that_are_read_off_the_input(same_as_onnxruntime):
    text = f"""(float[b,s,{WIDTH}] x) => (float[b,{HEADS},s,{DEPTH}] y, float[b,s,{WIDTH}] z) {{
        shape = Shape(x)
        b0 = Gather<axis = 0>(shape, zero)
        s0 = Gather<axis = 0>(shape, one)
        b1 = Unsqueeze(b0, first)
        s1 = Unsqueeze(s0, first)
        parted = Concat<axis = 0>(b1, s1, heads, depth)
        r = Reshape(x, parted)
        y = Transpose<perm = [0, 2, 1, 3]>(r)
        back = Transpose<perm = [0, 2, 1, 3]>(y)
        joined = Concat<axis = 0>(b1, rest, width)
        z = Reshape(back, joined)
    }}"""
    weights = {
        "zero": 0, "one": 1, "first": [0], "heads": [HEADS], "depth": [DEPTH], "rest": [-1], "width": [WIDTH],
    }  # fmt: skip
    same_as_onnxruntime(
        text,
        [{"x": rows(b, s, WIDTH)} for b, s in SIZES],
        {name: np.array(value, np.int64) for name, value in weights.items()},
    )


def test_sizes_through_arithmetic(same_as_onnxruntime):
    text = """(float[b,s,6] x) => (float[n,3] y, int64 count) {
        b0 = Shape<start = 0, end = 1>(x)
        s0 = Shape<start = 1, end = 2>(x)
        both = Mul(b0, s0)
        twice = Mul(both, two)
        shape = Concat<axis = 0>(twice, three)
        y = Reshape(x, shape)
        count = Size(y)
    }"""
    weights = {"two": np.array([2]), "three": np.array([3])}
    same_as_onnxruntime(text, [{"x": rows(b, s, 6)} for b, s in SIZES], weights)


def test_an_open_axis_of_one_element_may_go(same_as_onnxruntime):
    text = "(float[a,b] x) => (float[b] y, float z) { y = Squeeze(x, first) z = Squeeze(y, first) }"
    same_as_onnxruntime(text, [{"x": rows(1, 1)}], {"first": np.array([0])})


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_flatten_of_open_sizes(same_as_onnxruntime, axis):
    text = f"(float[b,s,2] x) => (float[m,n] y) {{ y = Flatten<axis = {axis}>(x) }}"
    same_as_onnxruntime(text, [{"x": rows(b, s, 2)} for b, s in SIZES])


def test_expand_to_computed_sizes_keeps_what_is_long_already(same_as_onnxruntime):
    text = """(float[b,s] x, float[b,1,s] m) => (float[b,s,s] y, float[b,s,s] z) {
        b0 = Shape<start = 0, end = 1>(x)
        s0 = Shape<start = 1, end = 2>(x)
        shape = Concat<axis = 0>(b0, s0, s0)
        y = Expand(m, shape)
        ones = Concat<axis = 0>(one, s0, one)
        z = Expand(m, ones)
    }"""
    feeds = [{"x": rows(b, s), "m": rows(b, 1, s)} for b, s in SIZES]
    same_as_onnxruntime(text, feeds, {"one": np.array([1])})


@pytest.mark.parametrize(
    ("start", "end", "step"),
    [(0, 4, 1), (-3, 2**63 - 1, 1), (0, -1, 1), (1, 2**31 - 1, 2), (-1, -(2**63), -1), (-4, -2, 1), (-(2**63), 3, 1)],
)
def test_slices_of_an_open_axis_are_clamped_to_it(same_as_onnxruntime, start, end, step):
    text = "(float[b,s] x) => (float[b,n] y) { y = Slice(x, starts, ends, axes, steps) }"
    weights = {"starts": [start], "ends": [end], "axes": [1], "steps": [step]}
    feeds = [{"x": rows(2, s)} for s in (3, 4, 9)]
    same_as_onnxruntime(text, feeds, {name: np.array(value) for name, value in weights.items()})


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
def test_pads_of_an_open_axis_repeat_its_elements(same_as_onnxruntime, mode):
    text = f'(float[b,s] x) => (float[b,n] y) {{ y = Pad<mode = "{mode}">(x, pads) }}'
    same_as_onnxruntime(text, [{"x": rows(2, s)} for s in (4, 9)], {"pads": np.array([0, 3, 0, 2])})


def test_constants_of_any_dtype_stand_around_an_open_axis(same_as_onnxruntime):
    text = "(float[b,s] x, int32[b,s] i) => (float[b,n] y, int32[b,n] j) { y = Pad(x, pads, v) j = Pad(i, pads, w) }"
    weights = {"pads": np.array([0, 3, 1, 2]), "v": np.array(-1, np.float32), "w": np.array(2**31 - 1, np.int32)}
    feeds = [{"x": rows(b, s), "i": np.full((b, s), 16_777_217, np.int32)} for b, s in SIZES]
    same_as_onnxruntime(text.replace("[b,n]", "[m,n]"), feeds, weights)


def test_a_table_is_cut_to_the_length_of_the_input(same_as_onnxruntime):
    text = """(float[b,s,4] x) => (float[b,s,4] y) {
        s0 = Shape<start = 1, end = 2>(x)
        places = Slice(table, zero, s0, one)
        rows = Gather(embedding, places)
        y = Add(x, rows)
    }"""
    weights = {
        "table": np.arange(16)[None], "zero": np.array([0]), "one": np.array([1]), "embedding": rows(16, 4),
    }  # fmt: skip
    same_as_onnxruntime(text, [{"x": rows(b, s, 4)} for b, s in SIZES], weights)


def test_tensors_made_of_open_sizes(same_as_onnxruntime):
    text = """(float[b,s] x) => (int64[s] r, float[b,s] c, float[b,s] u, float[b,s] e) {
        s0 = Shape<start = 1, end = 2>(x)
        n = Squeeze(s0)
        r = Range(zero, n, one)
        shape = Shape(x)
        c = ConstantOfShape<value = float[1] {2.5}>(shape)
        u = Trilu<upper = 0>(x)
        e = EyeLike<k = 1>(x)
    }"""
    weights = {"zero": np.array(0), "one": np.array(1)}
    same_as_onnxruntime(text, [{"x": rows(b, s)} for b, s in SIZES], weights)


def test_the_last_place_of_an_open_axis(same_as_onnxruntime):
    text = """(float[b,s,2] x, int64[b,1] i) => (float[b,2] last, float[b,1,2] picked) {
        last = Gather<axis = 1>(x, end)
        two = Unsqueeze(i, axis)
        both = Concat<axis = 2>(two, two)
        picked = GatherElements<axis = 1>(x, both)
    }"""
    feeds = [{"x": rows(b, s, 2), "i": np.full((b, 1), -s)} for b, s in SIZES]
    same_as_onnxruntime(text, feeds, {"end": np.array(-1), "axis": np.array([2])})


def test_what_needs_a_size_is_refused_where_it_is_open(hub_of_text):
    text = "(float[b,s] x) => (float[b,n] y, float[b,m] z) { y, z = Split<axis = 1, num_outputs = 2>(x) }"
    options = Options(variant="fp32", settings={"flexible": {"b": "1..8", "s": "1..8"}})
    (refused,) = CoreML().coverage(hub_of_text(text), options).refused
    assert refused.detail == "it parts an axis whose size is known only at run time, and says no sizes"
