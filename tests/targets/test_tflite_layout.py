"""The layout pass: channels-last work leaves no TRANSPOSE that something else could do without."""

import numpy as np
import pytest

GENERATOR = np.random.default_rng(0)


def weight(*shape):
    return (GENERATOR.standard_normal(shape) * 0.3).astype(np.float32)


def conv(name, channels, width, kernel=3):
    return {f"{name}_w": weight(channels, width, kernel, kernel), f"{name}_b": weight(channels)}


def test_a_chain_of_convolutions_needs_one_transpose_at_the_input(lite):
    built = lite(
        """(float[1,3,16,16] x) => (float[1,8] y) {
            a = Conv<pads=[1,1,1,1]>(x, a_w, a_b)
            r = Relu(a)
            b = Conv<pads=[1,1,1,1]>(r, b_w, b_b)
            s = Add(a, b)
            g = GlobalAveragePool(s)
            y = Flatten(g)
        }""",
        conv("a", 8, 3) | conv("b", 8, 8),
    )
    assert built.ops["TRANSPOSE"] == 1


def test_an_input_asked_for_channels_last_needs_none(lite):
    text = "(float[1,3,16,16] x) => (float[1,8,1,1] y) { a = Conv(x, a_w, a_b) y = GlobalMaxPool(a) }"
    weights = conv("a", 8, 3)
    first, last = lite(text, weights), lite(text, weights, layout={"x": "NHWC"})
    assert "TRANSPOSE" not in last.ops
    assert last.artifact.signature.input("x").shape == (1, 16, 16, 3)
    assert last.artifact.signature.input("x").layout == "NHWC"
    image = first.feeds["x"].transpose(0, 2, 3, 1).copy()
    np.testing.assert_allclose(last.session.run({"x": image})["y"], first.outputs["y"], atol=1e-6)


def test_an_output_asked_for_channels_last_needs_none(lite):
    text = "(float[1,3,8,8] x) => (float[1,8,6,6] y) { y = Conv(x, a_w, a_b) }"
    weights = conv("a", 8, 3)
    built = lite(text, weights, layout={"x": "NHWC", "y": "NHWC"})
    assert set(built.ops) == {"CONV_2D"}
    assert built.artifact.signature.output("y").shape == (1, 6, 6, 8)


@pytest.mark.parametrize(
    "middle",
    [
        "m = Mul(a, scale)",
        "m = Concat<axis=1>(a, a)",
        "p, q = Split<axis=1, num_outputs=2>(a) m = Concat<axis=1>(q, p)",
        "m = Pad(a, pads)",
        "m = Slice(a, starts, ends, axes)",
        "n = ReduceMean<keepdims=1>(a, spatial) s = Sigmoid(n) m = Mul(a, s)",
        "m = Softmax<axis=1>(a)",
        "m = Gather<axis=1>(a, picks)",
        "m = Clip(a, low, high)",
        "n = Reshape(a, apart) t = Relu(n) m = Reshape(t, together)",
        "n = Shape(a) m = Expand(a, n)",
        "m = PRelu(a, slope)",
        "c = Greater(a, slope) m = Where(c, a, slope)",
    ],
    ids=lambda middle: middle.split("=")[1].split("(")[0].split("<")[0].strip(),
)
def test_what_stands_between_two_convolutions_lets_layout_through(lite, middle):
    weights = conv("a", 8, 3) | {
        "scale": weight(8, 1, 1),
        "slope": weight(8, 1, 1),
        "pads": np.array([0, 1, 0, 2, 0, 1, 1, 0]),
        "starts": np.array([2, 0]),
        "ends": np.array([6, 4]),
        "axes": np.array([1, 3]),
        "spatial": np.array([2, 3]),
        "picks": np.array([3, 3, 0, 7]),
        "low": np.float32(-0.5),
        "high": np.float32(0.5),
        "apart": np.array([1, 8, 196]),
        "together": np.array([1, 8, 14, 14]),
    }
    channels = {"Concat<axis=1>(a, a)": 16, "Pad": 10, "Slice": 4, "Gather": 4}
    width = next((count for key, count in channels.items() if key in middle), 8)
    built = lite(
        f"""(float[1,3,16,16] x) => (float[1,4,h,w] y) {{
            a = Conv(x, a_w, a_b) {middle} y = Conv(m, c_w, c_b)
        }}""",
        weights | conv("c", 4, width),
        layout={"x": "NHWC", "y": "NHWC"},
    )
    assert "TRANSPOSE" not in built.ops


def test_flattening_before_a_dense_layer_permutes_its_weights(lite):
    built = lite(
        """(float[2,3,6,6] x) => (float[2,5] y) {
            a = Conv(x, a_w, a_b) f = Flatten(a) y = Gemm<transB=1>(f, g_w, g_b)
        }""",
        conv("a", 4, 3) | {"g_w": weight(5, 64), "g_b": weight(5)},
    )
    assert built.ops == {"CONV_2D": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1, "TRANSPOSE": 1}


def test_channel_shuffle_needs_no_transpose(lite):
    built = lite(
        """(float[1,3,8,8] x) => (float[1,4,6,6] y) {
            a = Conv(x, a_w, a_b)
            n = Reshape(a, apart) t = Transpose<perm=[1,0,2]>(n) u = Reshape(t, halves)
            p = Gather<axis=0>(u, zero) q = Gather<axis=0>(u, one)
            r = Conv(q, c_w, c_b) m = Concat<axis=1>(p, r) y = Conv(m, d_w, d_b)
        }""",
        conv("a", 8, 3)
        | conv("c", 4, 4, 1)
        | conv("d", 4, 8, 1)
        | {
            "apart": np.array([4, 2, 36]),
            "halves": np.array([2, -1, 4, 6, 6]),
            "zero": np.array(0),
            "one": np.array(1),
        },
    )
    assert built.ops["TRANSPOSE"] == 2  # of the input and of the output


def test_picking_interleaved_channels_of_large_tensors_transposes_all_of_them_at_once(lite):
    # Slower kernels make it needful: they copy single elements along the last axis, and of two columns fill no tile.
    built = lite(
        """(float[1,32,32,16] x) => (float[1,32,32,8] p, float[1,32,32,8] q) {
            n = Reshape(x, apart) p = Gather<axis=4>(n, zero) q = Gather<axis=4>(n, one)
        }""",
        {"apart": np.array([1, 32, 32, 8, 2]), "zero": np.array(0), "one": np.array(1)},
    )
    assert built.ops["TRANSPOSE"] == 2


def test_the_keys_of_attention_are_transposed_by_the_product(lite):
    heads = np.array([1, 6, 2, 4])
    built = lite(
        """(float[1,6,8] x) => (float[1,6,8] y) {
            q1 = MatMul(x, wq) q2 = Reshape(q1, heads) q = Transpose<perm=[0,2,1,3]>(q2)
            k1 = MatMul(x, wk) k2 = Reshape(k1, heads) k = Transpose<perm=[0,2,3,1]>(k2)
            v1 = MatMul(x, wv) v2 = Reshape(v1, heads) v = Transpose<perm=[0,2,1,3]>(v2)
            s = MatMul(q, k) p = Softmax<axis=-1>(s) c1 = MatMul(p, v)
            c2 = Transpose<perm=[0,2,1,3]>(c1) y = Reshape(c2, flat)
        }""",
        {name: weight(8, 8) for name in ("wq", "wk", "wv")} | {"heads": heads, "flat": np.array([1, 6, 8])},
    )
    assert built.ops["BATCH_MATMUL"] == 2
    assert built.ops["TRANSPOSE"] <= 4


def test_transposes_that_could_go_either_way_settle(lite):
    # Two users of one value once wanted it in turns, each for what the other had just given up.
    built = lite(
        """(float[3,2,2] x) => (float[6,2,1] r, float[3,2,1,2] s, float[2,3,3] t, float[4,2,3] u, float[3,2,3] v,
                             float[3,4,2] w) {
            a = Conv(x, a_w, a_b) b = Conv(a, b_w, b_b)
            r = Reshape(b, tall) d = Div(b, column) e = Transpose<perm=[2,0,1]>(b) s = Reshape(d, wide)
            m = Mul(d, one) p = Pad(d, pads) t = MatMul(e, square) u = Pad(m, more) v = MatMul(m, square)
            w = Transpose<perm=[2,0,1]>(p)
        }""",
        {
            "a_w": weight(2, 2, 1),
            "a_b": weight(2),
            "b_w": weight(2, 2, 1),
            "b_b": weight(2),
            "tall": np.array([6, 2, 1]),
            "wide": np.array([3, 2, 1, 2]),
            "column": np.array([[1], [2]], np.float32),
            "one": np.array([[3]], np.float32),
            "square": weight(2, 3),
            "pads": np.array([1, 0, 0, 0, 0, 1]),
            "more": np.array([1, 0, 0, 0, 0, 1]),
        },
    )
    assert built.ops["TRANSPOSE"] < 9
