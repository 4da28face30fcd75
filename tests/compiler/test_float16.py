from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.model import Model, Precision
from edgewright.compiler.passes.float16 import REASON_KEY, Float16

Make, Run = Callable[..., Model], Callable[..., dict[str, np.ndarray]]
PRODUCT = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])


def ops(model: Model) -> list[str]:
    return [node.op_type for node in model.graph]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def test_weights_become_half_with_a_cast_behind_them(make: Make, run: Run) -> None:
    model = make(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["a"]), onnx.helper.make_node("Add", ["a", "b"], ["y"])],
        ("n", 40),
        {"w": noise(40, 8), "b": noise(8)},
    )
    half = Float16()(model)
    assert ops(half) == ["Cast", "MatMul", "Add"]
    assert half.precision is Precision.FP16
    assert {value.dtype for value in half.graph.initializers.values()} == {ir.DataType.FLOAT16, ir.DataType.FLOAT}
    x = noise(3, 40)
    # half a unit in the last place of float16 weights, 40 products
    np.testing.assert_allclose(run(half, {"x": x})["y"], run(model, {"x": x})["y"], atol=40 * 2**-11)


def test_weights_beyond_half_precision_stay_and_say_why(make: Make) -> None:
    weights = noise(40, 8)
    weights[3, 3] = 70000.0
    half = Float16()(make([PRODUCT], ("n", 40), {"w": weights}))
    assert ops(half) == ["MatMul"]
    assert half.graph.initializers["w"].metadata_props[REASON_KEY] == "holds 70000, float16 ends at 65504"
    assert half.precision is Precision.FP16


def test_half_precision_twice_is_half_precision_once(make: Make) -> None:
    once = Float16()(make([PRODUCT], ("n", 40), {"w": noise(40, 8)}))
    assert ops(Float16()(once)) == ops(once)
    assert ops(CLEANUP(once)) == ops(once)
