"""Bias correction and second-order rounding as options of the quantize step, on models that run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.moments import second_moments
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.quantize.record import notes
from edgewright.compiler.quantize.scheme import Grid, OpRule, Role, Scheme
from edgewright.vocabulary.errors import ToolError
from edgewright.vocabulary.precision import Precision

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
node = onnx.helper.make_node
LAYER = (Role.ACTIVATION, Role.WEIGHT, Role.BIAS)


def scheme(bits: ir.DataType, *, static: bool = True) -> Scheme:
    return Scheme(
        name="test",
        precision=Precision.STATIC_WI8_AI8,
        weights=Grid(dtype=bits, symmetric=True, narrow=True),
        activations=Grid(dtype=ir.DataType.INT8, symmetric=False) if static else None,
        bias=Grid(dtype=ir.DataType.INT32, symmetric=True),
        ops={
            "Conv": OpRule(inputs=LAYER, weight_axis=0),
            "Gemm": OpRule(inputs=LAYER, weight_axis=1),
            "MatMul": OpRule(inputs=LAYER, weight_axis=-1, gives_float=True),
        },
        fused=frozenset({("Conv", "Relu")}),
    )


def quantized(model: Model, x: np.ndarray, own: Scheme, precision: str = "static_wi8_ai8", **options: object) -> Model:
    step = Quantize(precision, **options)  # type: ignore[arg-type]  # options of a recipe
    moments = dict(second_moments(model, {"x": x})) if step.needs_moments else None
    return step.informed(calibrate(model, {"x": x}), own, moments)(model)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def photographs(rows: int, seed: int) -> np.ndarray:
    """Smooth positive images, float32[rows, 3, 12, 12]: neighbouring pixels are alike, as in what cameras see."""
    x = np.abs(noise(rows, 3, 14, 14, seed=seed))
    smooth = sum(x[:, :, i : i + 12, j : j + 12] for i in range(3) for j in range(3))
    return np.asarray(smooth / 9, np.float32)


def two_convolutions(make: Make) -> Model:
    return make(
        [
            node("Conv", ["x", "w1", "b1"], ["a"], "first"),
            node("Relu", ["a"], ["r"], "relu"),
            node("Conv", ["r", "w2"], ["y"], "second"),
        ],
        ("n", 3, 12, 12),
        {"w1": noise(16, 3, 3, 3), "b1": noise(16, seed=1), "w2": noise(8, 16, 3, 3, seed=2)},
    )


def errors(run: Run, model: Model, result: Model, x: np.ndarray) -> np.ndarray:
    return run(result, {"x": x})["y"].astype(np.float64) - run(model, {"x": x})["y"]


def test_bias_correction_brings_the_mean_error_of_each_channel_down(make: Make, run: Run) -> None:
    model, x, unseen = two_convolutions(make), photographs(40, 1), photographs(40, 2)
    grid = scheme(ir.DataType.INT4)
    plain, corrected = (
        np.abs(errors(run, model, quantized(model, x, grid, bias_correction=choice), unseen).mean(axis=(0, 2, 3)))
        for choice in (False, True)
    )
    assert corrected.mean() < 0.5 * plain.mean()


def test_second_order_rounding_lowers_the_error_on_rows_that_it_has_not_seen(make: Make, run: Run) -> None:
    model, x, unseen = two_convolutions(make), photographs(40, 1), photographs(40, 2)
    grid = scheme(ir.DataType.INT4)
    plain, better = (
        (errors(run, model, quantized(model, x, grid, rounding=rounding), unseen) ** 2).mean()
        for rounding in ("nearest", "second_order")
    )
    assert 10 * np.log10(plain / better) > 3.0


def test_both_say_what_they_did_to_each_layer(make: Make) -> None:
    result = quantized(two_convolutions(make), photographs(8, 1), scheme(ir.DataType.INT8), rounding="second_order")
    said = [(one.where, one.text.split(" by ")[0].split(" in ")[0]) for one in notes(result.ir)]
    assert said == [
        ("first", "second-order rounding"),
        ("first", "bias corrected"),
        ("second", "second-order rounding"),
        ("second", "bias corrected"),
    ]


def test_a_sum_behind_a_matmul_that_stays_float_takes_the_correction(make: Make, run: Run) -> None:
    model = make(
        [node("MatMul", ["x", "w"], ["m"], "product"), node("Add", ["m", "b"], ["y"], "bias")],
        ("n", 32),
        {"w": noise(32, 8), "b": noise(8, seed=1)},
    )
    x, grid = np.abs(noise(300, 32, seed=2)), scheme(ir.DataType.INT4)
    plain, corrected = (
        np.abs(errors(run, model, quantized(model, x, grid, bias_correction=choice), x).mean(axis=0))
        for choice in (False, True)
    )
    assert corrected.max() < 0.2 * plain.max()  # what is left comes from the rounding of the input


def test_a_product_without_a_bias_is_not_given_one(make: Make) -> None:
    model = make([node("MatMul", ["x", "w"], ["y"], "product")], ("n", 32), {"w": noise(32, 8)})
    result = quantized(model, np.abs(noise(9, 32)), scheme(ir.DataType.INT8), bias_correction=True)
    assert "Add" not in [one.op_type for one in result.graph]
    assert notes(result.ir) == ()


@pytest.mark.parametrize("factors", [{"beta": 0.5}, {"alpha": 2.0}])
def test_a_bias_that_gemm_scales_itself_stays(make: Make, run: Run, factors: dict[str, float]) -> None:
    model = make(
        [node("Gemm", ["x", "w", "b"], ["y"], "gemm", **factors)],
        ("n", 32),
        {"w": noise(32, 8), "b": 100 * np.abs(noise(8, seed=1))},
    )
    x = np.abs(noise(50, 32, seed=2))
    result = quantized(model, x, scheme(ir.DataType.INT8, static=False), bias_correction=True)
    # rounded weights alone: half a step of 1/127 of at most 4, by 32 inputs of about 1, twice for alpha
    assert np.abs(errors(run, model, result, x)).max() < 2 * 32 * 0.5 * 4 / 127


def test_without_moments_second_order_rounding_is_a_bug_of_the_caller(make: Make) -> None:
    step = Quantize("static_wi8_ai8", rounding="second_order")
    model, x = two_convolutions(make), photographs(2, 1)
    with pytest.raises(ToolError, match="without the second moments"):
        step.informed(calibrate(model, {"x": x}), scheme(ir.DataType.INT8))(model)


def test_what_a_choice_needs_to_know_follows_from_it() -> None:
    def needs(precision: str, **options: object) -> tuple[bool, bool]:
        step = Quantize(precision, **options)  # type: ignore[arg-type]  # options of a recipe
        return step.needs_ranges, step.needs_moments

    assert needs("static_wi8_ai8") == (True, False)
    assert needs("static_wi8_ai8", rounding="second_order") == (True, True)
    assert needs("weight_only_wi4_afp32") == (False, False)
    assert needs("weight_only_wi4_afp32", rounding="second_order") == (False, True)
    assert needs("weight_only_wi4_afp32", bias_correction=True) == (True, False)


def test_a_rounding_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="expected one of nearest, second_order"):
        Quantize("static_wi8_ai8", rounding="up")


def test_the_same_rows_give_the_same_bytes(make: Make) -> None:
    model, x = two_convolutions(make), photographs(8, 1)
    once, again = (
        ir.to_proto(quantized(model, x, scheme(ir.DataType.INT8), rounding="second_order").ir).SerializeToString(
            deterministic=True
        )
        for _ in range(2)
    )
    assert once == again
