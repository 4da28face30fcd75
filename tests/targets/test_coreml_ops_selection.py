"""Core ML: choices among elements, and tensors made of nothing but sizes."""

import numpy as np
import pytest


def test_equal_values_are_ranked_by_their_places(coreml):
    x = np.array([[3, 1, 3, 2, 3], [0, 0, 0, 0, 0]], np.float32)
    made = coreml("(float[2,5] x) => (float[2,4] v, int64[2,4] i) <int64[1] k = {4}> { v, i = TopK(x, k) }", {"x": x})
    assert made.outputs["v"].tolist() == [[3, 3, 3, 2], [0, 0, 0, 0]]
    assert made.outputs["i"].tolist() == [[0, 2, 4, 3], [0, 1, 2, 3]]


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_top_k_along_any_axis(coreml, largest, axis, dtype):
    x = np.random.default_rng(3).integers(0, 4, (3, 4, 5)).astype(dtype)
    order = np.argsort(-x if largest else x, axis=axis, kind="stable")
    order = np.take(order, np.arange(2), axis=axis)
    sizes = ",".join(map(str, order.shape))
    kind = {"float32": "float"}.get(dtype, dtype)
    made = coreml(
        f"({kind}[3,4,5] x) => ({kind}[{sizes}] v, int64[{sizes}] i) <int64[1] k = {{2}}>"
        f" {{ v, i = TopK<axis = {axis}, largest = {largest}>(x, k) }}",
        {"x": x},
    )
    assert (made.outputs["i"] == order).all()
    assert (made.outputs["v"] == np.take_along_axis(x, order, axis)).all()


def test_places_of_five_axes_are_refused(coreml_refusal):
    text = "(float[1,1,2,2,3] x) => (float[1,1,2,2,1] v, int64[1,1,2,2,1] i) <int64[1] k = {1}> { v, i = TopK(x, k) }"
    assert "6 axes; Core ML has at most 5" in coreml_refusal(text)


def test_values_alone_are_one_operation(coreml):
    made = coreml(
        "(float[2,5] x) => (float[2,2] v) <int64[1] k = {2}> { v, i = TopK(x, k) }",
        {"x": np.eye(2, 5, dtype=np.float32)},
    )
    assert dict(made.operations) == {"topk": 1}


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("diagonal", [-5, -1, 0, 2, 5])
def test_trilu_keeps_infinities_and_makes_no_nan(coreml, upper, diagonal):
    x = np.full((2, 3, 4), -np.inf, np.float32)
    made = coreml(
        f"(float[2,3,4] x) => (float[2,3,4] y) <int64 k = {{{diagonal}}}> {{ y = Trilu<upper = {upper}>(x, k) }}",
        {"x": x},
    )
    rows, columns = np.indices((3, 4))
    kept = columns - rows >= diagonal if upper else columns - rows <= diagonal
    assert (made.outputs["y"] == np.where(kept, x, 0)).all()


@pytest.mark.parametrize("upper", [0, 1])
def test_the_diagonal_of_trilu_may_be_computed(coreml, upper):
    x = np.ones((3, 4), np.float32)
    text = f"(float[3,4] x, int64 k) => (float[3,4] y) {{ y = Trilu<upper = {upper}>(x, k) }}"
    made = coreml(text, {"x": x, "k": np.array(-1)})
    assert (made.outputs["y"] == (np.triu if upper else np.tril)(x, -1)).all()


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_trilu_of_what_is_no_float(coreml, dtype):
    x = np.ones((3, 3), dtype)
    made = coreml(f"({dtype}[3,3] x) => ({dtype}[3,3] y) {{ y = Trilu<upper = 0>(x) }}", {"x": x})
    assert (made.outputs["y"] == np.tril(x)).all()


def test_a_condition_broadcasts_the_choice(coreml):
    made = coreml(
        "(bool[2,1,3] m) => (float[2,1,3] y) <float a = {0}, float[1] b = {-10000}> { y = Where(m, a, b) }",
        {"m": np.array([[[True, False, True]], [[False, False, True]]])},
    )
    assert made.outputs["y"].tolist() == [[[0, -10000, 0]], [[-10000, -10000, 0]]]


def test_a_condition_of_more_axes_and_two_choices_of_different_shapes(coreml):
    generator = np.random.default_rng(0)
    feeds = {
        "m": generator.random((2, 1, 4)) > 0.5,
        "a": generator.standard_normal((3, 1)).astype(np.float32),
        "b": generator.standard_normal(4).astype(np.float32),
    }
    made = coreml("(bool[2,1,4] m, float[3,1] a, float[4] b) => (float[2,3,4] y) { y = Where(m, a, b) }", feeds)
    assert (made.outputs["y"] == np.where(feeds["m"], feeds["a"], feeds["b"])).all()


def test_compress_by_a_constant_condition(coreml):
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    made = coreml(
        "(float[3,2] x) => (float[2,2] y, float[2] z)"
        " <bool[3] c = {1, 0, 1}, bool[3] d = {0, 1, 1}> { y = Compress<axis = 0>(x, c) z = Compress(x, d) }",
        {"x": x},
    )
    assert made.outputs["y"].tolist() == [[0, 1], [4, 5]]
    assert made.outputs["z"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("(float[3] x) => (int64[1,n] y) { y = NonZero(x) }", "how much NonZero gives depends on the data"),
        ("(float[3] x) => (float[n] y) { y = Unique(x) }", "how much Unique gives depends on the data"),
        ("(float[3] x, bool[3] c) => (float[n] y) { y = Compress(x, c) }", "its condition is not constant"),
        ("(float[3] x) => (float[3] y) { y = RandomNormalLike(x) }", "no two runs agree"),
    ],
)
def test_what_the_data_or_chance_decide_is_refused(coreml_refusal, text, reason):
    assert reason in coreml_refusal(text)


@pytest.mark.parametrize(("start", "limit", "step"), [(0, 5, 2), (7, -1, -3), (3, 4, 9)])
def test_range_of_computed_bounds(coreml, start, limit, step):
    feeds = {"a": np.array(start), "b": np.array(limit), "c": np.array(step)}
    made = coreml("(int64 a, int64 b, int64 c) => (int64[n] y) { y = Range(a, b, c) }", feeds)
    assert made.outputs["y"].tolist() == [*range(start, limit, step)]


def test_eye_like(coreml):
    made = coreml(
        "(float[2,3] x) => (int32[2,3] y) { y = EyeLike<dtype = 6, k = 1>(x) }", {"x": np.zeros((2, 3), np.float32)}
    )
    assert made.outputs["y"].tolist() == [[0, 1, 0], [0, 0, 1]]


def test_col2im_adds_what_overlaps(coreml):
    made = coreml(
        "(float[1,4,4] x) => (float[1,1,3,3] y) <int64[2] s = {3, 3}, int64[2] b = {2, 2}> { y = Col2Im(x, s, b) }",
        {"x": np.ones((1, 4, 4), np.float32)},
    )
    assert made.outputs["y"][0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
