"""Sensitivity: each node is quantized alone, and the ranking says what it found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_ir as ir
import pytest
from onnx import helper

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.isolate import isolate, quantized_nodes
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from edgewright.compiler.quantize.sensitivity import rank
from edgewright.vocabulary.precision import Precision
from edgewright.vocabulary.sensitivity import NodeSensitivity

RNG = np.random.default_rng(11)
ROWS = RNG.standard_normal((40, 8)).astype(np.float32)
SQUARE = [RNG.standard_normal((8, 8)).astype(np.float32) / 3 for _ in range(4)]
PRODUCT = OpRule(inputs=(Role.ACTIVATION, Role.WEIGHT), weight_axis=1)
BINARY = OpRule(inputs=(Role.ACTIVATION, Role.ACTIVATION))
SCHEME = Scheme(
    name="test",
    precision=Precision.STATIC_WI8_AI8,
    weights=Grid(dtype=ir.DataType.INT8, symmetric=True, narrow=True),
    activations=Grid(dtype=ir.DataType.INT8, symmetric=False),
    ops={"MatMul": PRODUCT, "Add": BINARY, "Sub": BINARY},
)


def ranked(model: Model) -> tuple[NodeSensitivity, ...]:
    ranges = calibrate(model, {"x": ROWS})
    quantized = Quantize("static_wi8_ai8").informed(ranges, SCHEME)(model)
    return rank(model, quantized, SCHEME, ranges, [{"x": row[np.newaxis]} for row in ROWS[:8]])


@pytest.fixture
def with_outlier(make: Callable[..., Model]) -> Model:
    """Three layers; one channel of what the second reads is a thousand times as large as the others and hardly used."""
    outlier = SQUARE[0].copy()
    outlier[:, 3] *= 1000
    reader = SQUARE[1].copy()
    reader[3] /= 1000
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="first"),
        helper.make_node("MatMul", ["h", "b"], ["i"], name="second"),
        helper.make_node("MatMul", ["i", "c"], ["y"], name="third"),
    ]
    return make(nodes, ("batch", 8), {"a": outlier, "b": reader, "c": SQUARE[2]}, ("batch", 8))


def test_the_node_that_reads_an_outlier_channel_comes_first_and_says_so(with_outlier: Model) -> None:
    found = ranked(with_outlier)

    assert {node.node for node in found[:2]} == {"first", "second"}
    assert found[0].snr_db < 20 < found[2].snr_db
    assert found[2].node == "third"
    for node in found[:2]:
        assert node.tensor == "h"
        assert node.why.startswith("channel 3 of h reaches ")


def test_a_difference_of_nearly_equal_tensors_is_named(make: Callable[..., Model]) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="small"),
        helper.make_node("MatMul", ["x", "b"], ["large"], name="large"),
        helper.make_node("Add", ["h", "large"], ["both"], name="both"),
        helper.make_node("Sub", ["both", "large"], ["back"], name="back"),
        helper.make_node("MatMul", ["back", "c"], ["y"], name="last"),
    ]
    model = make(nodes, ("batch", 8), {"a": SQUARE[0], "b": 100 * SQUARE[1], "c": SQUARE[2]}, ("batch", 8))

    worst = {node.node: node for node in ranked(model)}
    assert worst["both"].snr_db < 10
    assert worst["both"].why.startswith("Sub back behind it takes nearly equal tensors from each other: ")


def test_equal_models_are_ranked_alike(with_outlier: Model) -> None:
    assert ranked(with_outlier) == ranked(with_outlier)


def test_an_isolated_node_is_quantized_as_in_the_whole_and_nothing_else_is(with_outlier: Model) -> None:
    whole = Quantize("static_wi8_ai8").informed(calibrate(with_outlier, {"x": ROWS}), SCHEME)(with_outlier)
    assert [node.name for node in quantized_nodes(whole.ir, SCHEME)] == ["first", "second", "third"]

    alone = isolate(whole.ir, with_outlier.ir, "second", SCHEME)

    assert [node.op_type for node in alone.graph] == [
        "MatMul",
        "QuantizeLinear",
        "DequantizeLinear",
        "DequantizeLinear",
        "MatMul",
        "QuantizeLinear",
        "DequantizeLinear",
        "MatMul",
    ]


def test_a_node_that_only_reads_what_others_made_of_integers_is_not_ranked(make: Callable[..., Model]) -> None:
    """The scheme has no rule for Sin, and the last layer was asked to stay float."""
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], name="first"),
        helper.make_node("Sin", ["h"], ["s"], name="sine"),
        helper.make_node("MatMul", ["s", "b"], ["i"], name="second"),
        helper.make_node("MatMul", ["i", "c"], ["y"], name="kept"),
    ]
    model = make(nodes, ("batch", 8), {"a": SQUARE[0], "b": SQUARE[1], "c": SQUARE[2]}, ("batch", 8))
    ranges = calibrate(model, {"x": ROWS})
    quantized = Quantize("static_wi8_ai8", keep_float=["kept"]).informed(ranges, SCHEME)(model)

    assert [str(node.name) for node in quantized_nodes(quantized.ir, SCHEME)] == ["first", "second"]
