"""Packages that run: what they take and give, flexible shapes, images, states, classes, functions, inner values."""

import gc
import warnings

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.session import Session

X = np.array([[1.0, -2.0, 3.0]], np.float32)


@pytest.fixture
def ct(mb):
    from edgewright.targets.coreml.toolkit import coremltools

    return coremltools()


@pytest.fixture
def relu(mlpackage, mb):
    return Session(mlpackage(lambda x: mb.relu(x=x, name="y"), (1, 3)))


def test_inputs_and_outputs_go_by_name(relu):
    assert relu.run({"x": X})["y"].tolist() == [[1, 0, 3]]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "input 'x' is missing"),
        ({"x": X, "z": X}, r"the model takes \['x'\], got \['x', 'z'\]"),
        ({"x": X.astype(np.float64)}, r"input 'x' is float32\[1, 3\], got float64\[1, 3\]"),
        ({"x": X[0]}, r"input 'x' is float32\[1, 3\], got float32\[3\]"),
        ({"x": np.zeros((1, 4), np.float32)}, r"input 'x' is float32\[1, 3\], got float32\[1, 4\]"),
    ],
)
def test_other_inputs_are_refused(relu, inputs, said):
    with pytest.raises(ValueError, match=said):
        relu.run(inputs)


def test_what_is_given_back_belongs_to_the_caller(mlpackage, mb):
    weight = np.ones((1, 3), np.float32)

    def function(x):
        return mb.identity(x=x, name="same"), mb.identity(x=mb.const(val=weight), name="kept")

    session, taken = Session(mlpackage(function, (1, 3))), X.copy()
    for _ in range(2):
        outputs = session.run({"x": taken})
        assert np.array_equal(outputs["kept"], weight)
        for array in outputs.values():
            array += 100
    assert np.array_equal(taken, X)


def test_values_from_the_inside_go_by_name(mlpackage, mb):
    def function(x):
        half = mb.mul(x=x, y=np.float32(0.5), name="half")
        return mb.relu(x=mb.square(x=half, name="square"), name="y")

    session = Session(mlpackage(function, (1, 3)))
    inner = session.run_keeping({"x": X}, ["square", "half", "x", "y"])
    assert inner["square"].tolist() == [[0.25, 1.0, 2.25]]
    assert inner["half"].tolist() == [[0.5, -1.0, 1.5]]
    assert [*inner] == ["square", "half", "x", "y"]
    with pytest.raises(ValueError, match="no value 'other' was computed"):
        session.run_keeping({"x": X}, ["other"])


def test_values_are_given_up_after_their_last_use(mlpackage, mb):
    import tracemalloc

    def function(x):
        for index in range(40):
            x = mb.add(x=x, y=np.float32(1), name=f"sum{index}")
        return x

    session = Session(mlpackage(function, (256, 1024)))  # 1 MiB
    feeds = {"x": np.zeros((256, 1024), np.float32)}
    tracemalloc.start()
    assert session.run(feeds)["sum39"][0, 0] == 40
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert largest < 6 * 2**20


def test_half_precision_is_rounded_after_each_operation(mlpackage, mb, ct):
    """In float16 2048 + 1 is 2048, so adding 1 twice changes nothing; the sum of a row is rounded once."""

    def function(x):
        x = mb.cast(x=x, dtype="fp16")
        twice = mb.add(x=mb.add(x=x, y=np.float16(1)), y=np.float16(1))
        total = mb.reduce_sum(x=x, axes=[1])
        return mb.cast(x=twice, dtype="fp32", name="twice"), mb.cast(x=total, dtype="fp32", name="total")

    session = Session(mlpackage(function, (1, 5)))
    outputs = session.run({"x": np.array([[2048, 1, 1, 1, 1]], np.float32)})
    assert outputs["twice"].tolist() == [[2048, 3, 3, 3, 3]]
    assert outputs["total"].tolist() == [2052]


def test_enumerated_shapes(mlpackage, mb, ct):
    from coremltools.converters.mil.mil import get_new_symbol

    shape = ct.EnumeratedShapes([(1, 3), (2, 5)])
    package = mlpackage(
        lambda x: mb.relu(x=x, name="y"),
        mb.TensorSpec(shape=(get_new_symbol(), get_new_symbol())),
        inputs=[ct.TensorType(name="x", shape=shape)],
    )
    session = Session(package)
    assert session.program.descriptions["main"].inputs[0].shapes == ((1, 3), (2, 5))
    assert session.run({"x": np.ones((2, 5), np.float32)})["y"].shape == (2, 5)
    with pytest.raises(ValueError, match=r"input 'x' is float32 of one of \[1, 3\], \[2, 5\], got float32\[2, 3\]"):
        session.run({"x": np.ones((2, 3), np.float32)})


def test_ranges_of_sizes(mlpackage, mb, ct):
    from coremltools.converters.mil.mil import get_new_symbol

    package = mlpackage(
        lambda x: mb.relu(x=x, name="y"),
        mb.TensorSpec(shape=(get_new_symbol(), 3)),
        inputs=[ct.TensorType(name="x", shape=(ct.RangeDim(1, 4, default=2), 3))],
    )
    session = Session(package)
    assert session.run({"x": np.ones((4, 3), np.float32)})["y"].shape == (4, 3)
    with pytest.raises(ValueError, match=r"input 'x' is float32\[1\.\.4, 3\], got float32\[5, 3\]"):
        session.run({"x": np.ones((5, 3), np.float32)})


@pytest.mark.parametrize(("layout", "order"), [("RGB", [0, 1, 2]), ("BGR", [2, 1, 0])])
def test_an_image_is_laid_out_in_the_order_of_the_model(mlpackage, mb, ct, layout, order):
    package = mlpackage(
        lambda x: mb.identity(x=x, name="y"),
        (1, 3, 2, 4),
        inputs=[ct.ImageType(name="x", shape=(1, 3, 2, 4), color_layout=getattr(ct.colorlayout, layout))],
        passes="DEFAULT",
    )
    session = Session(package)
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    expected = pixels.transpose(2, 0, 1)[order][np.newaxis].astype(np.float32)
    assert np.array_equal(session.run({"x": pixels})["y"], expected)
    assert np.array_equal(session.run({"x": expected})["y"], expected)
    with pytest.raises(ValueError, match=r"image uint8\[H, W, 3\] with \[H, W\] = \[2, 4\], got \[4, 2, 3\]"):
        session.run({"x": pixels.reshape(4, 2, 3)})


def test_shades_of_grey_with_scale_and_bias(mlpackage, mb, ct):
    package = mlpackage(
        lambda x: mb.identity(x=x, name="y"),
        (1, 1, 1, 2),
        inputs=[
            ct.ImageType(name="x", shape=(1, 1, 1, 2), color_layout=ct.colorlayout.GRAYSCALE, scale=1 / 255, bias=-0.5)
        ],
        passes="DEFAULT",
    )
    got = Session(package).run({"x": np.array([[0, 255]], np.uint8)})["y"]
    assert got.ravel() == pytest.approx([-0.5, 0.5])


def test_a_state_outlives_a_call(mlpackage, mb):
    def function(x, seen):
        total = mb.add(x=mb.read_state(input=seen), y=x)
        return mb.identity(x=mb.coreml_update_state(state=seen, value=total), name="y")

    from coremltools.converters.mil.mil import types

    package = mlpackage(
        function,
        mb.TensorSpec(shape=(1, 3), dtype=types.fp16),
        mb.StateTensorSpec(shape=(1, 3), dtype=types.fp16),
        target="iOS18",
    )
    session, taken = Session(package), X.astype(np.float16)
    assert [*session.state] == ["seen"]
    assert session.state["seen"].tolist() == [[0, 0, 0]]
    assert session.run({"x": taken})["y"].tolist() == [[1, -2, 3]]
    assert session.run({"x": taken})["y"].tolist() == [[2, -4, 6]]
    session.state["seen"] = np.full((1, 3), 10, np.float16)
    assert session.run({"x": taken})["y"].tolist() == [[11, 8, 13]]
    assert session.state["seen"].tolist() == [[11, 8, 13]]
    with pytest.raises(ValueError, match=r"state 'seen' is float16\[1, 3\], got float32\[1, 3\]"):
        session.state["seen"] = X
    assert Session(package).run({"x": taken})["y"].tolist() == [[1, -2, 3]]


@pytest.mark.parametrize("labels", [["cat", "dog", "bird"], [7, 8, 9]])
def test_a_classifier_gives_its_label_and_probabilities(mlpackage, mb, ct, labels):
    package = mlpackage(
        lambda x: mb.softmax(x=x, name="y"),
        (1, 3),
        classifier_config=ct.ClassifierConfig(class_labels=labels),
        passes="DEFAULT",
    )
    outputs = Session(package).run({"x": X})
    probabilities = outputs.pop("classLabel_probs")
    assert outputs == {"classLabel": labels[2]}
    assert [*probabilities] == labels
    assert sum(probabilities.values()) == pytest.approx(1)


def test_one_function_of_several(mlpackage, mb, ct, tmp_path):
    weight = np.arange(2000, dtype=np.float32)
    parts = {
        "double": mlpackage(
            lambda x: mb.add(x=mb.mul(x=x, y=np.float32(2)), y=mb.const(val=weight), name="y"),
            (2000,),
            name="double",
            target="iOS18",
        ),
        "triple": mlpackage(
            lambda x: mb.add(x=mb.mul(x=x, y=np.float32(3)), y=mb.const(val=weight), name="y"),
            (2000,),
            name="triple",
            target="iOS18",
        ),
    }
    several = ct.utils.MultiFunctionDescriptor()
    for name, path in parts.items():
        several.add_function(str(path), "main", name)
    several.default_function_name = "triple"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # coremltools leaves its temporary folders to the collector
        ct.utils.save_multifunction(several, str(tmp_path / "both.mlpackage"))
        gc.collect()
    package, ones = tmp_path / "both.mlpackage", np.ones(2000, np.float32)
    assert np.array_equal(Session(package).run({"x": ones})["y"], weight + 3)
    assert np.array_equal(Session(package, "double").run({"x": ones})["y"], weight + 2)
    with pytest.raises(ValueError, match=r"it has no function 'half'; it has \['double', 'triple'\]"):
        Session(package, "half")
