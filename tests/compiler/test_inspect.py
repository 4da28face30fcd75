from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgewright.compiler.importers.request import Imported
from edgewright.compiler.inspect import Summary, summarize

FLOAT = onnx.TensorProto.FLOAT


@pytest.fixture
def summary(write_onnx: Callable[..., Path], read: Callable[..., Imported]) -> Callable[..., Summary]:
    def build(op: str, shape: tuple[Any, ...], *weights: tuple[int, ...], **attributes: Any) -> Summary:
        names = [f"w{index}" for index in range(len(weights))]
        node = onnx.helper.make_node(op, ["x", *names], ["y"], **attributes)
        arrays = {name: np.zeros(size, np.float32) for name, size in zip(names, weights, strict=True)}
        return summarize(read(write_onnx([node], {"x": (FLOAT, shape)}, {"y": (FLOAT, None)}, arrays)).model)

    return build


@pytest.mark.parametrize(
    ("op", "shape", "weights", "attributes", "macs"),
    [
        ("Conv", ("n", 3, 8, 8), [(16, 3, 3, 3)], {"pads": [1, 1, 1, 1]}, 16 * 8 * 8 * 3 * 9),
        ("Conv", ("n", 8, 8, 8), [(8, 1, 3, 3)], {"pads": [1, 1, 1, 1], "group": 8}, 8 * 8 * 8 * 9),
        ("ConvTranspose", (1, 3, 4, 4), [(3, 5, 2, 2)], {"strides": [2, 2]}, 3 * 4 * 4 * 5 * 4),
        ("MatMul", ("n", 7, 12), [(12, 5)], {}, 7 * 12 * 5),
        ("Gemm", ("n", 12), [(5, 12), (5,)], {"transB": 1}, 12 * 5),
        ("Gemm", (12, 2), [(12, 5)], {"transA": 1}, 2 * 12 * 5),
        ("Einsum", (2, 3, 4), [(4, 5)], {"equation": "bij,jk->bik"}, 2 * 3 * 4 * 5),
        ("LSTM", (6, 1, 3), [(1, 16, 3), (1, 16, 4)], {"hidden_size": 4}, 6 * 4 * 4 * (3 + 4)),
        ("Relu", (2, 3), [], {}, 0),
    ],
)
def test_macs_follow_from_the_shapes(
    op: str,
    shape: tuple[Any, ...],
    weights: list[tuple[int, ...]],
    attributes: dict[str, Any],
    macs: int,
    summary: Callable[..., Summary],
) -> None:
    got = summary(op, shape, *weights, **attributes)
    assert (got.macs, got.macs_complete) == (macs, True)


def test_parameters_are_counted_shapes_are_not(write_onnx: Callable[..., Path], read: Callable[..., Imported]) -> None:
    nodes = [
        onnx.helper.make_node("Reshape", ["x", "s"], ["a"]),
        onnx.helper.make_node("Gemm", ["a", "w", "b"], ["y"], name="head"),
    ]
    weights = {"s": np.array([-1, 6], np.int64), "w": np.zeros((6, 2), np.float32), "b": np.zeros(2, np.float32)}
    got = summarize(read(write_onnx(nodes, {"x": (FLOAT, ("n", 2, 3))}, {"y": (FLOAT, ("n", 2))}, weights)).model)
    assert (got.parameters, got.parameter_bytes) == (14, 56)
    assert got.ops == {"Gemm": 1, "Reshape": 1}
    assert [(cost.node, cost.op, cost.macs) for cost in got.nodes] == [("head", "Gemm", 12)]
    assert (got.opset, got.framework, got.signature.input("x").shape) == (20, "onnx", ("n", 2, 3))
