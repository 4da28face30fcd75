"""TVM: products of matrices, normalizations, activations, resizing and integers for reals agree with onnxruntime."""

import numpy as np
import pytest

from edgewright.targets.tvm.emit import emit

GENERATOR = np.random.default_rng(11)


def normal(*shape):
    return GENERATOR.standard_normal(shape).astype(np.float32)


def test_products_of_matrices(tvm_agrees):
    tvm_agrees(
        """(float[3,4] x, float[2,3,4] z, float[4] v) => (
            float[a,b] one, float[c,d] two, float[e,f] three, float[g,h,i] four, float[j,k] five, float[l] six) {
            one = Gemm<alpha = 0.5, beta = 0.25, transB = 1>(x, w, b)
            two = Gemm<transA = 1>(x, x, s)
            three = MatMul(x, m)
            four = MatMul(z, m)
            five = MatMul(z, v)
            six = MatMul(v, m)
        }""",
        {"x": (3, 4), "z": (2, 3, 4), "v": (4,)},
        {"w": normal(5, 4), "b": normal(3, 1), "s": normal(), "m": normal(4, 6)},
    )


def test_a_constant_weight_takes_the_factor(hub_of_text):
    model = hub_of_text(
        "(float[1,4] x) => (float[1,2] y) { y = Gemm<alpha = 2.0, transB = 1>(x, w)}", {"w": normal(2, 4)}
    )
    (node,) = emit(model).coverage.nodes
    assert node.detail == "matmul"


def test_normalizations_far_from_zero(tvm_agrees):
    """A mean of squares less the square of the mean has no digit left here."""
    x = (np.random.default_rng(0).standard_normal((2, 4, 3, 5)) + 3000).astype(np.float32)
    tvm_agrees(
        """(float[2,4,3,5] x) => (float[a,b,c,d] layer, float[a,b,c,e] mean, float[a,b,c,e] deviation,
            float[a,b,c,d] instance) {
            layer, mean, deviation = LayerNormalization(x, s5, b5)
            instance = InstanceNormalization(x, s4, b4)
        }""",
        {"x": x},
        {"s5": normal(5), "b5": normal(5), "s4": normal(4), "b4": normal(4)},
        opset=21,
        rtol=2e-3,  # float32 has steps of 2.4e-4 at 3000, of a deviation of 1
        atol=2e-3,
    )


def test_normalizations_by_statistics_and_neighbours(tvm_agrees):
    tvm_agrees(
        """(float[2,6,3,3] x, float[6] v) => (float[a,b,c,d] known, float[a,b,c,d] given, float[a,b,c,d] local,
            float[a,b,c,d] group) {
            known = BatchNormalization(x, s, b, m, p)
            given = BatchNormalization(x, v, b, m, p)
            local = LRN<size = 3, alpha = 0.1>(x)
            group = GroupNormalization<num_groups = 2>(x, s, b)
        }""",
        {"x": (2, 6, 3, 3), "v": (6,)},
        {"s": normal(6), "b": normal(6), "m": normal(6), "p": np.abs(normal(6))},
        opset=21,
    )


CURVES = (
    "Celu<alpha = 2.0>", "Elu", "Gelu", 'Gelu<approximate = "tanh">', "HardSigmoid", "HardSwish", "LeakyRelu", "Mish",
    "Relu", "Selu", "Sigmoid", "Softplus", "Softsign", "ThresholdedRelu", "Softmax<axis = 0>", "LogSoftmax", "Hardmax",
)  # fmt: skip


def test_activations(tvm_agrees):
    x = np.concatenate([normal(3, 20) * 4, [[-100, 100, 0, -30, 30, 88, -88, 1e-4, -1e-4, 20] * 2]]).astype(np.float32)
    nodes = " ".join(f"y{place} = {curve}(x)" for place, curve in enumerate(CURVES))
    outputs = ", ".join(f"float[4,20] y{place}" for place in range(len(CURVES)))
    tvm_agrees(f"(float[4,20] x) => ({outputs}) {{ {nodes} }}", {"x": x})


RESIZED = {
    "doubled": ("", [1, 2, 8, 10]),
    "picked": ('coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"', [1, 2, 7, 3]),
    "linear": ('mode = "linear"', [1, 2, 7, 9]),
    "corners": ('mode = "linear", coordinate_transformation_mode = "align_corners"', [1, 2, 6, 3]),
    "cubic": ('mode = "cubic", cubic_coeff_a = -0.5, exclude_outside = 1', [1, 2, 9, 4]),
    "smooth": ('mode = "linear", antialias = 1', [1, 2, 2, 2]),
}


def test_resizing(tvm_agrees):
    nodes = " ".join(
        f"{name} = Resize<{said}>(x, , , {name}_n)".replace("<>", "") for name, (said, _) in RESIZED.items()
    )
    outputs = ", ".join(f"float[a,b,h_{name},w_{name}] {name}" for name in RESIZED)
    sizes = {f"{name}_n": np.array(size, np.int64) for name, (_, size) in RESIZED.items()}
    tvm_agrees(f"(float[1,2,4,5] x) => ({outputs}) {{ {nodes} }}", {"x": (1, 2, 4, 5)}, sizes)


def test_halves_are_rounded_to_even_and_ends_held(tvm_agrees):
    x = np.array([[0.5, 1.5, 2.5, -0.5, -1.5, 1000, -1000, 63.25]], np.float32)
    tvm_agrees(
        """(float[1,8] x) => (int8[1,8] small, uint8[1,8] whole, uint16[1,8] wide, float[1,8] back) {
            small = QuantizeLinear(x, one, z)
            whole = QuantizeLinear(x, half, u)
            wide = QuantizeLinear(x, half, w)
            back = DequantizeLinear(small, tenth, z)
        }""",
        {"x": x},
        {
            "one": np.float32(1),
            "half": np.float32(0.5),
            "tenth": np.float32(0.1),
            "z": np.int8(-3),
            "u": np.uint8(128),
            "w": np.uint16(1000),
        },
        opset=21,
        rtol=0,
        atol=0,
    )


def test_layers_between_integers(tvm_agrees):
    integers = np.random.default_rng(2)
    tvm_agrees(
        """(uint8[1,4,5,5] x, int8[3,4] m) => (uint8[a,b,c,d] y, int8[3,2] p) {
            y = QLinearConv<pads = [1, 1, 1, 1], group = 2>(x, xs, xz, w, ws, wz, ys, yz, b)
            p = QLinearMatMul(m, xs, pz, r, ys, pz, os, pz)
        }""",
        {"x": integers.integers(0, 256, (1, 4, 5, 5), np.uint8), "m": integers.integers(-128, 128, (3, 4), np.int8)},
        {
            "w": integers.integers(-128, 128, (6, 2, 3, 3), np.int8),
            "r": integers.integers(-128, 128, (4, 2), np.int8),
            "b": integers.integers(-500, 500, 6, np.int32),
            "xs": np.float32(0.02),
            "xz": np.uint8(117),
            "ws": np.array([0.01, 0.02, 0.005, 0.03, 0.01, 0.02], np.float32),
            "wz": np.zeros(6, np.int8),
            "ys": np.float32(0.05),
            "yz": np.uint8(90),
            "os": np.float32(0.3),
            "pz": np.int8(5),
        },
        rtol=0,
        atol=0,
    )


@pytest.mark.parametrize(("largest", "dtype"), [(1, "float32"), (255, "int32")])
def test_sums_of_integers_are_exact(tvm_agrees, hub_of_text, largest, dtype):
    """512 · 255 · 255 is beyond the whole numbers that float32 holds."""
    text = "(uint8[1,512] x) => (int32[1,2] y) { y = MatMulInteger(x, w, z) }"
    weights = {"w": np.full((512, 2), largest, np.uint8) - np.eye(512, 2, dtype=np.uint8), "z": np.uint8(0)}
    tvm_agrees(text, {"x": np.full((1, 512), 255, np.uint8)}, weights, rtol=0, atol=0)
    assert f'"{dtype}") = R.matmul' in emit(hub_of_text(text, weights)).module.script()


def test_weights_in_integers_become_reals_at_compile_time(hub_of_text):
    model = hub_of_text(
        """(float[1,4] x) => (float[1,2] y) {
            w = DequantizeLinear<axis = 1>(q, s)
            y = MatMul(x, w)
        }""",
        {"q": np.ones((4, 2), np.int8), "s": np.array([0.5, 2], np.float32)},
    )
    assert [node.detail for node in emit(model).coverage.nodes][-1] == "matmul"


def test_points_that_depend_on_the_region_are_refused(tvm_refusal):
    node = "y = RoiAlign<output_height = 2, output_width = 2>(x, r, i)"
    text = f"(float[1,1,6,6] x, float[1,4] r, int64[1] i) => (float[a,b,c,d] y) {{ {node} }}"
    assert "sampling_ratio = 0" in tvm_refusal(text)


def test_sizes_that_are_inputs_are_refused(tvm_refusal):
    text = "(float[1,4,4,4] x, float[4] n) => (float[a,b,c,d] y) { y = Resize(x, , n) }"
    assert "its scales is not constant" in tvm_refusal(text)
