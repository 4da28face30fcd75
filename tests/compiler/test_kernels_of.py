"""The kernels of a model are found by their shapes, and models of one kernel compute something of its size."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from edgewright.compiler.kernel import Kernel
from edgewright.compiler.kernels_of import kernels_of, model_of
from edgewright.compiler.model import Model, Source
from edgewright.vocabulary.signature import Signature

CONV = Kernel(op="Conv", input=(1, 8, 6, 6), weight=(8, 8, 3, 3), strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))
STRIDED = Kernel(op="Conv", input=(1, 8, 6, 6), weight=(4, 8, 1, 1), strides=(2, 2), pads=(0,) * 4, dilations=(1, 1))
DEPTHWISE = Kernel(
    op="Conv", input=(1, 8, 6, 6), weight=(8, 1, 3, 3), strides=(1, 1), pads=(1,) * 4, dilations=(1, 1), group=8
)
MATMUL = Kernel(op="MatMul", input=(4, 16), weight=(16, 12))


def hub(text):
    proto = onnx.shape_inference.infer_shapes(
        onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 20]> g {text}')
    )
    for index, node in enumerate(proto.graph.node):
        node.name = f"n{index}"
    source = Source(reference="", framework="onnx", digest="", tools={})
    return Model(ir=ir.serde.deserialize_model(proto), signature=Signature(inputs=(), outputs=()), source=source)


def test_equal_kernels_are_one_and_the_largest_come_first():
    model = hub("""(float[1,2,8,8] x) => (float[1,4,8,8] y)
        <float[2,2,3,3] a, float[2,2,3,3] b, float[4,2,1,1] c> {
            p = Conv<pads=[1,1,1,1]>(x, a)
            q = Conv<pads=[1,1,1,1]>(p, b)
            y = Conv(q, c)
        }""")
    shares, macs = kernels_of(model, 4)
    assert [(share.kernel.words, share.nodes, share.macs) for share in shares] == [
        ("conv 3×3 2→2, 8×8", 2, 2 * 64 * 2 * 2 * 9),
        ("conv 1×1 2→4, 8×8", 1, 64 * 2 * 4),
    ]
    assert macs == sum(share.macs for share in shares)
    assert len(kernels_of(model, 1)[0]) == 1


def test_a_gemm_is_a_product_whichever_way_its_weights_lie():
    model = hub("(float[3,16] x, float[5,16] w) => (float[3,5] y) { y = Gemm<transB=1>(x, w) }")
    weight = model.graph.inputs[1]
    weight.const_value = ir.tensor(np.zeros((5, 16), np.float32), name="w")
    ((share,), _) = kernels_of(model, 4)
    assert share.kernel == Kernel(op="MatMul", input=(3, 16), weight=(16, 5))


@pytest.mark.parametrize(
    ("kernel", "times", "output"),
    [(CONV, 4, (1, 8, 6, 6)), (STRIDED, 1, (1, 4, 3, 3)), (DEPTHWISE, 4, (1, 8, 6, 6)), (MATMUL, 1, (4, 12))],
)
def test_a_model_of_a_kernel_repeats_it_where_its_shape_stays(kernel, times, output):
    model, found = model_of(kernel)
    assert found == times
    assert model.signature.outputs[0].shape == output
    x = np.random.default_rng(0).standard_normal(kernel.input).astype(np.float32)
    (y,) = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString()).run(["y"], {"x": x})
    assert y.shape == output
    assert 0.1 < y.std() < 10, "what comes out is about as large as what goes in"


def test_a_depthwise_convolution_is_called_one():
    assert DEPTHWISE.words == "depthwise 3×3 of 8 channels, 6×6"
    assert MATMUL.words == "matmul 4×16×12"
