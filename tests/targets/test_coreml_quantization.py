"""Integers that stand for reals, in Core ML: the integers of the hub, exactly, whatever says them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.model import Model
from edgewright.compiler.passes.float16 import Float16
from edgewright.targets.artifact import Artifact
from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.runtime import RunOptions

node = helper.make_node
X = np.concatenate([np.arange(-12, 12, 0.25), [1e6, -1e6, 0.0, 3.7e-5]]).astype(np.float32).reshape(1, 4, 5, 5)
"""Halves of steps of 0.5 and 0.1, ends far out, and values in between."""


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Model]:
    """Import a graph from `x`, float32[1, 4, 5, 5], to `y`: `read(nodes, weights, dtype of y, shape of y)`."""

    def make(
        nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray], dtype: int = TensorProto.FLOAT, shape: Any = None
    ) -> Model:
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
            [helper.make_tensor_value_info("y", dtype, shape or X.shape)],
            [numpy_helper.from_array(array, name) for name, array in weights.items()],
        )
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), tmp_path / "m.onnx"
        )
        return import_model(Request(reference="m.onnx", folder=tmp_path)).model

    return make


def both(model: Model, folder: Path) -> tuple[Artifact, np.ndarray, np.ndarray]:
    """Compile, and give what the interpreter and what onnxruntime answer."""
    artifact = CoreML().compile(model, Options(variant="v"), folder)
    got = Runtime().load(folder / "model.mlpackage", RunOptions()).run({"x": X})["y"]
    model.save(folder)
    return artifact, got, Reference().load(folder / "model.onnx", RunOptions()).run({"x": X})["y"]


PAIR = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])]


@pytest.mark.parametrize(
    ("scale", "zero_point"),
    [
        (np.float32(0.5), np.int8(0)),
        (np.float32(0.1), np.int8(0)),
        (np.float32(0.1), np.int8(-128)),
        (np.float32(0.1), np.int8(13)),
        (np.float32(0.5), np.uint8(0)),
        (np.float32(0.1), np.uint8(128)),
        (np.float32(0.03), np.uint8(200)),
        (np.float32([0.5, 0.1, 0.03, 2]), np.int8([0, 0, 0, 0])),
        (np.float32([0.5, 0.1, 0.03, 2]), np.uint8([128, 0, 7, 255])),
    ],
)
def test_eight_bits_are_core_mls_own(
    read: Callable[..., Model], tmp_path: Path, scale: np.ndarray, zero_point: np.ndarray
) -> None:
    artifact, got, expected = both(read(PAIR, {"s": np.asarray(scale), "z": np.asarray(zero_point)}), tmp_path)
    assert artifact.ops == {"quantize": 1, "dequantize": 1}
    assert artifact.requires.min_runtime_version == "7"
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("zero_point", [np.int16(0), np.int16(-300), np.uint16(32768)])
def test_sixteen_bits_are_taken_apart(read: Callable[..., Model], tmp_path: Path, zero_point: np.generic) -> None:
    weights = {"s": np.float32(0.01), "z": zero_point}
    artifact, got, expected = both(read(PAIR, {name: np.asarray(each) for name, each in weights.items()}), tmp_path)
    assert "quantize" not in artifact.ops
    assert artifact.requires.min_runtime_version == "5"
    np.testing.assert_array_equal(got, expected)


def test_integers_that_go_out_need_no_new_system(read: Callable[..., Model], tmp_path: Path) -> None:
    weights = {"s": np.asarray(np.float32(0.1)), "z": np.asarray(np.uint8(7))}
    model = read([node("QuantizeLinear", ["x", "s", "z"], ["y"])], weights, TensorProto.UINT8)
    artifact, got, expected = both(model, tmp_path)
    assert artifact.requires.min_runtime_version == "5"
    np.testing.assert_array_equal(got, expected)


def test_blocks_are_written_out(read: Callable[..., Model], tmp_path: Path) -> None:
    scale = np.random.default_rng(0).random((1, 2, 5, 5), np.float32) + 0.1
    nodes = [
        node("QuantizeLinear", ["x", "s"], ["q"], block_size=2, axis=1, output_dtype=TensorProto.INT8),
        node("DequantizeLinear", ["q", "s"], ["y"], block_size=2, axis=1),
    ]
    _, got, expected = both(read(nodes, {"s": scale}), tmp_path)
    np.testing.assert_array_equal(got, expected)


def test_a_scale_that_is_computed(read: Callable[..., Model], tmp_path: Path) -> None:
    nodes = [
        node("Abs", ["x"], ["a"]),
        node("ReduceMax", ["a"], ["m"], keepdims=0),
        node("Div", ["m", "n"], ["s"]),
        *PAIR,
    ]
    weights = {"n": np.asarray(np.float32(127)), "z": np.asarray(np.int8(0))}
    _, got, expected = both(read(nodes, weights), tmp_path)
    np.testing.assert_array_equal(got, expected)


def test_weights_that_the_source_quantizes_itself_are_integers(read: Callable[..., Model], tmp_path: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((32, 4, 3, 3)).astype(np.float32)
    nodes = [
        node("QuantizeLinear", ["w", "s", "z"], ["wq"], axis=0),
        node("DequantizeLinear", ["wq", "s", "z"], ["wd"], axis=0),
        node("Conv", ["x", "wd"], ["y"]),
    ]
    scale = (np.abs(weight).max(axis=(1, 2, 3)) / 127).astype(np.float32)
    model = read(nodes, {"w": weight, "s": scale, "z": np.zeros(32, np.int8)}, shape=(1, 32, 3, 3))
    artifact, got, expected = both(model, tmp_path)
    assert artifact.ops["constexpr_affine_dequantize"] == 1
    assert "quantize" not in artifact.ops
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-2)  # sums of 36 products, of inputs up to 1e6


def test_scales_keep_their_digits_in_float16(read: Callable[..., Model], tmp_path: Path) -> None:
    weights = {"s": np.asarray(np.float32(0.1)), "z": np.asarray(np.uint8(128))}
    half = Float16()(read(PAIR, weights))
    artifact, got, expected = both(half, tmp_path)
    assert artifact.ops["quantize"] == 1
    np.testing.assert_array_equal(got, expected)


def test_scales_of_many_channels_do_not_become_float16(read: Callable[..., Model]) -> None:
    nodes = [node("DequantizeLinear", ["w", "s"], ["d"], axis=0), node("Conv", ["x", "d"], ["y"])]
    integers = np.random.default_rng(0).integers(-127, 128, (64, 4, 3, 3)).astype(np.int8)
    half = Float16()(read(nodes, {"w": integers, "s": np.full(64, 1e-5, np.float32)}, shape=(1, 64, 3, 3)))
    assert half.graph.initializers["s"].dtype is ir.DataType.FLOAT


def test_scales_that_float16_cannot_say_stay_float32(read: Callable[..., Model], tmp_path: Path) -> None:
    nodes = [node("DequantizeLinear", ["w", "s"], ["d"], axis=0), node("Conv", ["x", "d"], ["y"])]
    integers = np.random.default_rng(0).integers(-127, 128, (64, 4, 3, 3)).astype(np.int8)
    weights = {"w": integers, "s": np.geomspace(1e-7, 1e-5, 64, dtype=np.float32)}
    half = Float16()(read(nodes, weights, shape=(1, 64, 3, 3)))
    CoreML().compile(half, Options(variant="v"), tmp_path)
    session = Runtime().load(tmp_path / "model.mlpackage", RunOptions())
    x = np.random.default_rng(1).standard_normal(X.shape).astype(np.float32) * 1000
    half.save(tmp_path)
    got, expected = (
        session.run({"x": x})["y"],
        Reference().load(tmp_path / "model.onnx", RunOptions()).run({"x": x})["y"],
    )
    # weights are float16 numbers in steps of 2**-24, inputs of up to 4000 are off by 2**-11, and 36 are added up;
    # scales in steps of 2**-24 would be off by 127 times as much
    np.testing.assert_allclose(got, expected, rtol=36 * 2**-11, atol=36 * 4000 * 2**-25)
