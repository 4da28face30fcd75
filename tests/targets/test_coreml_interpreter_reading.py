"""Packages that are read, and what is said of packages that cannot be."""

import json
import random
import shutil
import struct
import tracemalloc
import warnings

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.program import Constant, Packed, TensorType
from edgewright.targets.coreml.interpreter.reader import read_package
from edgewright.targets.coreml.interpreter.session import Session

MODEL, WEIGHTS = "Data/com.apple.CoreML/model.mlmodel", "Data/com.apple.CoreML/weights/weight.bin"
WEIGHT = np.arange(24, dtype=np.float32).reshape(6, 4)


@pytest.fixture
def package(mlpackage, mb):
    """`y = relu(x + w)` with a weight that lies in the weight file."""
    return mlpackage(lambda x: mb.relu(x=mb.add(x=x, y=mb.const(val=WEIGHT, name="w")), name="y"), (6, 4))


def changed(package, change):
    """Change the model's message, by coremltools' own classes of it."""
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model()
    spec.ParseFromString((package / MODEL).read_bytes())
    change(spec)
    (package / MODEL).write_bytes(spec.SerializeToString())
    return package


def operation(spec, kind):
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    return next(operation for operation in block.operations if operation.type == kind)


def patched(package, offset, data):
    with (package / WEIGHTS).open("r+b") as file:
        file.seek(offset)
        file.write(data)
    return package


def test_a_program_is_read_as_it_is_written(package):
    program = read_package(package)
    main = program.functions["main"]
    assert (program.specification, program.default_function, main.opset) == (6, "main", "CoreML5")
    assert [operation.type for operation in main.block.operations] == ["const", "add", "relu"]
    assert main.inputs[0].type == TensorType(dtype="float32", shape=(6, 4))
    assert np.array_equal(main.block.operations[0].attributes["val"], WEIGHT)
    (feature,) = program.descriptions["main"].inputs
    assert (feature.name, feature.kind, feature.dtype, feature.shape) == ("x", "tensor", "float32", (6, 4))


def test_the_manifest_stands_for_the_package(package):
    assert np.array_equal(Session(package / "Manifest.json").run({"x": -WEIGHT})["y"], np.zeros((6, 4)))


def test_weights_are_not_copied(package):
    value = read_package(package).functions["main"].block.operations[0].attributes["val"]
    assert (value.flags.owndata, value.flags.writeable) == (False, False)


def test_what_the_author_says_is_read(package):
    def change(spec):
        spec.description.metadata.author = "an author"
        spec.description.metadata.userDefined["answer"] = "42"

    metadata = read_package(changed(package, change)).metadata
    assert (metadata["author"], metadata["answer"]) == ("an author", "42")


def test_a_truncated_model(package):
    data = (package / MODEL).read_bytes()
    (package / MODEL).write_bytes(data[:-7])
    with pytest.raises(ValueError, match=r"model\.mlmodel: no protocol buffer of a Core ML model, or a truncated one"):
        read_package(package)


def test_a_truncated_weight_file(package):
    data = (package / WEIGHTS).read_bytes()
    (package / WEIGHTS).write_bytes(data[:150])
    with pytest.raises(
        ValueError, match=r"const 'w': .*weight\.bin: offset 64: its data are bytes 128 to 224 of a file of 150"
    ):
        read_package(package)


def test_a_weight_file_without_a_whole_header(package):
    (package / WEIGHTS).write_bytes(b"\1\0\0\0")
    with pytest.raises(ValueError, match=r"weight\.bin: 4 bytes, but the header of a weight file takes 64"):
        read_package(package)


def test_no_weight_file(package):
    (package / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"weight\.bin: the weight file cannot be read: No such file"):
        read_package(package)


def test_a_weight_file_of_another_version(package):
    with pytest.raises(ValueError, match=r"weight\.bin: a weight file of version 1, expected version 2"):
        read_package(patched(package, 4, struct.pack("<I", 1)))


@pytest.mark.parametrize("offset", [0, 2**20, 2**63])
def test_an_offset_outside_of_the_file(package, offset):
    def change(spec):
        operation(spec, "const").attributes["val"].blobFileValue.offset = offset

    with pytest.raises(ValueError, match=rf"weight\.bin: offset {offset}: outside of the file, which has 224 bytes"):
        read_package(changed(package, change))


def test_an_offset_that_is_no_record(package):
    def change(spec):
        operation(spec, "const").attributes["val"].blobFileValue.offset = 128

    with pytest.raises(ValueError, match="no record of a blob: it begins with 0x00000000, expected 0xdeadbeef"):
        read_package(changed(package, change))


def test_a_record_of_another_type(package):
    with pytest.raises(ValueError, match="a blob of type int8, expected float32"):
        read_package(patched(package, 64 + 4, struct.pack("<I", 4)))


def test_data_of_another_size_than_the_shape(package):
    with pytest.raises(ValueError, match=r"92 bytes, but float32\[6, 4\] takes 96"):
        read_package(patched(package, 64 + 8, struct.pack("<Q", 92)))


def test_data_outside_of_the_file(package):
    with pytest.raises(ValueError, match=f"its data are bytes {2**40} to {2**40 + 96} of a file of 224"):
        read_package(patched(package, 64 + 16, struct.pack("<Q", 2**40)))


def test_an_operation_that_is_not_known(package):
    def change(spec):
        operation(spec, "relu").type = "relu_with_a_twist"

    with pytest.raises(
        ValueError, match=r"model\.mlpackage: relu_with_a_twist 'y': the interpreter does not know this"
    ):
        Session(changed(package, change))


def test_a_value_that_nothing_defines(package):
    def change(spec):
        operation(spec, "relu").inputs["x"].arguments[0].name = "ghost"

    with pytest.raises(ValueError, match="relu 'y': it takes 'ghost', which nothing defines"):
        Session(changed(package, change))


def test_a_result_of_another_type_than_declared(package):
    def change(spec):
        operation(spec, "relu").outputs[0].type.tensorType.dimensions[0].constant.size = 7

    with pytest.raises(ValueError, match=r"relu 'y': it gives float32\[6, 4\], the file declares float32\[7, 4\]"):
        Session(changed(package, change)).run({"x": WEIGHT})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda spec: setattr(spec, "specificationVersion", 11), "specification version 11, expected 6 to 10"),
        (lambda spec: setattr(spec.mlProgram, "version", 2), "program version 2, expected 1"),
        (
            lambda spec: setattr(spec.mlProgram.functions["main"], "opset", "CoreML12"),
            "'main' is written in 'CoreML12'",
        ),
        (
            lambda spec: setattr(spec.mlProgram.functions["main"], "opset", "CoreML7"),
            "'main' has no block for .* CoreML7",
        ),
        (lambda spec: spec.neuralNetwork.SetInParent(), "a model of kind neuralNetwork, expected an ML Program"),
        (lambda spec: spec.pipeline.SetInParent(), "a model of kind pipeline, expected an ML Program"),
        (lambda spec: spec.ClearField("mlProgram"), "no model of a known kind"),
    ],
)
def test_models_of_other_versions_and_kinds(package, change, said):
    with pytest.raises(ValueError, match=said):
        read_package(changed(package, change))


def manifest(package, **entry):
    data = json.loads((package / "Manifest.json").read_text())
    data["itemInfoEntries"][data["rootModelIdentifier"]].update(entry)
    (package / "Manifest.json").write_text(json.dumps(data))
    return package


@pytest.mark.parametrize(
    "path", ["../../outside.mlmodel", "/etc/hostname", "com.apple.CoreML/../../../outside.mlmodel"]
)
def test_a_manifest_that_leads_out_of_the_package(package, path):
    shutil.copy(package / MODEL, package.parent / "outside.mlmodel")
    with pytest.raises(
        ValueError, match=r"Manifest\.json: the root model's path is '.*', which lies outside of the package"
    ):
        read_package(manifest(package, path=path))


def test_a_link_that_leads_out_of_the_package(package):
    shutil.move(package / MODEL, package.parent / "outside.mlmodel")
    (package / MODEL).symlink_to(package.parent / "outside.mlmodel")
    with pytest.raises(ValueError, match="which lies outside of the package"):
        read_package(package)


def test_a_weight_file_outside_of_the_package(package):
    def change(spec):
        operation(spec, "const").attributes["val"].blobFileValue.fileName = "@model_path/../../../weight.bin"

    shutil.copy(package / WEIGHTS, package.parent / "weight.bin")
    with pytest.raises(
        ValueError, match=r"it names the weight file '@model_path/.*', which lies outside of the package"
    ):
        read_package(changed(package, change))


def test_manifests_that_name_no_model(package, tmp_path):
    with pytest.raises(ValueError, match=r"nothing: no such package"):
        read_package(tmp_path / "nothing")
    with pytest.raises(ValueError, match="a package is a folder"):
        read_package(package / MODEL)
    with pytest.raises(ValueError, match="there is no file"):
        read_package(manifest(package, path="com.apple.CoreML/other.mlmodel"))
    for text, said in [
        ("{", "is no JSON"),
        ("[]", "fileFormatVersion is missing"),
        ('{"fileFormatVersion": "2.0.0"}', "fileFormatVersion is '2.0.0', expected '1.0.0'"),
        ('{"fileFormatVersion": "1.0.0"}', "rootModelIdentifier is missing"),
        ('{"fileFormatVersion": "1.0.0", "rootModelIdentifier": "a"}', "no entry for the root model 'a'"),
    ]:
        (package / "Manifest.json").write_text(text)
        with pytest.raises(ValueError, match=said):
            read_package(package)
    (package / "Manifest.json").unlink()
    with pytest.raises(ValueError, match="the manifest cannot be read"):
        read_package(package)


@pytest.mark.parametrize("name", ["uint1", "uint2", "uint3", "uint4", "uint6", "int4"])
def test_types_that_share_bytes_are_packed_from_the_lowest_bit_up(mlpackage, mb, name):
    from coremltools.converters.mil.mil import types

    bits = int(name[-1])
    low, high = (-8, 8) if name == "int4" else (0, 2**bits)
    values = np.random.default_rng(0).integers(low, high, (3, 7)).astype("i1" if low else "u1")
    typed = values.astype(types.nptype_from_builtin(getattr(types, name)))

    def function(x):
        data = mb.const(val=typed, name="data")
        if name in ("int4", "uint4"):
            dense = mb.constexpr_blockwise_shift_scale(data=data, scale=np.ones((1, 1), np.float32))
        else:
            table = np.arange(2**bits, dtype=np.float32).reshape(1, 1, -1, 1)
            dense = mb.constexpr_lut_to_dense(indices=data, lut=table)
        return mb.add(x=x, y=dense, name="y")

    package = mlpackage(function, (3, 7), target="iOS18")
    main = read_package(package).functions["main"]
    stored = [
        binding.value
        for operation in main.block.operations
        for bindings in operation.inputs.values()
        for binding in bindings
        if isinstance(binding, Constant)
    ] + [operation.attributes.get("val") for operation in main.block.operations]
    (packed,) = (value for value in stored if isinstance(value, Packed))
    assert (packed.dtype, packed.data.size) == (name, -(-21 * bits // 8))
    assert np.array_equal(Session(package).run({"x": np.zeros((3, 7), np.float32)})["y"], values)


def test_flipped_bits_are_errors_or_nothing_at_all(mlpackage, mb):
    """Whatever is damaged, a ValueError comes out, or the model still runs; no other error, and no memory is taken."""
    weight = np.linspace(-1, 1, 200, dtype=np.float32).reshape(10, 20)

    def function(x):
        y = mb.matmul(x=x, y=mb.const(val=weight, name="w"))
        y = mb.reshape(x=y, shape=mb.const(val=np.array([2, -1], np.int32)))
        y = mb.pad(x=y, pad=mb.const(val=np.array([0, 0, 1, 2], np.int32)), mode="constant", constant_val=0.5)
        y = mb.tile(x=mb.transpose(x=y, perm=[1, 0]), reps=[1, 2])
        y = mb.concat(values=[y, mb.fill(shape=mb.const(val=np.array([23, 1], np.int32)), value=1.0)], axis=1)
        return mb.reduce_sum(x=mb.slice_by_size(x=y, begin=[0, 1], size=[-1, 3]), axes=[0], name="y")

    package = mlpackage(function, (2, 10))
    files = [package / MODEL, package / WEIGHTS, package / "Manifest.json"]
    whole = {path: path.read_bytes() for path in files}
    feeds = {"x": np.ones((2, 10), np.float32)}
    expected = Session(package).run(feeds)["y"]
    chance, refused = random.Random(4), 0
    tracemalloc.start()
    for _ in range(500):
        path = chance.choice([*files, package / MODEL, package / MODEL])
        data = bytearray(whole[path])
        for _ in range(chance.choice([1, 1, 2, 8])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.1:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                Session(package).run(feeds)
        except ValueError:
            refused += 1
        path.write_bytes(whole[path])
    largest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 150
    assert largest < 10e6  # the weight has 800 bytes
    assert np.array_equal(Session(package).run(feeds)["y"], expected)
