"""What is trained with integers is what ships."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.quantize.ranges import Ranges
from edgewright.compiler.quantize.scheme import Scheme
from edgewright.compiler.train.fake_quantized import FakeQuantized
from edgewright.compiler.train.function import tensors
from edgewright.compiler.train.material import Material
from edgewright.compiler.train.qat import Qat
from edgewright.compiler.train.record import training_records
from edgewright.compiler.train.weights import put_back
from edgewright.targets.table import load_target
from edgewright.vocabulary.precision import Precision

Give = Callable[..., Material]


@pytest.fixture(scope="module")
def ranges(digits: Model, data: dict[str, np.ndarray]) -> Ranges:
    return calibrate(digits, {"image": data["image"][:50]})


def scheme(target: str, precision: Precision) -> Scheme:
    return load_target(target).schemes()[precision]


def outputs(model: Model, rows: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # float sums of integers
    session = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString(), options)
    return np.asarray(session.run(None, {"image": rows})[0])


@pytest.mark.parametrize(
    ("target", "precision"),
    [
        ("onnxruntime", Precision.STATIC_WI8_AI8),
        ("tflite", Precision.STATIC_WI8_AI8),
        ("tflite", Precision.DYNAMIC_WI8_AFP32),
        ("onnxruntime", Precision.DYNAMIC_WI8_AFP32),
        ("onnxruntime", Precision.WEIGHT_ONLY_WI4_AFP32),
        ("tflite", Precision.STATIC_WI8_AI16),
    ],
)
def test_the_trained_graph_gives_what_the_shipped_one_gives(
    digits: Model, ranges: Ranges, data: dict[str, np.ndarray], target: str, precision: Precision
) -> None:
    own = replace(scheme(target, precision), min_weight_elements=0)  # the model is small
    quantized = Quantize(precision).informed(ranges, own)(digits)
    student = FakeQuantized(quantized, digits.ir, own)
    draw = np.random.default_rng(0)
    changed = {
        name: (array + draw.normal(0, 0.02, array.shape)).astype(np.float32) for name, array in student.start.items()
    }
    rows = data["image"][:40]
    with torch.no_grad():
        computed = student.function({"image": rows}, ())(tensors({"image": rows}), tensors(changed))
    student.put(changed)
    shipped = outputs(student.model, rows)
    # sums of float32 in another order; one on the middle between two integers of 16 bits goes to either, and a step of
    # the output is 2⁻¹⁵ there (of 8 bits it would be 2⁻⁸)
    tolerance = 3 * 2**-15 if precision is Precision.STATIC_WI8_AI16 else 1e-6
    assert np.abs(computed["probability"].numpy() - shipped).max() < tolerance


def test_it_mends_what_rounding_broke(digits: Model, ranges: Ranges, give: Give, data: dict[str, np.ndarray]) -> None:
    own = scheme("onnxruntime", Precision.STATIC_WI8_AI8)
    coarse = replace(own, per_channel=False, weights=replace(own.weights, largest=3))
    rounded = Quantize("static_wi8_ai8").informed(ranges, coarse)(digits)
    learned = Qat(precision="static_wi8_ai8", epochs=6).informed(ranges, coarse).taught(give(300))(digits)
    assert learned.precision == Precision.STATIC_WI8_AI8

    def accuracy(model: Model) -> float:
        return 100 * float((outputs(model, data["image"][300:]).argmax(1) == data["label"][300:]).mean())

    assert accuracy(learned) > accuracy(rounded) + 5
    (record,) = training_records(learned.ir)
    assert record.step == "qat"
    integers = [value.const_value for value in learned.graph.initializers.values() if value.dtype == ir.DataType.INT8]
    weights = [tensor.numpy() for tensor in integers if tensor is not None and tensor.size > 16]
    assert weights
    assert all(np.abs(array).max() <= 3 for array in weights)


@pytest.mark.parametrize("said", [{"precision": "int7"}, {"precision": "static_wi8_ai8", "method": "guess"}])
def test_options_of_quantize_are_checked(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        Qat(epochs=1, **said)


def test_a_scale_of_a_whole_tensor_stays_a_scalar() -> None:
    model = ir.Model(ir.Graph([], [], nodes=[], opset_imports={"": 21}), ir_version=10)
    value = ir.Value(name="scale", const_value=ir.tensor(np.float32(0.5), name="scale"))
    model.graph.initializers["scale"] = value

    put_back(model, {"scale": np.array(0.25, np.float32)})

    assert value.const_value is not None
    assert value.const_value.numpy().shape == ()
    assert value.const_value.numpy() == 0.25
