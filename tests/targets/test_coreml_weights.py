"""Core ML stores weights in as few bytes as their precision and their numbers allow, and loses no bit of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper

from edgewright.compiler import recipe
from edgewright.compiler.model import Model, Precision
from edgewright.targets.artifact import Artifact
from edgewright.targets.base import Options
from edgewright.targets.coreml.deployment import Deployment
from edgewright.targets.coreml.quantized import quantized
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.schemes import SCHEMES
from edgewright.targets.coreml.storage import Form
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.coreml.toolkit import coremltools
from edgewright.targets.coreml.weights import form_of
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.runtime import RunOptions

PALETTIZE, SPARSIFY = {"palettize": {"bits": 4}}, {"sparsify": {"sparsity": "50%"}}
WI8, WI4 = ({"quantize": {"precision": f"weight_only_wi{bits}_afp32"}} for bits in (8, 4))
DENSE = 64 * 32 * 9 * 4 + 64 * 32 * 4
"""The bytes of the model's weights in float32."""


@pytest.fixture(scope="module")
def model(make_hub: Callable[..., Model]) -> Model:
    """A convolution and a product, of 18,432 and 2,048 weights."""
    random = np.random.default_rng(0)
    return make_hub(
        [
            helper.make_node("Conv", ["x", "w"], ["c"], "conv"),
            helper.make_node("GlobalAveragePool", ["c"], ["g"], "pool"),
            helper.make_node("Flatten", ["g"], ["f"], "flatten"),
            helper.make_node("MatMul", ["f", "m"], ["y"], "product"),
        ],
        {"x": [1, 32, 6, 6]},
        {"y": [1, 32]},
        {"w": random.standard_normal((64, 32, 3, 3)), "m": random.standard_normal((64, 32))},
    )


def compiled(model: Model, steps: list[Any], out: Path) -> tuple[Model, Artifact]:
    variant = recipe.apply(model, recipe.parse(steps, where="x"), schemes=SCHEMES)
    return variant, CoreML().compile(variant, Options(variant="v"), out)


def answers(variant: Model, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """What the interpreter gives from the package in a folder, and onnxruntime from the variant, float32[1, 32]."""
    x = np.random.default_rng(1).standard_normal((1, 32, 6, 6)).astype(np.float32)
    session = Runtime().load(folder / "model.mlpackage", RunOptions())
    variant.save(folder)
    reference = Reference().load(folder / "model.onnx", RunOptions())
    return session.run({"x": x})["y"], reference.run({"x": x})["y"]


def weight_bytes(artifact: Artifact) -> int:
    return next(file.size_bytes for file in artifact.files if file.path.endswith("weight.bin"))


@pytest.mark.parametrize(
    ("steps", "system", "operations", "bytes_a_weight"),
    [
        ([], "5", {}, 4.0),
        ([PALETTIZE], "6", {"constexpr_lut_to_dense": 2}, 0.5),
        ([{"palettize": {"bits": 6}}], "6", {"constexpr_lut_to_dense": 2}, 0.75),
        ([{"palettize": {"bits": 4, "group_size": 32}}], "8", {"constexpr_lut_to_dense": 2}, 0.5),
        ([SPARSIFY], "6", {"constexpr_sparse_to_dense": 2}, 1 / 8 + 2),
        ([SPARSIFY, PALETTIZE], "8", {"constexpr_lut_to_sparse": 2, "constexpr_sparse_to_dense": 2}, 1 / 8 + 1 / 4),
        ([WI8], "6", {"constexpr_affine_dequantize": 2}, 1.0),
        (
            [SPARSIFY, WI8],
            "8",
            {"constexpr_sparse_blockwise_shift_scale": 2, "constexpr_sparse_to_dense": 2},
            1 / 8 + 1 / 2,
        ),
    ],
)
def test_a_precision_is_stored_in_its_own_way_and_computes_what_the_hub_does(
    model: Model, tmp_path: Path, steps: list[Any], system: str, operations: dict[str, int], bytes_a_weight: float
) -> None:
    variant, artifact = compiled(model, steps, tmp_path)
    assert artifact.requires.min_runtime_version == system
    assert {name: count for name, count in artifact.ops.items() if name.startswith("constexpr")} == operations
    # at most 2 kB of scales, tables, records of arrays and the other constants
    assert 0 <= weight_bytes(artifact) - DENSE / 4 * bytes_a_weight <= 2048
    # sums of 288 and of 64 products in another order, of values up to 10
    np.testing.assert_allclose(*answers(variant, tmp_path), atol=1e-4)


def test_blocks_of_four_bits_need_ios_18(model: Model, tmp_path: Path) -> None:
    variant, artifact = compiled(model, [WI4], tmp_path)
    assert artifact.requires.min_runtime_version == "8"
    assert artifact.ops["constexpr_blockwise_shift_scale"] == 2
    # half a byte a weight, and a scale for each of 64 and of 2 × 32 blocks
    assert weight_bytes(artifact) < DENSE / 8 + 2 * 64 * 4 + 1024
    np.testing.assert_allclose(*answers(variant, tmp_path), atol=1e-4)  # as above


def test_a_float_variant_is_stored_plainly_whatever_its_numbers(model: Model, tmp_path: Path) -> None:
    variant = recipe.apply(model, recipe.parse([PALETTIZE], where="x"))
    artifact = CoreML().compile(replace(variant, precision=Precision.FP32), Options(variant="v"), tmp_path)
    assert not [name for name in artifact.ops if name.startswith("constexpr")]
    assert weight_bytes(artifact) >= DENSE


def test_a_transposed_product_keeps_its_integers(make_hub: Callable[..., Model], tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((96, 64))
    gemm = make_hub(
        [helper.make_node("Gemm", ["x", "w"], ["y"], "gemm")], {"x": [1, 96]}, {"y": [1, 64]}, {"w": weight}
    )
    _, artifact = compiled(gemm, [WI8], tmp_path)
    assert artifact.ops["constexpr_affine_dequantize"] == 1
    assert "transpose" not in artifact.ops
    assert weight_bytes(artifact) < 96 * 64 + 1024


@pytest.mark.parametrize("steps", [[WI8], [PALETTIZE], [SPARSIFY]])
def test_a_product_takes_in_its_bias_whatever_its_weight_is(
    make_hub: Callable[..., Model], tmp_path: Path, steps: list[Any]
) -> None:
    random = np.random.default_rng(0)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"], "m"), helper.make_node("Add", ["p", "b"], ["y"], "a")]
    weights = {"w": random.standard_normal((96, 64)), "b": random.standard_normal(64)}
    variant, artifact = compiled(make_hub(nodes, {"x": [2, 96]}, {"y": [2, 64]}, weights), steps, tmp_path)
    assert [name for name in artifact.ops if not name.startswith("constexpr")] == ["linear"]
    x = random.standard_normal((2, 96)).astype(np.float32)
    variant.save(tmp_path)
    expected = Reference().load(tmp_path / "model.onnx", RunOptions()).run({"x": x})["y"]
    got = Runtime().load(tmp_path / "model.mlpackage", RunOptions()).run({"x": x})["y"]
    np.testing.assert_allclose(got, expected, atol=1e-4)  # 96 products of values up to 10, in another order


def decoded(form: Form, deployment: Deployment) -> np.ndarray:
    """What coremltools itself makes of an operation."""
    mil = coremltools().converters.mil.mil
    with mil.Function({}, opset_version=deployment.opset):
        made = form.make(deployment)
    found = made.op.materialized_val_inference()
    return np.asarray(found[0] if isinstance(found, tuple) else found)


FLOATS = st.floats(width=32, allow_nan=False) | st.sampled_from([0.0, -0.0])


@settings(deadline=None, max_examples=60)
@given(
    values=st.lists(FLOATS, min_size=1, max_size=70),
    zeros=st.floats(0, 1),
    shape=st.sampled_from([(64, 33), (8, 16, 17), (2048, 1)]),
    precision=st.sampled_from([each for each in Precision if each.sparse or each.table_bits]),
    deployment=st.sampled_from([Deployment.IOS16, Deployment.IOS18]),
    dtype=st.sampled_from([np.float32, np.float16]),
    seed=st.integers(0, 9),
)
def test_every_bit_comes_back(
    values: list[float],
    zeros: float,
    shape: tuple[int, ...],
    precision: Precision,
    deployment: Deployment,
    dtype: Any,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    with np.errstate(over="ignore"):
        array = np.asarray(random.choice(values, shape)).astype(dtype)
    array[random.random(shape) < zeros] = 0
    form = form_of(array, precision, (), deployment)
    if form is not None:
        got = decoded(form, max(deployment, form.needs))
        assert got.dtype == array.dtype
        assert got.tobytes() == array.tobytes()


def test_three_bits_are_for_systems_that_read_them() -> None:
    array = np.random.default_rng(0).choice(np.float32([1, 2, 3, 4, 5, 6, 7]), (64, 64))
    for deployment, bits in ((Deployment.IOS16, 4), (Deployment.IOS18, 3)):
        form = form_of(array, Precision.WEIGHT_ONLY_LUT4_AFP32, (), deployment)
        assert form is not None
        assert getattr(form, "bits", None) == bits


@pytest.mark.parametrize("shape", [(4096,), (2047, 1)])
def test_vectors_and_small_weights_are_stored_plainly(shape: tuple[int, ...]) -> None:
    assert form_of(np.zeros(shape, np.float32), Precision.WEIGHT_ONLY_LUT4_AFP32, (), Deployment.IOS18) is None


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_integers_are_found_in_any_order_of_axes(order: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    integers = random.integers(-128, 128, (6, 4, 10)).astype(np.int8)
    scale, zero_point = random.random(4, np.float32) + 0.1, random.integers(-9, 9, 4).astype(np.int8)
    known = quantized(integers, scale, zero_point, 1, 0, ir.DataType.INT8)
    array = known.dense.transpose(order)[:, None]
    for deployment in (Deployment.IOS16, Deployment.IOS18):
        form = form_of(array, Precision.STATIC_WI8_AI8, [known], deployment)
        assert form is not None
        assert form.needs is Deployment.IOS16
        assert decoded(form, deployment).tobytes() == np.ascontiguousarray(array).tobytes()


def test_blocks_are_found_transposed() -> None:
    random = np.random.default_rng(0)
    integers, scale = random.integers(-8, 8, (64, 12)), random.random((2, 12), np.float32) + 0.1
    known = quantized(integers, scale, None, 0, 32, ir.DataType.INT4)
    form = form_of(np.ascontiguousarray(known.dense.T), Precision.WEIGHT_ONLY_WI4_AFP32, [known], Deployment.IOS18)
    assert form is not None
    assert form.needs is Deployment.IOS18
    assert form.size_bytes < 64 * 12
    np.testing.assert_array_equal(decoded(form, Deployment.IOS18), known.dense.T)
