"""Operations in packages: their arguments as coremltools writes them, with the defaults that its builder knows.

What an operation computes is judged elsewhere, by calling it; here a package has to give the same as such a call.
"""

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.session import Session

OPSETS = {"iOS15": "CoreML5", "iOS16": "CoreML6", "iOS17": "CoreML7", "iOS18": "CoreML8"}


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


IMAGE, MATRIX, SEQUENCE = (1, 4, 6, 5), (2, 5), (3, 2, 4)
WEIGHT = drawn(4, 4, 3, 3, seed=1)
RESAMPLED = {
    "coordinates": drawn(1, 3, 2, 2), "sampling_mode": "bilinear", "padding_mode": "border",
    "padding_value": np.float32(0), "coordinates_mode": "normalized_minus_one_to_one", "align_corners": True,
}  # fmt: skip
AFFINE = {
    "transform_matrix": drawn(1, 6), "output_height": 3, "output_width": 4, "sampling_mode": "bilinear",
    "padding_mode": "constant", "padding_value": np.float32(0), "coordinates_mode": "normalized_minus_one_to_one",
    "align_corners": True,
}  # fmt: skip
LSTM = {
    "initial_h": drawn(2, 3), "initial_c": drawn(2, 3, seed=1), "weight_ih": drawn(12, 4, seed=2),
    "weight_hh": drawn(12, 3, seed=3), "bias": drawn(12, seed=4), "peephole": drawn(9, seed=5), "clip": np.float32(0.4),
}  # fmt: skip
GRU = {"initial_h": drawn(2, 3), "weight_ih": drawn(9, 4, seed=2), "weight_hh": drawn(9, 3, seed=3)}
NORM = {"mean": drawn(4, seed=1), "variance": np.abs(drawn(4, seed=2))}
SLICE = {"begin": [0, 4], "end": [1, 0], "stride": [1, -2], "begin_mask": [True, False], "squeeze_mask": [True, False]}

CASES = [
    ("iOS15", "conv", IMAGE, {"weight": WEIGHT}),
    ("iOS15", "conv", IMAGE, {"weight": WEIGHT, "pad_type": "same", "strides": [2, 1], "bias": drawn(4)}),
    ("iOS16", "conv", IMAGE, {"weight": WEIGHT[:, :1], "pad_type": "same_lower", "groups": 4, "dilations": [2, 1]}),
    ("iOS15", "conv_transpose", IMAGE, {"weight": WEIGHT, "pad_type": "custom", "pad": [1, 1, 0, 2]}),
    ("iOS15", "conv_transpose", IMAGE, {"weight": WEIGHT, "pad_type": "same", "strides": [2, 3]}),
    ("iOS15", "avg_pool", IMAGE, {"kernel_sizes": [2, 3], "pad_type": "same"}),
    ("iOS15", "max_pool", IMAGE, {"kernel_sizes": [3, 3], "strides": [2, 2], "pad_type": "valid", "ceil_mode": True}),
    ("iOS15", "l2_pool", IMAGE, {"kernel_sizes": [2, 2], "pad_type": "valid"}),
    ("iOS15", "linear", MATRIX, {"weight": drawn(3, 5)}),
    ("iOS15", "matmul", MATRIX, {"y": drawn(3, 5), "transpose_y": True}),
    ("iOS15", "batch_norm", IMAGE, NORM),
    ("iOS15", "instance_norm", IMAGE, {"gamma": drawn(4)}),
    ("iOS15", "layer_norm", MATRIX, {"axes": [1]}),
    ("iOS15", "layer_norm", IMAGE, {"axes": [-1, -2], "gamma": drawn(6, 5)}),
    ("iOS15", "l2_norm", IMAGE, {}),
    ("iOS15", "local_response_norm", IMAGE, {"size": 3}),
    ("iOS15", "lstm", SEQUENCE, LSTM),
    ("iOS15", "gru", SEQUENCE, GRU | {"direction": "reverse", "output_sequence": True}),
    ("iOS18", "gru", SEQUENCE, GRU | {"bias": drawn(9), "input_bias": drawn(9, seed=1)}),
    ("iOS15", "rnn", SEQUENCE, {"initial_h": drawn(2, 3), "weight_ih": drawn(3, 4), "weight_hh": drawn(3, 3)}),
    ("iOS15", "upsample_nearest_neighbor", IMAGE, {"scale_factor_width": 2}),
    ("iOS15", "upsample_bilinear", IMAGE, {"scale_factor_height": 1.5}),
    ("iOS16", "upsample_bilinear", IMAGE, {"scale_factor_height": 3, "align_corners": False}),
    ("iOS15", "resize_nearest_neighbor", IMAGE, {"target_size_height": 4, "target_size_width": 9}),
    ("iOS15", "resize_bilinear", IMAGE, {"target_size_height": 4, "target_size_width": 9}),
    ("iOS17", "resize", IMAGE, {"shape": np.array([9, 0], np.int32), "resized_dims": np.uint32(2)}),
    ("iOS15", "crop", IMAGE, {"crop_height": [1, 2], "crop_width": [0, 1]}),
    ("iOS15", "crop_resize", IMAGE, {"roi": np.float32([1, 1, 2, 3]).reshape(1, 1, 4, 1, 1), "target_width": 3}),
    ("iOS17", "crop_resize", IMAGE, {"boxes": np.float32([[1, 1, 2, 3]]), "target_height": 2}),
    ("iOS15", "resample", IMAGE, RESAMPLED),
    ("iOS15", "affine", IMAGE, AFFINE),
    ("iOS15", "gather", MATRIX, {"indices": np.array([[0, -1]], np.int32), "axis": 1}),
    ("iOS17", "gather", MATRIX, {"indices": np.array([[0, 1], [2, 2]], np.int32), "axis": 1, "batch_dims": 1}),
    ("iOS16", "gather_along_axis", MATRIX, {"indices": np.ones((3, 5), np.int32)}),
    ("iOS17", "gather_nd", MATRIX, {"indices": np.array([[1, 2]], np.int32)}),
    ("iOS15", "slice_by_index", MATRIX, SLICE),
    ("iOS15", "slice_by_size", MATRIX, {"begin": [0, 1], "size": [-1, 3]}),
    ("iOS15", "topk", MATRIX, {"k": 2}),
    ("iOS17", "topk", MATRIX, {"k": 3, "axis": 1, "output_indices_dtype": "uint16"}),
    ("iOS16", "topk", MATRIX, {"return_indices": False, "ascending": True}),
    ("iOS15", "argsort", MATRIX, {}),
    ("iOS15", "non_zero", MATRIX, {}),
    ("iOS18", "slice_update", MATRIX, {"update": np.zeros((1, 2), np.float32), "begin": [1, 1], "end": [2, 3]}),
]


@pytest.mark.parametrize("system", OPSETS)
def test_a_package_computes_what_calls_do(mlpackage, mb, mil, system):
    """One package a system, with all its cases."""
    cases = [case[1:] for case in CASES if case[0] == system]
    feeds = {"image": drawn(*IMAGE), "matrix": drawn(*MATRIX), "sequence": drawn(*SEQUENCE)}

    def function(image, matrix, sequence):
        of_shape = {IMAGE: image, MATRIX: matrix, SEQUENCE: sequence}
        made = (getattr(mb, kind)(x=of_shape[shape], **values) for kind, shape, values in cases)
        return [part for result in made for part in (result if isinstance(result, tuple | list) else [result])]

    session = Session(mlpackage(function, IMAGE, MATRIX, SEQUENCE, target=system))
    outputs = session.run(feeds)
    got = [outputs[feature.name] for feature in session.description.outputs]
    for kind, shape, values in cases:
        expected = mil(kind, opset=OPSETS[system], x=drawn(*shape), **values)
        for array in expected if isinstance(expected, tuple) else (expected,):
            np.testing.assert_array_equal(first := got.pop(0), array, err_msg=f"{kind} {values}")
            assert first.shape == array.shape, kind
    assert not got


@pytest.mark.parametrize("kind", ["scatter", "scatter_along_axis"])
@pytest.mark.parametrize("system", ["iOS15", "iOS17"])
def test_the_builder_writes_the_mode_of_a_scatter(mlpackage, mb, mil, kind, system):
    """Its own default of `scatter` is `add`, whatever the documentation says."""
    where = {"indices": np.array([1, 0], np.int32), "updates": drawn(2, seed=1)}
    session = Session(mlpackage(lambda x: getattr(mb, kind)(data=x, **where, name="y"), (4,), target=system))
    expected = mil(kind, opset=OPSETS[system], data=drawn(4), mode="add", **where)
    np.testing.assert_array_equal(session.run({"x": drawn(4)})["y"], expected)


def test_a_scatter_by_coordinates(mlpackage, mb):
    where = {"indices": np.array([[1, 0]], np.int32), "updates": np.float32([5]), "mode": "update"}
    session = Session(mlpackage(lambda x: mb.scatter_nd(data=x, **where, name="y"), (2, 2)))
    assert session.run({"x": np.zeros((2, 2), np.float32)})["y"].tolist() == [[0, 0], [5, 0]]


def test_choices_and_one_hot_vectors(mlpackage, mb):
    def function(x):
        chosen = mb.select(cond=mb.greater(x=x, y=np.float32(0)), a=x, b=np.float32(-1), name="chosen")
        indices = mb.cast(x=chosen, dtype="int32")
        return chosen, mb.one_hot(indices=mb.add(x=indices, y=1), one_hot_vector_size=4, name="hot")

    outputs = Session(mlpackage(function, (3,))).run({"x": np.float32([-3, 1, 2])})
    assert outputs["chosen"].tolist() == [-1, 1, 2]
    assert outputs["hot"].tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_integers_that_stand_for_reals(mlpackage, mb):
    def function(x):
        q = mb.quantize(input=x, scale=np.float32([0.5, 1]), zero_point=np.int8([1, -1]), axis=1, output_dtype="int8")
        return mb.dequantize(input=q, scale=np.float32([0.5, 1]), zero_point=np.int8([1, -1]), axis=1, name="y")

    session = Session(mlpackage(function, (2, 2), target="iOS17"))
    assert session.run({"x": np.float32([[0.6, 0.6], [900, -900]])})["y"].tolist() == [[0.5, 1], [63, -127]]


@pytest.mark.parametrize("system", ["iOS15", "iOS17"])
def test_boxes_that_overlap(mlpackage, mb, mil, system):
    boxes, scores = drawn(1, 6, 4), drawn(1, 6, 2, seed=1)
    boxes[..., 2:] = 2 + np.abs(boxes[..., 2:])
    given = {"iou_threshold": np.float32(0.4), "max_boxes": 4}
    if system == "iOS15":
        given["score_threshold"] = np.float32(0.1)
    else:
        boxes, scores = boxes.swapaxes(1, 2), scores.swapaxes(1, 2)
    package = mlpackage(
        lambda x: mb.non_maximum_suppression(boxes=x, scores=scores, **given), boxes.shape, target=system
    )
    session = Session(package)
    expected = mil("non_maximum_suppression", opset=OPSETS[system], boxes=boxes, scores=scores, **given)
    names = [feature.name for feature in session.description.outputs]
    assert len(names) == len(expected) == (4 if system == "iOS15" else 3)
    for name, array in zip(names, expected, strict=True):
        np.testing.assert_array_equal(session.run({"x": boxes})[name], array)


def test_einsum_and_attention(mlpackage, mb, mil):
    x, y = drawn(1, 3, 4, 5), drawn(1, 5, 4, 6, seed=1)
    mask = np.ones((4, 4), np.bool_)
    mask[1, 2:] = False

    def function(x):
        product = mb.einsum(values=(x, y), equation="nchw,nwhu->nchu", name="product")
        return product, mb.scaled_dot_product_attention(query=x, key=x, value=x, attn_mask=mask, name="attention")

    outputs = Session(mlpackage(function, x.shape, target="iOS18")).run({"x": x})
    np.testing.assert_array_equal(outputs["product"], mil("einsum", values=(x, y), equation="nchw,nwhu->nchu"))
    expected = mil("scaled_dot_product_attention", query=x, key=x, value=x, attn_mask=mask)
    np.testing.assert_array_equal(outputs["attention"], expected)


@pytest.mark.parametrize("kind", ["random_normal", "random_uniform", "random_bernoulli"])
def test_numbers_that_are_drawn(mlpackage, mb, mil, kind):
    def function(x):
        return mb.add(x=x, y=getattr(mb, kind)(shape=np.array([4], np.int32), seed=3), name="y")

    drawn_here = mil(kind, shape=np.array([4]), seed=3)
    np.testing.assert_array_equal(
        Session(mlpackage(function, (4,))).run({"x": np.zeros(4, np.float32)})["y"], drawn_here
    )
