"""Core ML: layers over batches, images and sequences whose sizes are known only when the model runs."""

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest

from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions

RANDOM = np.random.default_rng(0)


def weight(*shape):
    return (RANDOM.standard_normal(shape) * 0.5).astype(np.float32)


@pytest.fixture
def at_sizes(tmp_path, hub_of_text):
    """Compile text once, its symbolic sizes left open, and compare with onnxruntime at each of several sizes."""

    def compare(text, weights, *feeds):
        model = hub_of_text(text, weights)
        settings = {"flexible": dict.fromkeys(model.signature.symbols, "1..32")}
        artifact = CoreML().compile(model, Options(variant="fp32", settings=settings), tmp_path)
        session = Runtime().load(tmp_path / artifact.files[0].path, RunOptions())
        reference = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString())
        for shapes in feeds:
            feed = {name: weight(*shape) for name, shape in shapes.items()}
            got = session.run(feed)
            for name, wanted in zip(got, reference.run([*got], feed), strict=True):
                np.testing.assert_allclose(got[name], wanted, rtol=1e-5, atol=1e-5, err_msg=str(shapes))
        return artifact

    return compare


@pytest.mark.parametrize(
    "node",
    [
        "Conv<strides = [2, 2], pads = [1, 0, 1, 2]>(x, w)",
        'Conv<auto_pad = "SAME_LOWER">(x, w)',
        "ConvTranspose<strides = [2, 2], output_padding = [1, 1]>(x, v)",
        "MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1>(x)",
        "AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]>(x)",
        "AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1>(x)",
        "LpPool<kernel_shape = [2, 2]>(x)",
        "GlobalAveragePool(x)",
        "GlobalMaxPool(x)",
        'Resize<coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , s)',
        'Resize<mode = "linear">(x, , s)',
        'Resize<mode = "linear", coordinate_transformation_mode = "align_corners">(x, , s)',
    ],
)
def test_images_of_any_size(at_sizes, node):
    weights = {"w": weight(4, 3, 3, 3), "v": weight(3, 4, 3, 3), "s": np.array([1, 1, 2, 3], np.float32)}
    used = {name: array for name, array in weights.items() if f" {name})" in node}
    text = f"(float[n,3,h,w] x) => (float[n,c,a,b] y) {{ y = {node} }}"
    at_sizes(text, used, {"x": (1, 3, 8, 9)}, {"x": (2, 3, 5, 12)})


@pytest.mark.parametrize(
    "node",
    [
        "MatMul(x, w)",
        'Einsum<equation = "bsk,kn->bsn">(x, w)',
        'Einsum<equation = "bsk,btk->bst">(x, x)',
        'Einsum<equation = "bsk->bk">(x)',
        'Einsum<equation = "bsk,bsk->bs">(x, x)',
    ],
)
def test_products_of_any_number_of_rows(at_sizes, node):
    rank = 2 if node.endswith(('bk">(x)', 'bs">(x, x)')) else 3
    text = f"(float[b,s,4] x) => (float[{','.join('pqr'[:rank])}] y) {{ y = {node} }}"
    weights = {"w": weight(4, 5)} if "w" in node else {}
    at_sizes(text, weights, {"x": (1, 7, 4)}, {"x": (3, 2, 4)})


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("op", ["LSTM", "RNN"])
def test_sequences_of_any_length(at_sizes, op, direction):
    count, rows = 2 if direction == "bidirectional" else 1, 12 if op == "LSTM" else 3
    text = (
        f"(float[s,n,2] x) => (float[a,{count},b,3] y, float[{count},c,3] h)"
        f' {{ y, h = {op}<hidden_size = 3, direction = "{direction}">(x, w, r) }}'
    )
    weights = {"w": weight(count, rows, 2), "r": weight(count, rows, 3)}
    made = at_sizes(text, weights, {"x": (4, 1, 2)}, {"x": (7, 3, 2)})
    assert op.lower() in made.ops


def test_any_number_of_sequences_step_by_step(at_sizes):
    text = "(float[4,n,2] x) => (float[4,1,b,3] y) { y = GRU<hidden_size = 3, linear_before_reset = 1>(x, w, r) }"
    at_sizes(text, {"w": weight(1, 9, 2), "r": weight(1, 9, 3)}, {"x": (4, 1, 2)}, {"x": (4, 3, 2)})
