"""Weights of eight bits beside float activations: stored alone, or multiplied with what is quantized at each call."""

import dataclasses

import ml_dtypes
import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgewright.compiler import recipe
from edgewright.targets.base import Options
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.precision import Precision

RESOLVERS = (OpResolverType.AUTO, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
DENSE = "(float[4,64] x) => (float[4,32] y) { w = DequantizeLinear <axis = 1> (weight, scale) y = MatMul(x, w) }"
STACK = "(float[2,5,64] x) => (float[2,5,32] y) { w = DequantizeLinear <axis = 1> (weight, scale) y = MatMul(x, w) }"
CONV = """(float[1,16,9,9] x) => (float[1,16,7,7] y) {
    w = DequantizeLinear <axis = 0> (weight, scale) y = Conv(x, w)
}"""
GROUPS = CONV.replace("Conv(", "Conv <group = 2> (").replace("[1,16,9,9]", "[1,32,9,9]")
TRANSPOSED = """(float[1,16,6,6] x) => (float[1,16,8,8] y) {
    w = DequantizeLinear <axis = 1> (weight, scale) y = ConvTranspose(x, w)
}"""
DEPTHWISE = """(float[1,64,9,9] x) => (float[1,64,7,7] y) {
    w = DequantizeLinear <axis = 0> (weight, scale) y = Conv <group = 64> (x, w)
}"""
NETWORKS = {
    "dense": (DENSE, (64, 32), 1, "FULLY_CONNECTED"),
    "dense, rank 3": (STACK, (64, 32), 1, "FULLY_CONNECTED"),
    "convolution": (CONV, (16, 16, 3, 3), 0, "CONV_2D"),
    "groups": (GROUPS, (16, 16, 3, 3), 0, "CONV_2D"),
    "transposed": (TRANSPOSED, (16, 16, 3, 3), 1, "TRANSPOSE_CONV"),
    "depthwise": (DEPTHWISE, (64, 1, 3, 3), 0, "DEPTHWISE_CONV_2D"),
}


def drawn_weights(shape, axis):
    draw = np.random.default_rng(0)
    return {
        "weight": draw.integers(-127, 128, shape).astype(np.int8),
        "scale": draw.uniform(0.5, 2, shape[axis]).astype(np.float32) / 127,
    }


def compiled(model, precision, folder):
    model = dataclasses.replace(model, precision=precision)
    return TFLite().compile(model, Options(variant=str(precision)), folder)


def answers(folder, x):
    for resolver in RESOLVERS:
        interpreter = Interpreter(str(folder / "model.tflite"), experimental_op_resolver_type=resolver)
        interpreter.allocate_tensors()
        yield interpreter.get_signature_runner("serving_default")(x=x)["y"]


def reference(model, x):
    options = onnxruntime.SessionOptions()
    # optimised, onnxruntime itself quantizes the activations of a MatMul whose weights have eight bits
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString(), options)
    return session.run(["y"], {"x": x})[0]


def has_int8(folder):
    model = schema.ModelT.InitFromPackedBuf((folder / "model.tflite").read_bytes())
    return any(tensor.type == schema.TensorType.INT8 for tensor in model.subgraphs[0].tensors)


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_alone_compute_what_their_floats_compute(name, hub_of_text, tmp_path):
    text, shape, axis, operator = NETWORKS[name]
    model = hub_of_text(text, drawn_weights(shape, axis))
    artifact = compiled(model, Precision.WEIGHT_ONLY_WI8_AFP32, tmp_path)
    x = np.random.default_rng(1).standard_normal(model.signature.inputs[0].shape).astype(np.float32)

    assert {"DEQUANTIZE", operator} <= artifact.ops.keys()
    assert has_int8(tmp_path)
    wanted = reference(model, x)
    for answer in answers(tmp_path, x):
        np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("ahead", [0.0, 3.0], ids=["around zero", "beside zero"])
@pytest.mark.parametrize("name", NETWORKS)
def test_dynamic_is_off_by_the_grid_of_the_activations_at_most(name, ahead, hub_of_text, tmp_path):
    text, shape, axis, operator = NETWORKS[name]
    weights = drawn_weights(shape, axis)
    model = hub_of_text(text, weights)
    artifact = compiled(model, Precision.DYNAMIC_WI8_AFP32, tmp_path)
    x = (np.random.default_rng(1).standard_normal(model.signature.inputs[0].shape) + ahead).astype(np.float32)

    assert operator in artifact.ops
    assert has_int8(tmp_path)
    assert ("DEQUANTIZE" in artifact.ops) is (name == "depthwise")
    # An activation is off by half a step; a step is at most the largest of them over 127.
    others = tuple(place for place in range(len(shape)) if place != axis)
    reals = weights["weight"] * weights["scale"].reshape([-1 if place == axis else 1 for place in range(len(shape))])
    bound = np.abs(x).max() / 127 / 2 * np.abs(reals).sum(others).max() * 1.01
    wanted = reference(model, x)
    for answer in answers(tmp_path, x):
        assert np.abs(answer - wanted).max() <= bound


def test_convolutions_of_few_channels_stay_float_as_their_dynamic_kernel_is_slower(hub_of_text, tmp_path):
    text = CONV.replace("[1,16,9,9]", "[1,3,9,9]")
    artifact = compiled(hub_of_text(text, drawn_weights((16, 3, 3, 3), 0)), Precision.DYNAMIC_WI8_AFP32, tmp_path)

    assert artifact.ops["DEQUANTIZE"] == 1


def test_depthwise_convolutions_stay_float_as_their_dynamic_kernel_is_slower(hub_of_text, tmp_path):
    text, shape, axis, _ = NETWORKS["depthwise"]
    artifact = compiled(hub_of_text(text, drawn_weights(shape, axis)), Precision.DYNAMIC_WI8_AFP32, tmp_path)

    assert artifact.ops["DEQUANTIZE"] == 1


BLOCKS = """(float[4,64] x) => (float[4,32] y) {
    w = DequantizeLinear <axis = 0, block_size = 32> (weight, scale) y = MatMul(x, w)
}"""


def test_a_last_block_that_is_cut_short_is_a_block(hub_of_text, tmp_path):
    draw = np.random.default_rng(0)
    scales = draw.uniform(0.5, 2, (2, 32)).astype(np.float32) / 7
    model = hub_of_text(
        BLOCKS.replace("[4,64]", "[4,48]"),
        {"weight": draw.integers(-7, 8, (48, 32)).astype(np.int8), "scale": scales},
        opset=21,
    )
    artifact = compiled(model, Precision.WEIGHT_ONLY_WI4_AFP32, tmp_path)
    x = draw.standard_normal((4, 48)).astype(np.float32)

    assert artifact.ops["DEQUANTIZE"] == 1
    for answer in answers(tmp_path, x):
        np.testing.assert_allclose(answer, reference(model, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, np.int8])
def test_weights_with_a_scale_a_block_compute_what_their_floats_compute(dtype, hub_of_text, tmp_path):
    draw = np.random.default_rng(0)
    scales = draw.uniform(0.5, 2, (2, 32)).astype(np.float32) / 7
    model = hub_of_text(BLOCKS, {"weight": draw.integers(-7, 8, (64, 32)).astype(dtype), "scale": scales}, 21)
    artifact = compiled(model, Precision.WEIGHT_ONLY_WI4_AFP32, tmp_path)
    x = draw.standard_normal((4, 64)).astype(np.float32)

    assert artifact.ops == {"DEQUANTIZE": 1, "FULLY_CONNECTED": 1, "RESHAPE": 1}
    for answer in answers(tmp_path, x):
        np.testing.assert_allclose(answer, reference(model, x), rtol=1e-4, atol=1e-4)


def test_two_weights_of_four_bits_lie_in_one_byte(perceptron, tmp_path):
    sizes = []
    for precision in (Precision.WEIGHT_ONLY_WI8_AFP32, Precision.WEIGHT_ONLY_WI4_AFP32):
        steps = recipe.parse([{"quantize": {"precision": str(precision)}}], where="test")
        model = recipe.apply(perceptron, steps, schemes=TFLite().schemes())
        (folder := tmp_path / precision).mkdir()
        sizes.append(compiled(model, precision, folder).size_bytes)

    # Half a byte less for each of 65,536 weights; 12 bytes for each of 1,024 blocks.
    assert sizes[0] - sizes[1] > 65_536 / 2 - 1_024 * 12


@pytest.mark.parametrize("precision", [Precision.WEIGHT_ONLY_WI8_AFP32, Precision.DYNAMIC_WI8_AFP32])
def test_the_recipe_makes_a_file_of_a_third(precision, perceptron, tmp_path):
    sizes = []
    for name, model in {
        "float": perceptron,
        "int8": recipe.apply(
            perceptron,
            recipe.parse([{"quantize": {"precision": str(precision)}}], where="test"),
            schemes=TFLite().schemes(),
        ),
    }.items():
        (folder := tmp_path / name).mkdir()
        sizes.append(TFLite().compile(model, Options(variant=name), folder).size_bytes)

    assert sizes[1] < sizes[0] / 3
