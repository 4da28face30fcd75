"""`inspect` of Core ML packages, most of them as coremltools alone makes them."""

import json
import re
import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("coremltools")

MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"
WEIGHT = np.random.default_rng(0).standard_normal((64, 128)).astype(np.float32)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder of packages of one linear layer: by name, how its 8192 weights are stored."""
    import coremltools.optimize.coreml as smaller
    from coremltools.models.utils import MultiFunctionDescriptor, save_multifunction

    from edgewright.targets.coreml.toolkit import builder, coremltools, quiet

    ct, mb = coremltools(), builder()
    folder = tmp_path_factory.mktemp("packages")

    def convert(last, system, dtype="FLOAT32", **options):
        @mb.program(input_specs=[mb.TensorSpec(shape=(1, 128))], opset_version=system)
        def program(x):
            return last(x=mb.linear(x=x, weight=WEIGHT), name="y")

        return ct.convert(
            program,
            convert_to="mlprogram",
            minimum_deployment_target=system,
            compute_precision=getattr(ct.precision, dtype),
            skip_model_load=True,
            **options,
        )

    def table(bits):
        return smaller.OptimizationConfig(smaller.OpPalettizerConfig(nbits=bits, mode="uniform", weight_threshold=100))

    with quiet():
        relu, sigmoid = convert(mb.relu, ct.target.iOS18), convert(mb.sigmoid, ct.target.iOS18)
        relu.short_description, relu.author = "One linear\nlayer", "[bold] somebody"
        integers = smaller.OptimizationConfig(smaller.OpLinearQuantizerConfig(weight_threshold=100))
        blocks = smaller.OptimizationConfig(
            smaller.OpLinearQuantizerConfig(dtype="int4", granularity="per_block", block_size=32, weight_threshold=100)
        )
        fewer = smaller.OptimizationConfig(smaller.OpMagnitudePrunerConfig(target_sparsity=0.75, weight_threshold=100))
        pruned = smaller.prune_weights(relu, fewer)
        made = {
            "relu": relu,
            "sigmoid": sigmoid,
            "half": convert(mb.relu, ct.target.iOS15, "FLOAT16"),
            "int8": smaller.linear_quantize_weights(relu, integers),
            "int4": smaller.linear_quantize_weights(relu, blocks),
            "table of 3 bits": smaller.palettize_weights(relu, table(3)),
            "table of iOS 16": smaller.palettize_weights(convert(mb.relu, ct.target.iOS16), table(6)),
            "sparse": pruned,
            "sparse int8": smaller.linear_quantize_weights(pruned, integers, joint_compression=True),
            "sparse table": smaller.palettize_weights(pruned, table(4), joint_compression=True),
        }
        for name, model in made.items():
            model.save(str(folder / f"{name}.mlpackage"))
        both = MultiFunctionDescriptor()
        for name in ("relu", "sigmoid"):
            both.add_function(str(folder / f"{name}.mlpackage"), "main", name)
        both.default_function_name = "sigmoid"
        save_multifunction(both, str(folder / "both.mlpackage"))
    return folder


@pytest.fixture
def look(edgewright, packages):
    """Inspect a package by its name, with --json."""
    return lambda name: edgewright("inspect", str(packages / f"{name}.mlpackage"), "--json").document


@pytest.fixture
def harmed(tmp_path, packages):
    """A copy of a package that may be harmed."""
    return shutil.copytree(packages / "relu.mlpackage", tmp_path / "harmed.mlpackage")


def storage(document):
    return {each["storage"]: (each["elements"], each["size_bytes"]) for each in document["storage"]}


def test_the_text_says_how_it_is_called_and_what_is_in_it(edgewright, packages, monkeypatch):
    monkeypatch.chdir(packages)
    said = edgewright("inspect", "relu.mlpackage", "-v")
    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    assert lines[0] == "relu.mlpackage  ML Program"
    assert "  specification  9, for iOS 18, macOS 15 and later" in lines
    assert "main  CoreML8, the default, weights of 33.0 kB" in lines
    assert "  in    x  float32[1, 128]" in lines
    assert "  out   y  float32[1, 64]" in lines
    assert "     1 linear     1 relu" in lines
    assert "  dense float32       2    8.26 k  33.0 kB      32.00" in lines
    assert re.search(r"^  \S+ +float32\[64, 128\] +dense float32 +32\.8 kB$", said.stdout, re.MULTILINE)
    assert re.search(r"^  author +\[bold\] somebody$", said.stdout, re.MULTILINE)
    assert re.search(r"^  shortDescription +One linear layer$", said.stdout, re.MULTILINE)


def test_no_line_is_wider_than_the_terminal(edgewright, packages, monkeypatch):
    monkeypatch.chdir(packages)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("relu", "sparse int8", "both"):
        assert max(map(len, edgewright("inspect", f"{name}.mlpackage", "-v").stdout.splitlines())) <= 80


def test_the_manifest_stands_for_its_package(edgewright, packages):
    whole, manifest = (
        edgewright("inspect", str(packages / name), "--json").document
        for name in ("relu.mlpackage", "relu.mlpackage/Manifest.json")
    )
    assert whole | {"source": ""} == manifest | {"source": ""}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("relu", {"dense float32": (8256, 33024)}),
        ("half", {"dense float16": (8256, 16512)}),
        # a scale of float32 for each of 64 rows
        ("int8", {"linear int8": (8192, 8192 + 64 * 4), "dense float32": (64, 256)}),
        # and for each of 64 · 4 blocks
        ("int4", {"linear int4": (8192, 4096 + 256 * 4), "dense float32": (64, 256)}),
        ("table of 3 bits", {"palette of 3 bits": (8192, 3072 + 8 * 4), "dense float32": (64, 256)}),
        ("table of iOS 16", {"palette of 6 bits": (8192, 6144 + 64 * 4), "dense float32": (64, 256)}),
        # a mask of a bit an element, and the quarter that is left
        ("sparse", {"sparse float32": (8192, 1024 + 2048 * 4), "dense float32": (64, 256)}),
        ("sparse int8", {"sparse, linear int8": (8192, 1024 + 2048 + 64 * 4), "dense float32": (64, 256)}),
    ],
)
def test_weights_by_how_they_are_stored(look, name, expected):
    found = look(name)
    assert storage(found) == expected
    assert found["weight_bytes"] == sum(size for _, size in expected.values())


def test_a_table_for_what_is_not_zero(look):
    (kind, (elements, size)), *_ = storage(look("sparse table")).items()
    assert (kind, elements) == ("sparse, palette of 4 bits", 8192)
    assert size == 1024 + 2048 // 2 + 16 * 4


def test_functions_are_told_apart_and_what_they_share_is_counted_once(edgewright, packages, look):
    found = look("both")
    assert [(each["name"], each["weight_bytes"]) for each in found["functions"]] == [
        ("sigmoid", 33024),
        ("relu", 33024),
    ]
    assert [each["operations"] for each in found["functions"]] == [
        {"linear": 1, "sigmoid": 1},
        {"linear": 1, "relu": 1},
    ]
    assert (found["default_function"], found["weight_bytes"]) == ("sigmoid", 33024)
    assert {each["functions"][0] for each in found["weights"]} <= {"relu", "sigmoid"}
    assert all(len(each["functions"]) == 2 for each in found["weights"])
    text = edgewright("inspect", str(packages / "both.mlpackage")).stdout
    assert re.search(r"^  shared +2 +8\.26 k +33\.0 kB$", text, re.MULTILINE)


def test_shapes_images_states_and_options_of_inputs(edgewright, harmed):
    """The description alone is rewritten: what is shown of it is what the file says."""
    from coremltools.proto import FeatureTypes_pb2, Model_pb2

    spec = Model_pb2.Model.FromString((harmed / MODEL).read_bytes())
    array = spec.description.input[0].type.multiArrayType
    sizes = array.shapeRange.sizeRanges
    sizes.add(lowerBound=1, upperBound=8)
    sizes.add(lowerBound=128, upperBound=-1)
    spec.description.input[0].type.isOptional = True
    array.floatDefaultValue = 0.5
    picture = spec.description.input.add(name="picture").type.imageType
    picture.height, picture.width, picture.colorSpace = 32, 48, FeatureTypes_pb2.ImageFeatureType.BGR
    picture.enumeratedSizes.sizes.add(height=32, width=48)
    picture.enumeratedSizes.sizes.add(height=64, width=64)
    state = spec.description.state.add(name="kept").type.stateType.arrayType
    state.shape.extend([1, 4])
    state.dataType = FeatureTypes_pb2.ArrayFeatureType.FLOAT16
    (harmed / MODEL).write_bytes(spec.SerializeToString())
    lines = edgewright("inspect", str(harmed)).stdout.splitlines()
    assert "  in    x        float32[1..8, 128..]  optional, 0.5 where it is not given" in lines
    assert "  in    picture  image bgr 32 × 48 or 64 × 64 (height × width)" in lines
    assert "  state kept     float16[1, 4]" in lines


def test_a_package_of_ours_shows_its_hint(edgewright, tmp_path, digits_here):
    from edgewright.compiler.importers.request import Request
    from edgewright.compiler.importers.table import import_model
    from edgewright.targets.base import Options
    from edgewright.targets.coreml.target import CoreML

    model = import_model(Request(reference="digits.onnx", folder=digits_here, dims={"batch": 1})).model
    (out := tmp_path / "out").mkdir()
    CoreML().compile(model, Options(variant="fp32", settings={"compute_units": "cpu_and_ne"}), out)
    said = edgewright("inspect", str(out / "model.mlpackage"))
    assert "  compute units  cpu_and_ne (a hint)" in said.stdout.splitlines()
    assert "edgewright" not in said.stdout.partition("weights  ")[2]


def test_coremltools_is_not_needed(edgewright, packages, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "coremltools"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "coremltools", None)
    assert edgewright("inspect", str(packages / "int4.mlpackage")).exit_code == 0


def refused(edgewright, package):
    said = edgewright("inspect", str(package), "--json")
    assert said.exit_code == 2
    assert said.document["error"]["kind"] == "ModelError"
    return said.document["error"]["message"]


def test_a_weight_file_that_is_cut_off_is_refused(edgewright, harmed):
    data = (harmed / WEIGHTS).read_bytes()
    (harmed / WEIGHTS).write_bytes(data[: len(data) // 2])
    message = refused(edgewright, harmed)
    assert message.endswith("weight.bin: offset 64: its data are bytes 128 to 32896 of a file of 16608")


def test_a_place_outside_of_the_weight_file_is_refused(edgewright, harmed):
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model.FromString((harmed / MODEL).read_bytes())
    block = spec.mlProgram.functions["main"].block_specializations["CoreML8"]
    for operation in block.operations:
        if operation.attributes["val"].WhichOneof("value") == "blobFileValue":
            operation.attributes["val"].blobFileValue.offset = 2**40
    (harmed / MODEL).write_bytes(spec.SerializeToString())
    assert "offset 1099511627776: outside of the file" in refused(edgewright, harmed)


def test_a_model_of_another_kind_is_named(edgewright, harmed):
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model(specificationVersion=4)
    spec.neuralNetworkClassifier.SetInParent()
    (harmed / MODEL).write_bytes(spec.SerializeToString())
    assert "a model of kind neuralNetworkClassifier, expected an ML Program" in refused(edgewright, harmed)


def test_a_package_that_is_not_there_is_a_wrong_request(edgewright):
    assert "model.mlpackage: no such package" in refused(edgewright, "model.mlpackage")


def test_a_manifest_that_is_no_json_is_refused(edgewright, harmed):
    (harmed / "Manifest.json").write_text(json.dumps({})[:1])
    assert "the manifest is no JSON" in refused(edgewright, harmed)


def test_what_one_asks_of_a_model_is_refused_of_a_package(edgewright, packages):
    said = edgewright("inspect", str(packages / "relu.mlpackage"), "-t", "tflite", "--forecast")
    assert said.exit_code == 2
    assert "--target, --forecast" in said.stderr
