"""Products of smaller layers stand for a layer: they compute the same where its weights are of low rank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgewright.compiler.inspect import summarize
from edgewright.compiler.low_rank.low_rank import LowRank
from edgewright.compiler.model import Model
from edgewright.compiler.quantize.moments import second_moments
from edgewright.compiler.quantize.record import notes
from edgewright.compiler.recipe import parse
from edgewright.vocabulary.errors import ConfigError, ModelError, RefusedError

Build = Callable[..., Model]
Rows = Callable[[Model, int], dict[str, np.ndarray]]
Run = Callable[..., dict[str, np.ndarray]]

ROUNDING = 2e-5
"""float32, and other orders of addition: outputs are of the size of 1."""

CONV = """<ir_version: 9, opset_import: ["" : 20]>
    g (float[n, 32, 12, 12] x) => (float[n, 40, 6, 6] y)
    <float[40,32,3,3] w, float[40] b> {
    y = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w, b) }"""

NETWORKS = {
    "a strided kernel": CONV,
    "a dilated kernel": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 32, 12, 12] x) => (float[n, 40, 12, 12] y)
        <float[40,32,3,3] w> {
        y = Conv <pads = [2, 2, 2, 2], dilations = [2, 2]> (x, w) }""",
    "a padded kernel of one place": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 32, 5, 5] x) => (float[n, 40, 4, 4] y)
        <float[40,32,1,1] w, float[40] b> {
        y = Conv <strides = [2, 2], pads = [1, 1, 1, 1], kernel_shape = [1, 1]> (x, w, b) }""",
    "a kernel along one axis": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 32, 20] x) => (float[n, 40, 20] y)
        <float[40,32,5] w, float[40] b> {
        y = Conv <auto_pad = "SAME_UPPER"> (x, w, b) }""",
    "few inputs": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 12, 12] x) => (float[n, 64, 10, 10] y)
        <float[64,3,3,3] w, float[64] b> {
        y = Conv (x, w, b) }""",
    "a scaled Gemm, stored the other way": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 48] x) => (float[n, 40] y)
        <float[40,48] w, float[40] b> {
        y = Gemm <transB = 1, alpha = 0.5, beta = 2.0> (x, w, b) }""",
    "MatMul on a stack of rows": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 2, 7, 48] x) => (float[n, 2, 7, 40] y)
        <float[48,40] w, float[40] b> {
        h = MatMul (x, w)
        y = Add (h, b) }""",
}


@pytest.mark.parametrize("network", NETWORKS)
def test_layers_of_low_rank_compute_the_same_by_less(network: str, build: Build, rows: Rows, run: Run) -> None:
    model = build(NETWORKS[network])
    small = LowRank(energy="99.9999%")(model)

    assert summarize(small).macs < 0.75 * summarize(model).macs
    assert small.signature == model.signature
    for count in (1, 3):
        inputs = rows(model, count)
        np.testing.assert_allclose(run(small, inputs)["y"], run(model, inputs)["y"], rtol=0, atol=ROUNDING)


def test_factors_are_called_by_their_node(build: Build) -> None:
    small = LowRank(energy="99.9999%")(build(CONV))

    assert [node.name for node in small.graph] == ["conv_0/low_rank_in", "conv_0/core", "conv_0/low_rank_out"]
    assert [value.shape for node in small.graph for value in node.outputs] == [
        ["n", 8, 12, 12],
        ["n", 8, 6, 6],
        ["n", 40, 6, 6],
    ]
    macs = summarize(small).macs
    assert {note.where: note.text for note in notes(small.ir)} == {
        "conv_0": "rank 8 of 32 inputs and 8 of 40 outputs keeps 100.0% of the energy; "
        f"{40 * 32 * 9 * 36:,} → {macs:,} multiply-accumulates",
        "": f"{40 * 32 * 9 * 36:,} → {macs:,} multiply-accumulates",
    }


TWO = """<ir_version: 9, opset_import: ["" : 20]>
    g (float[n, 48] x) => (float[n, 40] y)
    <float[48,48] w, float[48,40] v> {
    h = MatMul (x, w)
    r = Relu (h)
    i = MatMul (r, w)
    y = MatMul (i, v) }"""


def test_layers_of_one_weight_share_its_factors(build: Build, rows: Rows, run: Run) -> None:
    model = build(TWO)
    small = LowRank(energy="99.9999%")(model)

    assert sorted(small.graph.initializers) == ["v/low_rank_in", "v/low_rank_out", "w/low_rank_in", "w/low_rank_out"]
    inputs = rows(model, 2)
    np.testing.assert_allclose(run(small, inputs)["y"], run(model, inputs)["y"], rtol=0, atol=ROUNDING)


def test_only_the_layers_that_are_named_are_factored(build: Build, rows: Rows, run: Run) -> None:
    model = build(TWO)
    small = LowRank(energy="99.9999%", layers=["matmul_2"])(model)

    assert [node.name for node in small.graph if node.op_type == "MatMul"] == [
        "matmul_0",
        "matmul_2/low_rank_in",
        "matmul_2/low_rank_out",
        "matmul_3",
    ]
    inputs = rows(model, 2)
    np.testing.assert_allclose(run(small, inputs)["y"], run(model, inputs)["y"], rtol=0, atol=ROUNDING)
    with pytest.raises(ModelError, match="low_rank: layers names 'matmul_4'") as caught:
        LowRank(energy="90%", layers=["matmul_4"])(model)
    assert caught.value.hint == "did you mean 'matmul_3'?"


def test_more_energy_is_nearer(build: Build, rows: Rows, run: Run) -> None:
    model = build(CONV, rank=40)
    inputs = rows(model, 4)
    expected = run(model, inputs)["y"]

    errors = [
        float(np.square(run(LowRank(energy=energy, multiple=1)(model), inputs)["y"] - expected).mean())
        for energy in ("60%", "80%", "90%", "95%")
    ]

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.2 * errors[0]


DEEP = """<ir_version: 9, opset_import: ["" : 20]>
    g (float[n, 16, 12, 12] x) => (float[n, 10] y)
    <float[64,16,3,3] a, float[64,1,3,3] d, float[64,64,3,3] b, float[64,80,1,1] t, float[80,10] c> {
    h = Conv <pads = [1, 1, 1, 1]> (x, a)
    i = Conv <pads = [1, 1, 1, 1], group = 64> (h, d)
    j = Conv (i, b)
    k = ConvTranspose (j, t)
    p = GlobalAveragePool (k)
    f = Flatten (p)
    y = MatMul (f, c) }"""


@pytest.mark.parametrize("share", [0.8, 0.6])
def test_a_budget_is_of_the_whole_model_and_is_met(build: Build, share: float) -> None:
    model = build(DEEP, rank=64)
    small = LowRank(macs=f"{share:.0%}")(model)

    assert 0.97 * share < summarize(small).macs / summarize(model).macs <= share


def test_what_is_left_alone_says_why(build: Build) -> None:
    found = {note.where: note.text for note in notes(LowRank(macs="80%")(build(DEEP, rank=64)).ir)}

    assert found["conv_1"] == "left alone: it works in 64 groups"
    assert found["convtranspose_3"] == "left alone: ConvTranspose is not factored; Conv, Gemm and MatMul are"
    assert found["matmul_6"] == "left alone: other layers lose less for each multiply-accumulate"


def test_what_would_be_no_smaller_is_refused(build: Build) -> None:
    model = build(CONV, rank=40)
    with pytest.raises(RefusedError, match=r"low_rank: no layer would multiply less with energy = 0\.999 in multiples"):
        LowRank(energy="99.9%")(model)
    with pytest.raises(RefusedError, match=r"are left with the least ranks, which is more than 1% together"):
        LowRank(macs="1%")(model)


def test_calibration_says_which_inputs_matter(build: Build, rows: Rows, run: Run) -> None:
    model = build(CONV, rank=40)
    inputs = rows(model, 8)
    inputs["x"] *= np.geomspace(0.01, 1, 32, dtype=np.float32).reshape(-1, 1, 1)  # channels of very different size
    moments = dict(second_moments(model, inputs))
    expected = run(model, inputs)["y"]

    def error(weighted: bool) -> float:
        small = LowRank(macs="40%", weighted=weighted).informed(None, None, moments)(model)
        return float(np.square(run(small, inputs)["y"] - expected).mean())

    assert error(True) < 0.5 * error(False)


def test_the_same_model_comes_out_twice(build: Build) -> None:
    model = build(DEEP, rank=64)
    first, second = (LowRank(macs="70%")(model) for _ in range(2))

    for name, value in first.graph.initializers.items():
        again = second.graph.initializers[name].const_value
        assert value.const_value is not None
        assert again is not None
        np.testing.assert_array_equal(value.const_value.numpy(), again.numpy())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, 'say one of energy, as "95%", and macs, as "70%"'),
        ({"energy": "95%", "macs": "70%"}, 'say one of energy, as "95%", and macs, as "70%"'),
        ({"energy": "95"}, "energy = '95': expected"),
        ({"macs": "120%"}, "macs = '120%': expected a share between 0% and 100%"),
        ({"energy": "95%", "multiple": 0}, "multiple = 0: expected at least 1"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, object], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse([{"low_rank": options}], where="recipes.small")
