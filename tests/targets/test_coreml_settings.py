"""What a project may ask of packages: shapes, pictures, labels, states, precision, and what they say of themselves."""

import json

import numpy as np
import pytest

from edgewright.bundle.interface import Interface
from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.coreml.interpreter.reader import read_package
from edgewright.targets.coreml.runtime import CoreML as CoreMLRuntime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import ConfigError, ModelError, RefusedError, RequestError


class Built:
    """A package, what is known of it, and how it is run by the names of the source."""

    def __init__(self, model, folder, settings, **options):
        folder.mkdir()
        asked = Options(variant=model.precision, settings=settings, **options)
        self.artifact = CoreML().compile(model, asked, folder)
        self.path = folder / self.artifact.files[0].path
        self.program = read_package(self.path)
        self.description = self.program.descriptions["main"]
        self.interface = Interface(original=model.signature, artifact=self.artifact.signature)
        self.session = CoreMLRuntime().load(self.path, RunOptions())

    def run(self, **inputs):
        return self.interface.run(self.session, inputs)


@pytest.fixture
def build(tmp_path):
    def build_(model, settings=None, **options):
        return Built(model, tmp_path / f"out{len(list(tmp_path.iterdir()))}", settings or {}, **options)

    return build_


@pytest.fixture
def described():
    """Say more of a model's inputs and outputs than its graph does."""
    import msgspec

    def say(model, inputs=None, outputs=None):
        from dataclasses import replace

        def told(specs, said):
            return tuple(msgspec.structs.replace(spec, **(said or {}).get(spec.name, {})) for spec in specs)

        signature = msgspec.structs.replace(
            model.signature,
            inputs=told(model.signature.inputs, inputs),
            outputs=told(model.signature.outputs, outputs),
        )
        return replace(model, signature=signature)

    return say


RELU = '(float["batch",4] x) => (float["batch",4] y) { y = Relu(x) }'


def test_the_oldest_system_is_taken_and_a_later_one_on_request(build, hub_of_text):
    model = hub_of_text(RELU)
    assert build(model).artifact.requires.min_runtime_version == "5"
    later = build(model, {"deployment_target": "iOS17"})
    assert later.artifact.requires.min_runtime_version == "7"
    assert later.program.specification == 8


def test_a_package_says_who_made_it(build, hub_of_text):
    said = {"author": "A. Nother", "licence": "MIT", "version": "1.2", "description": "rectifies"}
    metadata = build(hub_of_text(RELU), said).program.metadata
    assert (metadata["author"], metadata["license"]) == ("A. Nother", "MIT")
    assert (metadata["versionString"], metadata["shortDescription"]) == ("1.2", "rectifies")


def test_a_package_says_nothing_of_when_and_where_it_was_made(build, hub_of_text):
    built = build(hub_of_text(RELU), {"compute_units": "cpu_and_ne"})
    told = json.loads(built.program.metadata["edgewright"])
    assert told["compute_units"] == "cpu_and_ne"
    assert not any("coremltools" in key for key in built.program.metadata)
    whole = b"".join(path.read_bytes() for path in built.path.parent.rglob("*") if path.is_file())
    assert b"/tmp" not in whole


# shapes


def test_open_dimensions_are_one_where_they_lead(build, hub_of_text):
    built = build(hub_of_text(RELU))
    assert built.artifact.signature.inputs[0].shape == (1, 4)
    assert built.description.inputs[0].shape == (1, 4)


def test_a_dimension_may_be_flexible_between_bounds(build, hub_of_text):
    built = build(hub_of_text(RELU), {"flexible": {"batch": "1..8"}})
    assert built.artifact.signature.inputs[0].shape == ("batch", 4)
    assert built.description.inputs[0].ranges == ((1, 8), (4, 4))
    x = np.arange(-6, 6, dtype=np.float32).reshape(3, 4)
    np.testing.assert_array_equal(built.run(x=x)["y"], np.maximum(x, 0))
    with pytest.raises(ValueError, match=r"1\.\.8"):
        built.run(x=np.zeros((9, 4), np.float32))


def test_an_input_may_have_several_shapes(build, hub_of_text):
    model = hub_of_text('(float["n",3,"h","w"] x) => (float["n",3,"h","w"] y) { y = Relu(x) }')
    built = build(model, {"shapes": {"x": [[1, 3, 4, 4], [1, 3, 6, 8]]}})
    assert built.artifact.signature.inputs[0].shape == (1, 3, "h", "w")
    assert built.description.inputs[0].shapes == ((1, 3, 4, 4), (1, 3, 6, 8))
    x = np.full((1, 3, 6, 8), -1, np.float32)
    assert not built.session.run({"x": x})["y"].any()
    with pytest.raises(ValueError, match="one of"):
        built.session.run({"x": x[..., :6]})


def test_several_inputs_of_several_shapes_need_a_later_system(build, hub_of_text):
    model = hub_of_text('(float[1,"n"] x, float[1,"n"] y) => (float[1,"n"] z) { z = Add(x, y) }')
    shapes = [[1, 2], [1, 4]]
    built = build(model, {"shapes": {"x": shapes, "y": shapes}})
    assert built.artifact.requires.min_runtime_version == "8"
    four = np.ones((1, 4), np.float32)
    np.testing.assert_array_equal(built.session.run({"x": four, "y": four})["z"], 2 * four)


def test_an_open_dimension_that_nobody_bounds_is_refused_with_what_to_say(build, hub_of_text):
    model = hub_of_text('(float[1,"length"] x) => (float[1,"length"] y) { y = Relu(x) }')
    with pytest.raises(ModelError, match="'length' is not fixed") as caught:
        build(model)
    assert "flexible" in caught.value.hint


def test_a_dimension_has_one_rule(build, hub_of_text):
    with pytest.raises(ModelError, match="two rules"):
        build(hub_of_text(RELU), {"flexible": {"batch": "1..8"}}, dims={"batch": 2})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"shapes": {"z": [[1, 4], [2, 4]]}}, "names 'z', which is no input"),
        ({"shapes": {"x": [[1, 5], [2, 5]]}}, r"\[1, 5\] is none of its shapes"),
        ({"images": ["x"]}, "not known to be made of pixels"),
        ({"classifier": "y"}, "has no labels"),
        ({"classifier": "z"}, "names 'z', which is no output"),
        ({"states": "state"}, "no output of the model feeds an input"),
        ({"compute": "fp16"}, "does not go with the recipe fp32"),
    ],
)
def test_what_this_model_cannot_be_asked_for_is_refused(build, hub_of_text, settings, said):
    with pytest.raises(RequestError, match=said):
        build(hub_of_text(RELU), settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"deployment_target": "iOS14"}, "expected one of iOS15"),
        ({"flexible": {"batch": "8..1"}}, "flexible.batch: expected bounds"),
        ({"shapes": {"x": [[1, 4]]}}, "shapes.x: expected at least two"),
        ({"compute_units": "tpu"}, "targets.coreml.settings.compute_units"),
        ({"autor": "me"}, "unknown key targets.coreml.settings.autor"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_key(build, hub_of_text, settings, said):
    with pytest.raises(ConfigError, match=said):
        build(hub_of_text(RELU), settings)


# pictures


@pytest.fixture
def camera(hub_of_text, described):
    """Adds up what it takes; what that is made of is said by `camera(colour, scale, bias)`."""

    def make(colour, scale, bias):
        channels = 1 if colour == "L" else 3
        model = hub_of_text(
            f"(float[1,{channels},2,4] image) => (float[1,{channels}] y) "
            "{ axes = Constant<value_ints=[2,3]>() y = ReduceSum<keepdims=0>(image, axes) }"
        )
        from edgewright.vocabulary.signature import Preprocess

        return described(model, inputs={"image": {"preprocess": Preprocess(scale=scale, bias=bias, colour=colour)}})

    return make


@pytest.mark.parametrize(
    ("colour", "scale", "bias"),
    [
        ("RGB", (1 / 255,), (0.0,)),
        ("RGB", (1 / 127.5,), (-1.0, -0.5, -0.25)),
        ("RGB", (1 / 58.4, 1 / 57.1, 1 / 57.4), (-2.1, -2.0, -1.8)),
        ("BGR", (1 / 58.4, 1 / 57.1, 1 / 57.4), (-2.1, -2.0, -1.8)),
        ("BGR", (1.0,), (-103.9, -116.8, -123.7)),
        ("L", (1 / 255,), (-0.5,)),
    ],
)
def test_a_picture_gives_what_its_preprocessed_numbers_give(build, camera, colour, scale, bias):
    from edgewright.vocabulary.picture import preprocessed

    model = camera(colour, scale, bias)
    built = build(model, {"images": ["image"]})
    feature = built.description.inputs[0]
    assert (feature.kind, feature.shape) == ("image", (2, 4))
    assert feature.colour == {"RGB": "rgb", "BGR": "bgr", "L": "grayscale"}[colour]
    assert built.artifact.signature.inputs[0].dtype == "uint8"
    assert built.artifact.narrowed == {"image": "float32 → uint8"}
    spec = model.signature.inputs[0]
    pixels = np.random.default_rng(0).integers(0, 256, spec.shape, dtype=np.uint8)
    image = preprocessed(pixels, spec)
    # sums of eight numbers of up to 255 in another order
    np.testing.assert_allclose(built.run(image=image)["y"], image.sum(axis=(2, 3)), rtol=1e-5, atol=1e-4)


def test_numbers_that_are_no_pixels_are_refused(build, camera):
    built = build(camera("RGB", (1 / 255,), (0.0,)), {"images": ["image"]})
    with pytest.raises(ValueError, match=r"no picture: a pixel would be 127\.5"):
        built.run(image=np.full((1, 3, 2, 4), 0.5, np.float32))
    with pytest.raises(ValueError, match="no picture: a pixel would be 510"):
        built.run(image=np.full((1, 3, 2, 4), 2.0, np.float32))


# labels


@pytest.fixture
def judge_of_pets(hub_of_text, described):
    model = hub_of_text(
        '(float["batch",3] x) => (float["batch",3] "scores.out", float["batch",3] raw) '
        '{ "scores.out" = Softmax<axis=-1>(x) raw = Neg(x) }'
    )
    return described(model, outputs={"scores.out": {"labels": ("dog", "cat", "ant")}})


def test_a_classifier_knows_its_labels_and_gives_the_scores_in_their_order(build, judge_of_pets):
    built = build(judge_of_pets, {"classifier": "scores.out"})
    kinds = {feature.name: feature.kind for feature in built.description.outputs}
    assert kinds == {"classLabel": "string", "classLabel_probs": "dictionary", "raw": "tensor"}
    assert built.description.predicted == "classLabel"
    assert built.artifact.signature.outputs[0].known_as == "classLabel_probs"
    x = np.float32([[3, 1, 2]])
    outputs = built.run(x=x)
    assert list(outputs) == ["scores.out", "raw"]
    expected = np.exp(x) / np.exp(x).sum()
    np.testing.assert_allclose(outputs["scores.out"], expected, rtol=1e-6)
    assert outputs["scores.out"].dtype == np.float32


def test_two_labels_of_one_name_are_refused(build, judge_of_pets, described):
    twins = described(judge_of_pets, outputs={"scores.out": {"labels": ("dog", "dog", "ant")}})
    with pytest.raises(RequestError, match="two labels"):
        build(twins, {"classifier": "scores.out"})


def test_a_label_too_few_is_refused(build, judge_of_pets, described):
    fewer = described(judge_of_pets, outputs={"scores.out": {"labels": ("dog", "cat")}})
    with pytest.raises(RequestError, match="for 2 labels"):
        build(fewer, {"classifier": "scores.out"})


# states


@pytest.fixture
def counter(hub_of_text, described):
    """Adds its input to what it gave before."""
    model = hub_of_text(
        '(float[2] x, float[2] "sum.in") => (float[2] y, float[2] "sum.out") '
        '{ "sum.out" = Add(x, "sum.in") y = Neg("sum.out") }'
    )
    return described(model, outputs={"sum.out": {"state": "sum.in"}})


@pytest.mark.parametrize("states", ["tensors", "state"])
def test_a_model_with_a_state_is_called_alike_however_the_package_keeps_it(build, counter, states):
    built = build(counter, {"states": states})
    assert [feature.name for feature in built.description.states] == (["sum_in"] if states == "state" else [])
    assert built.artifact.requires.min_runtime_version == ("8" if states == "state" else "5")
    total = np.zeros(2, np.float32)
    for step in range(3):
        outputs = built.run(**{"x": np.float32([1, 2]), "sum.in": total})
        total = outputs["sum.out"]
        np.testing.assert_array_equal(total, [step + 1, 2 * step + 2])
        np.testing.assert_array_equal(outputs["y"], -total)
    assert total.dtype == np.float32


def test_what_a_state_cannot_hold_is_refused(build, counter):
    built = build(counter, {"states": "state"})
    with pytest.raises(ValueError, match="a state holds float16, and 70000 is beyond it"):
        built.run(**{"x": np.float32([1, 2]), "sum.in": np.float32([70000, 0])})


def test_a_state_of_integers_is_refused(build, hub_of_text, described):
    model = hub_of_text("(int64[2] x, int64[2] s) => (int64[2] t) { t = Add(x, s) }")
    with pytest.raises(RefusedError, match="states of floats alone"):
        build(described(model, outputs={"t": {"state": "s"}}), {"states": "state"})


# precision


def test_named_nodes_stay_float32_in_float16(build, hub_of_text):
    model = hub_of_text("(float[4] x) => (float[4] y) { a = Exp(x) b = Mul(a, a) y = Sqrt(b) }")
    halved = apply(model, parse(["float16"], where="recipes.fp16"))
    assert [spec.dtype for spec in build(halved).artifact.signature.inputs] == ["float32"]

    def dtypes(built):
        operations = built.program.functions["main"].block.operations
        return {each.type: each.outputs[0].type.dtype for each in operations if each.type in ("exp", "mul", "sqrt")}

    assert dtypes(build(halved)) == {"exp": "float16", "mul": "float16", "sqrt": "float16"}
    name = next(node.name for node in model.graph if node.op_type == "Mul")
    kept = build(halved, {"float32_nodes": [name]})
    assert dtypes(kept) == {"exp": "float16", "mul": "float32", "sqrt": "float16"}


def test_a_node_that_there_is_not_cannot_stay_float32(build, hub_of_text):
    halved = apply(hub_of_text(RELU), parse(["float16"], where="recipes.fp16"))
    with pytest.raises(RequestError, match="'Relu', which is no node") as caught:
        build(halved, {"float32_nodes": ["Relu"]})
    assert caught.value.hint == "did you mean 'Relu_0'?"
