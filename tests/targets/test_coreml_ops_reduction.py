"""Reductions, the places of extremes and running totals, against ONNX's own definition of them."""

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
REDUCTIONS = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"]


def reference(built, feeds):
    return ReferenceEvaluator(ir.to_proto(built.model.ir)).run(None, feeds)[0]


@st.composite
def reductions(draw):
    rank = draw(st.integers(1, 4))
    shape = draw(st.lists(st.integers(1, 3), min_size=rank, max_size=rank))
    axes = draw(st.lists(st.integers(-rank, rank - 1), max_size=rank, unique_by=lambda axis: axis % rank))
    return draw(st.sampled_from(REDUCTIONS)), shape, axes, draw(st.booleans()), draw(st.booleans())


@given(reductions())
@FEW
def test_over_any_axes(coreml, drawn):
    op, shape, axes, kept, none_when_empty = drawn
    x = np.random.default_rng(4).uniform(0.1, 2, shape).astype(np.float32)
    gone = {axis % len(shape) for axis in axes} or (set() if none_when_empty else {*range(len(shape))})
    sizes = [1 if axis in gone else size for axis, size in enumerate(shape) if kept or axis not in gone]
    text = (
        f"(float{shape} x) => (float{sizes} y) "
        f"{{ y = Reduce{op}<keepdims={int(kept)}, noop_with_empty_axes={int(none_when_empty)}>(x, axes) }}"
    )
    built = coreml(text, {"x": x}, {"axes": np.array(axes, np.int64)})
    np.testing.assert_allclose(built.outputs["y"], reference(built, {"x": x}), rtol=2e-6, atol=1e-6)
    assert built.outputs["y"].shape == tuple(sizes)


def test_a_mean_of_integers_goes_towards_zero(coreml):
    x = np.array([[-3, -4], [3, 4], [1, 2]], np.int32)
    text = "(int32[3,2] x) => (int32[3] y) { y = ReduceMean<keepdims=0>(x, axes) }"
    got = coreml(text, {"x": x}, {"axes": np.array([1])}).outputs["y"]
    assert got.tolist() == [-3, 3, 1]


@pytest.mark.parametrize(("op", "wanted"), [("ReduceMax", [True, False, True]), ("ReduceMin", [True, False, False])])
def test_extremes_of_booleans(coreml, op, wanted):
    x = np.array([[True, True], [False, False], [False, True]])
    text = f"(bool[3,2] x) => (bool[3] y) {{ y = {op}<keepdims=0>(x, axes) }}"
    assert coreml(text, {"x": x}, {"axes": np.array([1])}).outputs["y"].tolist() == wanted


def test_a_sum_of_a_scalar_is_the_scalar(coreml):
    got = coreml("(float x) => (float y) { y = ReduceSum(x) }", {"x": np.float32(2.5)}).outputs["y"]
    assert got.shape == ()
    assert got == 2.5


def test_the_log_of_nothing_is_minus_infinity(coreml):
    x = np.array([0, 1, np.e], np.float32)
    text = "(float[3] x) => (float[3] y, float[1] z) { y = Log(x) zero = Sub(x, x) z = ReduceLogSum(zero) }"
    got = coreml(text, {"x": x}).outputs
    np.testing.assert_allclose(got["y"], [-np.inf, 0, 1], rtol=1e-6)
    assert got["z"].tolist() == [-np.inf]


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_of_several_extremes_the_first_or_the_last(coreml, op, last, axis):
    x = np.random.default_rng(5).integers(0, 3, (3, 4, 5)).astype(np.float32)
    shape = [size for place, size in enumerate(x.shape) if place != axis % 3]
    text = f"(float[3,4,5] x) => (int64{shape} y) {{ y = {op}<axis={axis}, keepdims=0, select_last_index={last}>(x) }}"
    built = coreml(text, {"x": x})
    np.testing.assert_array_equal(built.outputs["y"], reference(built, {"x": x}))


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize("last", [0, 1])
def test_extremes_along_an_axis_whose_size_is_open(hub_of_text, tmp_path, op, last):
    text = f"(float[N,2] x) => (int64[1,2] y) {{ y = {op}<select_last_index={last}>(x) }}"
    options = Options(variant="fp32", settings={"flexible": {"N": "1..9"}})
    artifact = CoreML().compile(hub_of_text(text), options, tmp_path)
    session = Runtime().load(tmp_path / artifact.files[0].path, RunOptions())
    x = np.array([[1, 2], [0, 2], [1, 0], [0, 0]], np.float32)
    wanted = {("ArgMax", 0): [0, 0], ("ArgMax", 1): [2, 1], ("ArgMin", 0): [1, 2], ("ArgMin", 1): [3, 3]}
    assert session.run({"x": x})["y"].tolist() == [wanted[op, last]]


def test_the_place_of_an_extreme_beside_nan_exists(coreml):
    x = np.array([[np.nan, np.nan, np.nan]], np.float32)
    text = "(float[1,3] x) => (int64[1,1] y, int64[1,1] z) { y = ArgMax<axis=1>(x) z = ArgMin<axis=1>(x) }"
    got = coreml(text, {"x": x}).outputs
    assert 0 <= got["y"] < 3
    assert 0 <= got["z"] < 3


@given(
    op=st.sampled_from(["CumSum", "CumProd"]),
    axis=st.integers(-2, 1),
    exclusive=st.integers(0, 1),
    reverse=st.integers(0, 1),
    size=st.integers(1, 9),
)
@FEW
def test_running_totals(coreml, op, axis, exclusive, reverse, size):
    x = np.random.default_rng(6).integers(-4, 5, (3, size)).astype(np.int32)
    attributes = f"exclusive={exclusive}, reverse={reverse}"
    text = f"(int32[3,{size}] x) => (int32[3,{size}] y) {{ y = {op}<{attributes}>(x, axis) }}"
    got = coreml(text, {"x": x}, {"axis": np.array(axis)}, opset=26).outputs["y"]
    np.testing.assert_array_equal(got, running(op, x, axis, exclusive, reverse))


def test_the_product_before_a_single_element_is_one(coreml):
    x = np.array([[3], [4]], np.float32)
    text = "(float[2,1] x) => (float[2,1] y) { y = CumProd<exclusive=1>(x, axis) }"
    assert coreml(text, {"x": x}, {"axis": np.array(1)}, opset=26).outputs["y"].tolist() == [[1], [1]]


def running(op, x, axis, exclusive, reverse):
    lines = np.moveaxis(x, axis, -1)
    lines = lines[..., ::-1] if reverse else lines
    totals = (np.cumsum if op == "CumSum" else np.cumprod)(lines, -1)
    if exclusive:
        start = np.full_like(totals[..., :1], op == "CumProd")
        totals = np.concatenate([start, totals[..., :-1]], -1)
    return np.moveaxis(totals[..., ::-1] if reverse else totals, -1, axis)
