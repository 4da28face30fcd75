"""Choices, suppression, quantization, classes and random numbers of the interpreter."""

import numpy as np
import pytest


def test_select_takes_by_a_mask_that_is_broadcast(mil):
    got = mil("select", cond=np.array([[True], [False]]), a=np.array([1, 2], np.int32), b=np.int32(0))
    assert (got.dtype, got.tolist()) == (np.int32, [[1, 2], [0, 0]])


def test_select_without_values_gives_places(mil):
    assert mil("select", cond=np.array([[False, True], [True, False]])).tolist() == [[0, 1], [1, 0]]


def test_select_of_two_types_is_an_error(mil):
    with pytest.raises(ValueError, match="two types"):
        mil("select", cond=np.array(True), a=np.float32(1), b=np.int32(1))


X = np.array([[3, 1, 3, 2], [0, 5, 5, 5]], np.float32)


def test_the_largest_come_first_and_of_equal_ones_the_first(mil):
    values, indices = mil("topk", x=X, k=3)
    assert values.tolist() == [[3, 3, 2], [5, 5, 5]]
    assert (indices.dtype, indices.tolist()) == (np.int32, [[0, 2, 3], [1, 2, 3]])


def test_the_smallest_along_another_axis(mil):
    values, indices = mil("topk", x=X, k=1, axis=0, ascending=True)
    assert (values.tolist(), indices.tolist()) == ([[0, 1, 3, 2]], [[1, 0, 0, 0]])


def test_all_of_them_without_indices_or_with_narrow_ones(mil):
    assert mil("topk", x=X[0], k=-1, return_indices=False).tolist() == [3, 3, 2, 1]
    assert mil("topk", x=X[0], k=2, output_indices_dtype="uint16")[1].dtype == np.uint16


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32])
def test_the_least_integer_is_the_smallest_also_when_the_largest_are_wanted(mil, dtype):
    least = np.iinfo(dtype).min
    values, _ = mil("topk", x=np.array([least, 7, 3], dtype), k=3)
    assert (values.dtype, values.tolist()) == (dtype, [7, 3, least])


def test_more_than_there_are_is_an_error(mil):
    with pytest.raises(ValueError, match="5 of 4 elements"):
        mil("topk", x=X, k=5)


def test_argsort_is_descending_by_default(mil):
    got = mil("argsort", x=X)
    assert (got.dtype, got.tolist()) == (np.int32, [[0, 2, 3, 1], [1, 2, 3, 0]])
    assert mil("argsort", x=X, axis=0, ascending=True).tolist() == [[1, 0, 0, 0], [0, 1, 1, 1]]


def test_non_zero_gives_places_row_by_row(mil):
    got = mil("non_zero", x=np.array([[0, 2], [3, 0]], np.float32))
    assert (got.dtype, got.tolist()) == (np.int32, [[0, 1], [1, 0]])


def test_the_examples_of_one_hot(mil):
    indices = np.array([1, 0], np.int32)
    plain = mil("one_hot", indices=indices, one_hot_vector_size=4)
    assert (plain.dtype, plain.tolist()) == (np.int32, [[0, 1, 0, 0], [1, 0, 0, 0]])
    assert mil("one_hot", indices=indices, one_hot_vector_size=4, axis=0).tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]
    valued = mil("one_hot", indices=indices, one_hot_vector_size=4, on_value=np.float32(1), off_value=np.float32(0.5))
    assert (valued.dtype, valued.tolist()) == (np.float32, [[0.5, 1, 0.5, 0.5], [1, 0.5, 0.5, 0.5]])


@pytest.mark.parametrize("index", [-1, 4])
def test_an_index_without_a_vector_is_an_error(mil, index):
    with pytest.raises(ValueError, match=r"outside of \[0, 4\)"):
        mil("one_hot", indices=np.array([index]), one_hot_vector_size=4)


BOXES = np.array([[0, 0, 2, 2], [0.5, 0, 2, 2], [10, 0, 2, 2], [0, 0, 2, 2]], np.float32)  # IoU of the first two: 0.6
SCORES = np.array([[0.9, 0], [0.8, 0], [0.1, 0.3], [0, 0.7]], np.float32)


def suppressed(mil, **how):
    given = {"boxes": BOXES[None], "scores": SCORES[None], "iou_threshold": np.float32(0.5), "max_boxes": 3}
    return mil("non_maximum_suppression", opset="CoreML5", **given | {"score_threshold": np.float32(0.2)} | how)


def test_boxes_that_overlap_a_better_one_are_suppressed(mil):
    boxes, scores, indices, count = suppressed(mil)
    assert (indices.tolist(), count.tolist()) == ([[0, 2, -1]], [2])
    np.testing.assert_array_equal(boxes[0], [BOXES[0], BOXES[2], [0, 0, 0, 0]])
    np.testing.assert_array_equal(scores[0], [SCORES[0], SCORES[2], [0, 0]])


def test_only_boxes_of_one_class_suppress_another(mil):
    assert suppressed(mil, per_class_suppression=True)[2].tolist() == [[0, 3, 2]]


def test_a_larger_overlap_may_be_allowed_and_the_number_is_limited(mil):
    assert suppressed(mil, iou_threshold=np.float32(0.61))[2].tolist() == [[0, 1, 2]]
    assert suppressed(mil, iou_threshold=np.float32(1), max_boxes=2)[2].tolist() == [[0, 1]]


def test_where_no_score_is_enough_the_best_box_is_kept(mil):
    assert suppressed(mil, score_threshold=np.float32(5))[2].tolist() == [[0, -1, -1]]


def test_boxes_stand_in_the_last_axis_from_ios_17_on(mil):
    boxes, scores, indices = mil(
        "non_maximum_suppression", opset="CoreML7", boxes=BOXES.T[None], scores=SCORES.T[None],
        iou_threshold=np.float32(0.5), max_boxes=3,
    )  # fmt: skip
    assert (boxes.shape, scores.shape, indices.tolist()) == ((1, 4, 3), (1, 2, 3), [[0, 2, -1]])
    np.testing.assert_array_equal(boxes[0, :, 1], BOXES[2])


def test_suppression_is_onnxs_of_one_class(mil):
    onnxruntime, parser = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx.parser")
    generator = np.random.default_rng(0)
    boxes = np.concatenate([generator.uniform(0, 5, (1, 60, 2)), generator.uniform(1, 3, (1, 60, 2))], 2)
    boxes, scores = boxes.astype(np.float32), generator.uniform(0, 1, (1, 60, 1)).astype(np.float32)
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 11]> g (float[1,60,4] b, float[1,1,60] s, int64 n, float i, float t)'
        " => (int64[k,3] y) { y = NonMaxSuppression<center_point_box=1>(b, s, n, i, t) }"
    )
    feeds = {"n": np.array(20), "i": np.array(0.3, np.float32), "t": np.array(0.25, np.float32)}
    feeds |= {"b": boxes, "s": scores.swapaxes(1, 2)}
    (expected,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
    _, _, indices, (count,) = mil(
        "non_maximum_suppression", opset="CoreML6", boxes=boxes, scores=scores, iou_threshold=np.float32(0.3),
        score_threshold=np.float32(0.25), max_boxes=20,
    )  # fmt: skip
    assert 3 < count == len(expected)
    assert indices[0, :count].tolist() == expected[:, 2].tolist()


def test_quantize_rounds_ties_to_even_adds_the_zero_point_and_saturates(mil):
    x = np.array([0.5, 1.5, -0.5, 2.6, 300, -300], np.float32)
    got = mil("quantize", input=x, scale=np.float32(1), zero_point=np.int8(3), output_dtype="int8")
    assert (got.dtype, got.tolist()) == (np.int8, [3, 5, 3, 6, 127, -128])
    unsigned = mil("quantize", input=x, scale=np.float32(0.5), output_dtype="uint8")
    assert unsigned.tolist() == [1, 3, 0, 5, 255, 0]


def test_quantize_along_an_axis(mil):
    x, scale = np.ones((2, 3), np.float32), np.array([1, 0.5, 0.25], np.float32)
    got = mil("quantize", input=x, scale=scale, axis=-1, zero_point=np.array([0, 1, 2], np.int8), output_dtype="int8")
    assert got.tolist() == [[1, 3, 6], [1, 3, 6]]


def test_dequantize_has_the_dtype_of_its_scale(mil):
    x = np.array([[0, 255], [128, 3]], np.uint8)
    got = mil(
        "dequantize", input=x, scale=np.array([1, 0.5], np.float32), zero_point=np.array([0, 128], np.uint8), axis=0
    )
    assert (got.dtype, got.tolist()) == (np.float32, [[0, 255], [0, -62.5]])
    assert mil("dequantize", input=np.int8([-128]), scale=np.float16(0.5)).dtype == np.float16
    assert mil("dequantize", input=np.int8([-128]), scale=np.float16(0.5), zero_point=np.int8(127)).tolist() == [-127.5]


def test_a_scale_that_does_not_fit_its_axis_is_an_error(mil):
    with pytest.raises(ValueError, match="along axis 1"):
        mil("dequantize", input=np.zeros((2, 3), np.int8), scale=np.ones(2, np.float32), axis=1)


def test_quantizing_is_onnxruntimes(mil):
    onnxruntime, parser = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx.parser")
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 13]> g (float[1000] x, float s, int8 z) => (int8[1000] q, float[1000] y)'
        " { q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z) }"
    )
    x = np.random.default_rng(0).normal(0, 3, 1000).astype(np.float32)
    scale, zero = np.array(0.037, np.float32), np.array(-11, np.int8)
    q, y = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x, "s": scale, "z": zero})
    got = mil("quantize", input=x, scale=scale, zero_point=zero, output_dtype="int8")
    np.testing.assert_array_equal(got, q)
    np.testing.assert_array_equal(mil("dequantize", input=got, scale=scale, zero_point=zero), y)


@pytest.mark.parametrize("classes", [("cat", "dog", "owl"), (np.array(["cat", "dog", "owl"], object),)])
def test_classify_names_the_most_probable_class(mil, classes):
    label, probabilities = mil("classify", probabilities=np.float32([[0.25, 0.5, 0.25]]), classes=list(classes))
    assert label == "dog"
    assert probabilities == {"cat": 0.25, "dog": 0.5, "owl": 0.25}


def test_classes_may_be_numbers(mil):
    assert mil("classify", probabilities=np.float32([1, 0]), classes=[np.array([7, 9])]) == (7, {7: 1.0, 9: 0.0})


def test_as_many_classes_as_probabilities(mil):
    with pytest.raises(ValueError, match="1 classes, 2 probabilities"):
        mil("classify", probabilities=np.float32([1, 0]), classes=["cat"])


SHAPE = np.array([100, 200], np.int32)


@pytest.mark.parametrize(
    ("kind", "parameters", "mean", "deviation"),
    [
        ("random_uniform", {"low": np.float32(2), "high": np.float32(4)}, 3, 1 / 3**0.5),
        ("random_normal", {"mean": np.float32(5), "stddev": np.float32(2)}, 5, 2),
        ("random_bernoulli", {"prob": np.float32(0.25)}, 0.25, (0.25 * 0.75) ** 0.5),
    ],
)
def test_random_numbers_have_their_distribution_and_repeat_with_a_seed(mil, kind, parameters, mean, deviation):
    drawn = mil(kind, shape=SHAPE, seed=1, **parameters)
    assert (drawn.dtype, drawn.shape) == (np.float32, (100, 200))
    assert drawn.mean() == pytest.approx(mean, abs=5 * deviation / 20_000**0.5)  # five standard errors
    assert drawn.std() == pytest.approx(deviation, rel=0.05)
    np.testing.assert_array_equal(drawn, mil(kind, shape=SHAPE, seed=1, **parameters))
    assert not np.array_equal(drawn, mil(kind, shape=SHAPE, seed=2, **parameters))
    assert not np.array_equal(mil(kind, shape=SHAPE, **parameters), mil(kind, shape=SHAPE, **parameters))


@pytest.mark.parametrize("mode", ["logits", "probs"])
def test_categories_are_drawn_by_their_probability(mil, mode):
    probabilities = np.array([[0.5, 0.25, 0.25], [0, 0, 1]], np.float32)
    with np.errstate(divide="ignore"):
        x = np.log(probabilities) if mode == "logits" else probabilities
    drawn = mil("random_categorical", x=x, mode=mode, size=20_000, seed=3)
    assert drawn.shape == (2, 20_000)
    shares = [np.count_nonzero(drawn[0] == number) / 20_000 for number in range(3)]
    assert shares == pytest.approx([0.5, 0.25, 0.25], abs=0.02)  # five standard errors
    assert np.all(drawn[1] == 2)
