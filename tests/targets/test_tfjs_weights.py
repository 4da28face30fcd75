"""TF.js files hold numbers in as few bytes as changes none of them, in shards, the same bytes every time."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from edgewright.compiler import recipe
from edgewright.targets.base import Options
from edgewright.targets.tfjs.target import TFJS
from edgewright.vocabulary.precision import Precision

WI8 = {"quantize": {"precision": "weight_only_wi8_afp32"}}
ZEROS = "(float[{0}] x) => (float[{0}] y) {{ w = DequantizeLinear {1} (q, s, z) y = Add (x, w) }}"


def manifest(path: Path) -> list[dict]:
    return [weight for group in json.loads(path.read_text())["weightsManifest"] for weight in group["weights"]]


def held_as(path: Path, at_least: int = 64) -> list[str]:
    """How the file holds its large constants."""
    return sorted(
        weight.get("quantization", weight)["dtype"] for weight in manifest(path) if np.prod(weight["shape"]) >= at_least
    )


@pytest.fixture(scope="module")
def model(make_hub):
    """Two convolutions, one of them depthwise, and a product: 18,432, 2,304 and 16,384 weights."""
    random = np.random.default_rng(0)
    return make_hub(
        [
            helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"], "relu"),
            helper.make_node("Conv", ["r", "d"], ["e"], "depthwise", group=64),
            helper.make_node("Clip", ["e", "low", "high"], ["k"], "clip"),
            helper.make_node("GlobalAveragePool", ["k"], ["g"], "pool"),
            helper.make_node("Flatten", ["g"], ["f"], "flatten"),
            helper.make_node("MatMul", ["f", "m"], ["y"], "product"),
        ],
        {"x": [1, 32, 8, 8]},
        {"y": [1, 256]},
        {
            "w": random.standard_normal((64, 32, 3, 3)),
            "b": random.standard_normal(64),
            "d": random.standard_normal((64, 1, 6, 6)),
            "m": random.standard_normal((64, 256)),
            "low": 0,
            "high": 6,
        },
    )


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("scale", [0.1, 1 / 127, 3e-39, 1e-45, 2.5e33, 0.30000001192092896])
@pytest.mark.parametrize("point", [0, 3])
def test_a_grid_of_one_scale_is_read_to_the_bit_as_onnx_computes_it(tfjs, dtype, scale, point):
    info = np.iinfo(dtype)
    integers = np.arange(info.min, info.max + 1).astype(dtype)
    weights = {"q": integers, "s": np.float32(scale), "z": np.array(point, dtype)}
    x = np.zeros(len(integers), np.float32)
    exact = (integers.astype(np.float32) - np.float32(point)) * np.float32(scale)
    text = ZEROS.format(len(integers), "")
    built = tfjs(text, weights, feeds={"x": x}, opset=21, expected={"y": exact}, atol=0)
    np.testing.assert_array_equal(built.outputs["y"].view(np.uint32), exact.view(np.uint32))
    assert held_as(built.path) == ["uint16" if dtype == "int16" else "uint8"]


def test_a_scale_for_each_slice_is_one_product_that_is_exact_too(tfjs):
    draw = np.random.default_rng(0)
    weights = {
        "q": draw.integers(-127, 128, (16, 100)).astype(np.int8),
        "s": draw.uniform(1e-4, 3, 16).astype(np.float32),
        "z": np.zeros(16, np.int8),
    }
    exact = weights["q"].astype(np.float32) * weights["s"][:, np.newaxis]
    feeds = {"x": np.zeros((16, 100), np.float32)}
    built = tfjs(ZEROS.format("16,100", "<axis = 0>"), weights, feeds=feeds, expected={"y": exact}, atol=0)
    np.testing.assert_array_equal(built.outputs["y"], exact)
    assert built.ops == {"AddV2": 1, "Mul": 1}
    assert held_as(built.path) == ["uint8"]


def test_few_numbers_stay_floats(tfjs):
    weights = {"q": np.arange(40).astype(np.int8), "s": np.float32(0.1), "z": np.int8(0)}
    assert held_as(tfjs(ZEROS.format("40", ""), weights).path, at_least=10) == ["float32"]


@pytest.mark.parametrize(
    "activation", ["Relu (c)", "LeakyRelu <alpha = 0.1> (c)", "Sigmoid (c)", "Clip (c, l, h)", "Identity (c)"]
)
@pytest.mark.parametrize("bias", ["", ", b"])
def test_a_layer_computes_with_the_integers_of_its_weights_and_scales_what_comes_out(tfjs, activation, bias):
    draw = np.random.default_rng(0)
    weights = {
        "q": draw.integers(-127, 128, (32, 16, 3, 3)).astype(np.int8),
        "s": draw.uniform(0.5, 2, 32).astype(np.float32) / 127,
        **({"b": draw.standard_normal(32).astype(np.float32)} if bias else {}),
        **({"l": np.float32(0), "h": np.float32(6)} if "Clip" in activation else {}),
    }
    text = f"""(float[1,16,9,9] x) => (float[1,32,7,7] y) {{
        w = DequantizeLinear <axis = 0> (q, s) c = Conv (x, w{bias}) y = {activation}
    }}"""
    built = tfjs(text, weights, atol=2e-5)
    assert built.ops["Mul"] == 1
    assert built.ops.get("_FusedConv2D", 0) + built.ops.get("Conv2D", 0) == 1
    assert held_as(built.path, at_least=1024) == ["uint8"]


def test_a_layer_of_few_weights_and_many_results_scales_the_weights(tfjs):
    weights = {"q": np.ones((8, 16, 3, 3), np.int8), "s": np.linspace(0.1, 1, 8, dtype=np.float32)}
    text = """(float[1,16,64,64] x) => (float[1,8,62,62] y) {
        w = DequantizeLinear <axis = 0> (q, s) c = Conv (x, w) y = Sigmoid (c)
    }"""
    built = tfjs(text, weights, atol=1e-4)  # sums of 144 products
    assert built.ops == {"Mul": 1, "Transpose": 2, "_FusedConv2D": 1}


def test_rows_of_a_table_are_scaled_when_they_are_picked(tfjs):
    weights = {
        "q": np.random.default_rng(0).integers(-127, 128, (50, 64)).astype(np.int8),
        "s": np.linspace(0.1, 1, 50, dtype=np.float32),
    }
    text = "(int64[2,3] i) => (float[2,3,64] y) { w = DequantizeLinear <axis = 0> (q, s) y = Gather (w, i) }"
    built = tfjs(text, weights, atol=0)
    assert (built.ops["GatherV2"], built.ops["Mul"]) == (2, 1)


@pytest.mark.parametrize(("steps", "largest"), [([], 155_000), (["float16"], 80_000), ([WI8], 48_000)])
def test_a_variant_is_as_small_as_its_precision_says_and_exact(tfjs, model, steps, largest):
    variant = recipe.apply(model, recipe.parse(steps, where="x"), schemes=TFJS().schemes())
    built = tfjs("", model=variant, atol=1e-4)  # sums of 2,304 products
    assert sum(file.size_bytes for file in built.artifact.files) < largest
    assert built.artifact.precision is variant.precision


def test_halves_are_kept_only_where_no_number_changes(tfjs, hub_of_text):
    weights = {
        "a": np.linspace(-4, 4, 257, dtype=np.float16).astype(np.float32),
        "b": np.linspace(-1, 1.3, 257, dtype=np.float32),
        "c": np.array([6e-8, 65504, -np.inf, -0.0] * 64 + [1], np.float32).astype(np.float16).astype(np.float32),
    }
    text = "(float[257] x) => (float[257] y) { d = Add (x, a) e = Max (d, b) y = Max (e, c) }"
    hub = replace(hub_of_text(text, weights), precision=Precision.FP16)
    built = tfjs("", model=hub, atol=0)
    assert held_as(built.path) == ["float16", "float16", "float32"]


def test_tables_of_integers_are_held_in_as_few_bytes_as_they_need(tfjs):
    draw = np.random.default_rng(0)
    tables = {
        "a": draw.integers(-100, 100, 200),
        "b": draw.integers(10**6, 10**6 + 60_000, 200),
        "c": draw.integers(-(2**31), 2**31, 200),
    }
    weights = {name: table.astype(np.int32) for name, table in tables.items()}
    built = tfjs("(int32[200] x) => (int32[200] y) { d = Max (x, a) e = Max (d, b) y = Max (e, c) }", weights, atol=0)
    assert held_as(built.path) == ["int32", "uint16", "uint8"]


def test_a_weight_that_two_layers_share_is_stored_once(tfjs):
    weights = {"w": np.random.default_rng(0).standard_normal((80, 80)).astype(np.float32)}
    built = tfjs(
        "(float[4,80] x) => (float[4,80] y) { a = MatMul (x, w) b = Tanh (a) y = MatMul (b, w) }", weights, atol=1e-4
    )
    assert held_as(built.path) == ["float32"]


def test_weights_lie_in_shards_of_4_mib_and_may_begin_in_one_and_end_in_the_next(tfjs):
    weights = {
        name: np.random.default_rng(place).standard_normal((600, 1200)).astype(np.float32)
        for place, name in enumerate("ab")
    }
    text = "(float[1,600] x) => (float[1,1200] y) { c = MatMul (x, a) d = MatMul (x, b) y = Sub (c, d) }"
    built = tfjs(text, weights, atol=1e-3)  # sums of 600 products
    shards = [file for file in built.artifact.files if file.path.endswith(".bin")]
    assert [file.path for file in shards] == [f"group1-shard{index}of2.bin" for index in (1, 2)]
    assert [file.size_bytes for file in shards] == [4 * 2**20, 2 * 600 * 1200 * 4 - 4 * 2**20]


def test_a_model_without_numbers_has_no_shards(tfjs):
    built = tfjs("(float[3] x) => (float[3] y) { y = Relu (x) }")
    assert [file.path for file in built.artifact.files] == ["model.json"]


def test_the_same_model_gives_the_same_bytes(model, tmp_path):
    digests = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        variant = recipe.apply(model, recipe.parse([WI8], where="x"), schemes=TFJS().schemes())
        digests.append([file.sha256 for file in TFJS().compile(variant, Options(variant="v"), tmp_path / name).files])
    assert digests[0] == digests[1]


def test_the_file_says_whose_names_and_labels_it_has(model, tmp_path):
    artifact = TFJS().compile(model, Options(variant="v"), tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    assert record["signature"]["inputs"]["x"]["tensorShape"] == {"dim": [{"size": str(size)} for size in (1, 32, 8, 8)]}
    assert record["userDefinedMetadata"]["edgewright"]["variant"] == "v"
    assert artifact.requires.runtime == "tfjs"
