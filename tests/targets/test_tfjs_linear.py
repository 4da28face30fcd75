"""Products of matrices in TF.js: by the kernel for two matrices wherever wasm is faster with it."""

import numpy as np
import pytest

DRAW = np.random.default_rng(3)


def drawn(*shape):
    return DRAW.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "ops"),
    [
        ("5,16", {"_FusedMatMul": 1}),
        ("1,5,16", {"_FusedMatMul": 1}),
        ("2,5,16", {"Reshape": 2, "_FusedMatMul": 1}),
        ("2,3,5,16", {"Reshape": 2, "_FusedMatMul": 1}),
    ],
)
def test_a_layer_has_its_bias_and_activation_in_it(tfjs, shape, ops):
    out = shape.replace("16", "8")
    text = f"(float[{shape}] x) => (float[{out}] y) {{ m = MatMul (x, w) a = Add (m, b) y = Relu (a) }}"
    assert tfjs(text, {"w": drawn(16, 8), "b": drawn(8)}).ops == ops


def test_a_layer_without_bias_is_a_product_alone(tfjs):
    assert tfjs("(float[5,16] x) => (float[5,8] y) { y = MatMul (x, w) }", {"w": drawn(16, 8)}).ops == {"MatMul": 1}


def test_a_vector_is_a_row_or_a_column(tfjs):
    tfjs("(float[16] x) => (float[8] y) { y = MatMul (x, w) }", {"w": drawn(16, 8)})
    tfjs("(float[3,16] x) => (float[3] y) { y = MatMul (x, w) }", {"w": drawn(16)})


@pytest.mark.parametrize("gemm", ["<transA = 1>", "<alpha = 0.5, beta = 2.0>", "<transB = 1>"])
def test_a_general_product(tfjs, gemm):
    shape = "16,5" if "transA" in gemm else "5,16"
    w = drawn(8, 16) if "transB" in gemm else drawn(16, 8)
    tfjs(f"(float[{shape}] x) => (float[5,8] y) {{ y = Gemm {gemm} (x, w, b) }}", {"w": w, "b": drawn(8)})


def test_a_weight_may_come_from_outside(tfjs):
    text = "(float[5,16] x, float[16,8] w, float[8] b) => (float[5,8] y) { y = Gemm (x, w, b) }"
    tfjs(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((2, 3, 4), (2, 4, 5)),
        ((2, 3, 4), (1, 4, 5)),
        ((1, 3, 4), (6, 4, 5)),
        ((2, 1, 3, 4), (1, 5, 4, 6)),  # the kernel of wasm would take the larger batch for both
        ((2, 3, 3, 4), (3, 4, 5)),
        ((3, 4), (2, 4, 5)),
    ],
)
def test_batches_of_products_broadcast(tfjs, left, right):
    shape = (*np.broadcast_shapes(left[:-2], right[:-2]), left[-2], right[-1])
    x, y, z = (",".join(map(str, sizes)) for sizes in (left, right, shape))
    tfjs(f"(float[{x}] x, float[{y}] y) => (float[{z}] z) {{ z = MatMul (x, y) }}")


def test_large_products_of_a_batch_are_done_one_after_the_other(tfjs):
    text = """(float[1,4,64,32] q, float[1,4,64,32] k) => (float[1,4,64,64] s) {
        t = Transpose <perm = [0,1,3,2]> (k) s = MatMul (q, t)
    }"""
    assert tfjs(text, atol=1e-4).ops == {"MatMul": 4, "Pack": 1, "Reshape": 3, "Transpose": 1, "Unpack": 2}


def test_small_products_of_a_batch_stay_together(tfjs):
    text = "(float[1,4,8,8] q, float[1,4,8,8] k) => (float[1,4,8,8] s) { s = MatMul (q, k) }"
    assert tfjs(text).ops == {"BatchMatMulV2": 1}


def test_one_large_product_of_a_batch_of_one_is_one_of_two_matrices(tfjs):
    text = "(float[1,64,32] q, float[1,32,64] k) => (float[1,64,64] s) { s = MatMul (q, k) }"
    assert tfjs(text, atol=1e-4).ops["MatMul"] == 1


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("values", [(0, 1), (2, 5)])
def test_a_one_hot_is_made_by_its_own_kernel(tfjs, axis, values):
    indices = {"i": np.array([[0, 3, 5], [1, -1, 99]], np.int32)}
    weights = {"d": np.array(6, np.int64), "v": np.array(values, np.float32)}
    text = f"(int64[2,3] i) => (float[N,M,L] y) {{ y = OneHot <axis = {axis}> (i, d, v) }}"
    assert tfjs(text, weights, feeds=indices, atol=0).ops["OneHot"] == 1


def test_a_product_keeps_its_axes_by_a_reshape(tfjs):
    made = tfjs(
        "(float[3, 4] x) => (float[3, 4] y) { p = ReduceProd (x, axes) y = Div (x, p) }", {"axes": np.array([1])}
    )
    assert made.ops == {"Prod": 1, "Reshape": 1, "RealDiv": 1}
