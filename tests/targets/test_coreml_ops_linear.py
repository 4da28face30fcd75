"""Core ML: products of matrices, whose constant weights stay constants of one operation."""

import numpy as np
import pytest

RANDOM = np.random.default_rng(0)


def weight(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def text_of(node, *shapes, result):
    inputs = ", ".join(f"{kind(shape)} {name}" for name, shape in zip("abc", shapes, strict=False))
    return f"({inputs}) => ({kind(result)} y) {{ y = {node} }}"


def kind(shape):
    return f"float[{','.join(map(str, shape))}]" if shape else "float"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((3,), (3,)),
        ((3,), (2, 4, 3, 5)),
        ((2, 4, 5, 3), (3,)),
        ((5, 3), (3,)),
        ((3,), (3, 5)),
        ((4, 5, 3), (2, 1, 3, 6)),
        ((1, 2, 4, 5, 3), (3, 6)),
    ],
)
def test_vectors_and_batches_are_multiplied_by_numpys_rules(coreml_agrees, left, right):
    result = np.matmul(np.zeros(left), np.zeros(right)).shape
    coreml_agrees(text_of("MatMul(a, b)", left, right, result=result), {"a": left, "b": right})
    coreml_agrees(text_of("MatMul(a, b)", left, result=result), {"a": left}, {"b": weight(*right)})


@pytest.mark.parametrize("lead", [(), (2,), (2, 4)])
def test_a_constant_matrix_is_the_weight_of_one_operation(coreml_agrees, lead):
    text = text_of("MatMul(a, b)", (*lead, 3), result=(*lead, 5))
    assert coreml_agrees(text, {"a": (*lead, 3)}, {"b": weight(3, 5)}).operations == {"linear": 1}


@pytest.mark.parametrize("wide", ["int32", "int64"])
def test_integers_are_multiplied_exactly(coreml, wide):
    a, b = RANDOM.integers(-9999, 9999, (2, 3, 4)).astype(wide), RANDOM.integers(-9999, 9999, (4, 5)).astype(wide)
    made = coreml(f"({wide}[2,3,4] a, {wide}[4,5] b) => ({wide}[2,3,5] y) {{ y = MatMul(a, b) }}", {"a": a, "b": b})
    np.testing.assert_array_equal(made.outputs["y"], a @ b)


def test_integers_that_int32_does_not_hold_are_refused(coreml_refusal):
    assert "int32" in coreml_refusal("(uint32[2,3] a, uint32[3,2] b) => (uint32[2,2] y) { y = MatMul(a, b) }")


@pytest.mark.parametrize("addend", [(5,), (1, 5), (4, 1), (1,), (), (4, 5)])
@pytest.mark.parametrize("constant", [True, False])
def test_gemm_scales_both_terms(coreml_agrees, addend, constant):
    node = "Gemm<alpha = 0.5, beta = 3.0, transA = 1, transB = 1>(a, b, c)"
    shapes = [(3, 4), (5, 3), addend]
    if constant:
        text = text_of(node, shapes[0], result=(4, 5))
        coreml_agrees(text, {"a": shapes[0]}, {"b": weight(5, 3), "c": weight(*addend)})
    else:
        coreml_agrees(text_of(node, *shapes, result=(4, 5)), dict(zip("abc", shapes, strict=True)))


def test_a_dense_layer_is_one_operation(coreml_agrees):
    text = "(float[2,3] a) => (float[2,5] y) { y = Gemm<alpha = 0.5, beta = 3.0, transB = 1>(a, b, c) }"
    made = coreml_agrees(text, {"a": (2, 3)}, {"b": weight(5, 3), "c": weight(5)})
    assert made.operations == {"linear": 1}


@pytest.mark.parametrize(("left", "right"), [((4, 6), (6, 3)), ((2, 4, 6), (2, 6, 3))])
@pytest.mark.parametrize("signs", [("int8", "int8"), ("uint8", "int8"), ("uint8", "uint8")])
def test_small_integers_are_multiplied_minus_their_zero_points(coreml_agrees, left, right, signs):
    a, b = (
        RANDOM.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, shape).astype(kind)
        for kind, shape in zip(signs, (left, right), strict=True)
    )
    shapes = [",".join(map(str, shape)) for shape in (left, right, (*left[:-1], right[-1]))]
    zeros = f"<{signs[0]} z = {{5}}, {signs[1]} v = {{17}}>"
    text = (
        f"({signs[0]}[{shapes[0]}] a, {signs[1]}[{shapes[1]}] b) => (int32[{shapes[2]}] y) {zeros}"
        " { y = MatMulInteger(a, b, z, v) }"
    )
    coreml_agrees(text, {"a": a, "b": b})


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5])
def test_determinants_of_small_matrices(coreml, rows):
    x = RANDOM.standard_normal((2, rows, rows)).astype(np.float32)
    made = coreml(f"(float[2,{rows},{rows}] x) => (float[2] y) {{ y = Det(x) }}", {"x": x})
    np.testing.assert_allclose(made.outputs["y"], np.linalg.det(x.astype(np.float64)), rtol=1e-4, atol=1e-5)


def test_determinants_of_large_matrices_are_refused(coreml_refusal):
    assert "6 rows" in coreml_refusal("(float[6,6] x) => (float y) { y = Det(x) }")


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ij,kj->ki", [(2, 3), (4, 3)]),
        ("i,i->", [(3,), (3,)]),
        ("i,j->ij", [(3,), (4,)]),
        ("ij->ji", [(2, 3)]),
        ("ij->", [(2, 3)]),
        ("ii->i", [(3, 3)]),
        ("iij->ij", [(3, 3, 2)]),
        ("iii->i", [(3, 3, 3)]),
        ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]),
        ("...ij,jk->...ik", [(2, 3, 4), (4, 5)]),
        ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
        ("bqhd,bkhd->bhqk", [(2, 4, 3, 5), (2, 6, 3, 5)]),
        ("bhqk,bkhd->bqhd", [(2, 3, 4, 6), (2, 6, 3, 5)]),
        ("abc,bcd->ad", [(2, 3, 4), (3, 4, 5)]),
        ("abcd,cdef->abef", [(2, 3, 2, 3), (2, 3, 2, 2)]),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
        ("abcd,de->abce", [(2, 3, 2, 4), (4, 5)]),
        ("abcd,dcef->abef", [(2, 3, 2, 4), (4, 2, 3, 2)]),
        ("abcde,e->abcd", [(2, 3, 2, 2, 4), (4,)]),
        ("abcde,ef->abcdf", [(2, 3, 2, 2, 4), (4, 3)]),
        ("abcdi,abcdi->abcd", [(2, 3, 2, 2, 4), (2, 3, 2, 2, 4)]),
        ("i,ij,j->", [(2,), (2, 3), (3,)]),
        ("ij,ij->i", [(2, 3), (2, 3)]),
        ("ijk,k->ij", [(2, 3, 4), (4,)]),
        ("abcde,abcde->acbd", [(2, 3, 2, 2, 3), (2, 3, 2, 2, 3)]),
    ],
)
def test_sums_of_products_by_equation(coreml_agrees, equation, shapes):
    result = np.einsum(equation, *[np.zeros(shape) for shape in shapes]).shape
    node = f'Einsum<equation = "{equation}">({", ".join("abc"[: len(shapes)])})'
    coreml_agrees(text_of(node, *shapes, result=result), dict(zip("abc", shapes, strict=False)))


def test_attention_by_equation_is_a_product_and_no_reshape(coreml_agrees):
    text = text_of('Einsum<equation = "bhqd,bhkd->bhqk">(a, b)', (2, 3, 4, 5), (2, 3, 6, 5), result=(2, 3, 4, 6))
    assert coreml_agrees(text, {"a": (2, 3, 4, 5), "b": (2, 3, 6, 5)}).operations == {"matmul": 1}


@pytest.mark.parametrize("equation", ["bsk,kn->bsn", "kn,bsk->bsn", "bsk,nk->bsn"])
def test_a_dense_layer_by_equation_is_one_operation(coreml_agrees, equation):
    matrix = (5, 4) if "nk" in equation else (4, 5)
    text = f'(float[2,3,4] x) => (float[2,3,5] y) {{ y = Einsum<equation = "{equation}">'
    text += "(w, x) }" if equation.startswith("kn") else "(x, w) }"
    assert coreml_agrees(text, {"x": (2, 3, 4)}, {"w": weight(*matrix)}).operations == {"linear": 1}


@pytest.mark.parametrize("per_channel", [True, False])
def test_quantized_products_land_on_their_grid(coreml_agrees, per_channel):
    random = np.random.default_rng(5)  # of scales and integers that make no tie
    a, b = random.integers(0, 256, (4, 6)).astype(np.uint8), random.integers(-128, 128, (6, 3)).astype(np.int8)
    scales = np.array([0.02117, 0.01373, 0.04091] if per_channel else 0.02117, np.float32)
    weights = {
        "r": np.array(0.03173, np.float32),
        "z": np.array(120, np.uint8),
        "b": b,
        "s": scales,
        "v": np.zeros(scales.shape, np.int8),
        "t": np.array(0.11371, np.float32),
        "u": np.array(99, np.uint8),
    }
    text = "(uint8[4,6] a) => (uint8[4,3] y) { y = QLinearMatMul(a, r, z, b, s, v, t, u) }"
    coreml_agrees(text, {"a": a}, weights)


def test_quantized_convolutions_land_on_their_grid(coreml_agrees):
    random = np.random.default_rng(5)  # of scales and integers that make no tie
    x = random.integers(0, 256, (1, 2, 6, 6)).astype(np.uint8)
    weights = {
        "r": np.array(0.03173, np.float32),
        "z": np.array(120, np.uint8),
        "w": random.integers(-128, 128, (3, 2, 3, 3)).astype(np.int8),
        "s": np.array([0.02117, 0.01373, 0.04091], np.float32),
        "v": np.zeros(3, np.int8),
        "t": np.array(0.21731, np.float32),
        "u": np.array(99, np.uint8),
        "b": np.array([300, -200, 7], np.int32),
    }
    text = (
        "(uint8[1,2,6,6] x) => (uint8[1,3,6,6] y) { y = QLinearConv<pads = [1, 1, 1, 1]>(x, r, z, w, s, v, t, u, b) }"
    )
    coreml_agrees(text, {"x": x}, weights)


@pytest.mark.parametrize("shape", [(4,), (1, 1, 4)])
@pytest.mark.parametrize("product", ["MatMul(a, w)", "MatMul(w, a)"])
@pytest.mark.parametrize("node", ["Add(v, m)", "Sub(m, v)", "Sub(v, m)", "Div(m, v)"])
def test_a_constant_behind_a_product_goes_along_its_own_axis(coreml_agrees, product, node, shape):
    result = np.broadcast_shapes((4, 4), shape)
    text = f"(float[4,4] a) => ({kind(result)} y) {{ m = {product} y = {node} }}"
    coreml_agrees(text, {"a": (4, 4)}, {"w": weight(4, 4), "v": weight(*shape) + 3})


@pytest.mark.parametrize("both", ["MatMul(a, t)", "Concat<axis = 1>(t, a)"])
def test_a_matrix_may_meet_its_own_transpose(coreml_agrees, both):
    text = f"(float[3,5,5] a) => (float[3,n,5] y, float[3,5,5] z) {{ t = Transpose<perm = [0, 2, 1]>(a) y = {both}"
    coreml_agrees(f"{text} r = Relu(t) z = Transpose<perm = [0, 2, 1]>(r) }}", {"a": (3, 5, 5)})
