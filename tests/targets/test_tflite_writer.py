"""What stands in the file: aligned, named, versioned, and the same each time."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as tfl

from edgewright.targets.tflite.buffers import ALIGNMENT

TEXT = """(float[1,3,9,9] "the image") => (float[1,5] scores) {
    a = Conv<pads=[1,1,1,1]>("the image", w, b) r = Relu(a) g = GlobalAveragePool(r)
    f = Flatten(g) scores = Gemm<transB=1>(f, v, c)
}"""


def weights():
    generator = np.random.default_rng(0)
    shapes = {"w": (7, 3, 3, 3), "b": (7,), "v": (5, 7), "c": (5,)}
    return {name: generator.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def built(lite):
    return lite(TEXT.replace('"the image"', "image"), weights())


@pytest.fixture
def model(built):
    return tfl.ModelT.InitFromPackedBuf(built.path.read_bytes(), 0)


def test_every_buffer_is_aligned(built):
    data = built.path.read_bytes()
    model = tfl.Model.GetRootAs(data, 0)
    vectors = [model.Buffers(index) for index in range(model.BuffersLength())]
    offsets = []
    for buffer in vectors:
        if not buffer.DataIsNone():
            field = buffer._tab.Offset(4)  # the field `data` is the table's first
            offsets.append(buffer._tab.Vector(field))
    assert len(offsets) >= 4
    assert {offset % ALIGNMENT for offset in offsets} == {0}


def test_the_first_buffer_is_empty(model):
    assert model.buffers[0].data is None


def test_equal_constants_are_stored_once(lite):
    table = np.arange(64, dtype=np.float32).reshape(8, 8)
    built = lite(
        "(float[2,8] x) => (float[2,8] y) { a = MatMul(x, p) y = MatMul(a, q) }", {"p": table, "q": table.copy()}
    )
    model = tfl.ModelT.InitFromPackedBuf(built.path.read_bytes(), 0)
    assert sum(buffer.data is not None and len(buffer.data) == table.nbytes for buffer in model.buffers) == 1


def test_the_signature_has_the_names_of_the_source(model):
    (signature,) = model.signatureDefs
    assert signature.signatureKey == b"serving_default"
    assert [(entry.name, model.subgraphs[0].tensors[entry.tensorIndex].name) for entry in signature.inputs] == [
        (b"image", b"image")
    ]
    assert [entry.name for entry in signature.outputs] == [b"scores"]


def test_no_two_tensors_have_one_name(lite):
    """ai-edge-quantizer refuses a file in which two have."""
    built = lite(
        "(float[2,8] x) => (float[2,8] y) { a = LayerNormalization(x, s) b = Relu(a) y = LayerNormalization(b, s) }",
        {"s": np.linspace(0.5, 1.5, 8, dtype=np.float32)},
    )
    tensors = tfl.ModelT.InitFromPackedBuf(built.path.read_bytes(), 0).subgraphs[0].tensors
    names = [tensor.name for tensor in tensors]
    assert len(set(names)) == len(names)


def test_tensors_bear_the_names_of_the_source(model):
    names = {tensor.name.decode() for tensor in model.subgraphs[0].tensors}
    assert {"image", "scores"} <= names
    assert all(names)


def test_the_least_runtime_is_in_the_metadata(model):
    (entry,) = model.metadata
    data = bytes(model.buffers[entry.buffer].data)
    assert entry.name == b"min_runtime_version"
    assert len(data) == 16
    assert data.rstrip(b"\0") == b"1.6.0"  # that of MEAN; the other operators are older


def test_an_operator_has_the_version_that_its_options_need(lite):
    dilated = lite(
        "(float[1,4,9,9] x) => (float[1,4,5,5] y) { y = Conv<group=4, dilations=[2,2]>(x, w) }",
        {"w": np.ones((4, 1, 3, 3), np.float32)},
    )
    model = tfl.ModelT.InitFromPackedBuf(dilated.path.read_bytes(), 0)
    versions = {code.builtinCode: code.version for code in model.operatorCodes}
    assert versions[tfl.BuiltinOperator.DEPTHWISE_CONV_2D] == 2


def test_operators_are_known_to_readers_of_the_old_field(model):
    assert all(code.deprecatedBuiltinCode == min(code.builtinCode, 127) for code in model.operatorCodes)


def test_one_tensor_can_be_two_outputs(lite):
    built = lite("(float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Identity(y) }")
    np.testing.assert_array_equal(built.outputs["y"], built.outputs["z"])


def test_an_input_can_be_an_output(lite):
    built = lite("(float[4] x) => (float[4] y) { y = Identity(x) }")
    np.testing.assert_array_equal(built.outputs["y"], built.feeds["x"])


def test_a_constant_can_be_an_output(lite):
    built = lite(
        "(float[4] x) => (float[4] y, float[4] z) { y = Relu(x) z = Identity(c) }", {"c": np.ones(4, np.float32)}
    )
    np.testing.assert_array_equal(built.outputs["z"], np.ones(4))


@pytest.mark.parametrize("dtype", ["float32", "int8", "int32", "int64", "uint8", "bool"])
def test_inputs_and_outputs_keep_their_dtypes(lite, dtype):
    element = {"float32": "float", "int8": "int8", "int32": "int32", "int64": "int64", "uint8": "uint8", "bool": "bool"}
    built = lite(f"({element[dtype]}[2,3] x) => ({element[dtype]}[3,2] y) {{ y = Transpose(x) }}")
    assert built.artifact.signature.output("y").dtype == dtype
    assert built.outputs["y"].dtype == dtype
    assert built.artifact.narrowed == {}
