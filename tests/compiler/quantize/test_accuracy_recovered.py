"""Models with outlier channels lose their accuracy in plain int8, and the passes bring it back: real data, real runs.

The outliers are put into trained models without changing what they compute, as they grow by themselves in larger ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from sklearn.datasets import load_digits

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported
from edgewright.compiler.model import Model
from edgewright.compiler.quantize.calibrate import calibrate
from edgewright.compiler.quantize.equalize import Equalize
from edgewright.compiler.quantize.informed import InformedPass
from edgewright.compiler.quantize.quantize import Quantize
from edgewright.compiler.quantize.smooth_quant import SmoothQuant
from edgewright.targets.onnxruntime.schemes import SCHEMES
from edgewright.vocabulary.precision import Precision

Make, Read, Run = Callable[..., Model], Callable[..., Imported], Callable[..., dict[str, np.ndarray]]
DIGITS = Path(__file__).parents[3] / "examples" / "digits"
node = onnx.helper.make_node
OUTLIERS = [1, 7, 11]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A model of digits, rows to calibrate on, and other rows with labels to judge by."""

    model: Model
    calibration: dict[str, np.ndarray]
    evaluation: dict[str, np.ndarray]
    labels: np.ndarray

    def accuracy(self, run: Run, model: Model) -> float:
        (scores,) = run(model, self.evaluation).values()
        return float((scores.argmax(axis=1) == self.labels).mean())

    def int8(self, *steps: InformedPass) -> Model:
        model = self.model
        for step in (*steps, Quantize("static_wi8_ai8")):
            ranges = calibrate(model, self.calibration)
            model = step.informed(ranges, SCHEMES[Precision.STATIC_WI8_AI8])(model)
        return model


def weight(model: Model, name: str) -> np.ndarray:
    tensor = model.graph.initializers[name].const_value
    assert tensor is not None
    return tensor.numpy()


@pytest.fixture(scope="module")
def convolutions(read: Read) -> Task:
    """The trained network of the example, three channels between two of its layers 150 times larger."""
    model = CLEANUP(read(DIGITS / "digits.onnx").model)
    first, second = [one for one in model.graph if one.op_type == "Conv"][1:3]  # a depthwise one, and the one behind
    for name, axis, factor in (
        (first.inputs[1].name, 0, 150.0),
        (first.inputs[2].name, 0, 150.0),
        (second.inputs[1].name, 1, 1 / 150.0),
    ):
        array = np.moveaxis(weight(model, name).copy(), axis, 0)
        array[OUTLIERS] *= factor
        model.graph.initializers[name].const_value = ir.tensor(np.moveaxis(array, 0, axis).copy(), name=name)
    with np.load(DIGITS / "digits.npz") as data:
        return Task(
            model=model,
            calibration={"image": data["image"][:100]},
            evaluation={"image": data["image"][100:]},
            labels=data["label"][100:],
        )


def test_equalize_brings_back_what_outlier_channels_of_convolutions_cost(convolutions: Task, run: Run) -> None:
    original = convolutions.accuracy(run, convolutions.model)
    plain = convolutions.accuracy(run, convolutions.int8())
    equalized = convolutions.accuracy(run, convolutions.int8(Equalize()))
    assert plain < original - 0.10
    assert equalized >= original - 0.005


def test_equalize_by_activations_brings_it_back_too(convolutions: Task, run: Run) -> None:
    original = convolutions.accuracy(run, convolutions.model)
    assert convolutions.accuracy(run, convolutions.int8(Equalize(by="activations"))) >= original - 0.005


WIDTH, TOKENS, HEADS = 32, 8, 4


def block(head: np.ndarray, rng_seed: int = 0) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """A transformer block over the rows of an image as tokens, with fixed random weights and a head over all tokens."""
    rng = np.random.default_rng(rng_seed)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(np.float32)

    scale = np.ones(WIDTH, np.float32)
    scale[OUTLIERS] = 100.0
    weights: dict[str, Any] = {
        "embed": matrix(8, WIDTH),
        "position": matrix(TOKENS, WIDTH),
        "norm1": scale,
        "norm2": scale,
        "shift": np.float32(rng.standard_normal(WIDTH) * 0.1) * scale,
        **{name: matrix(WIDTH, WIDTH) / scale[:, None] for name in ("query", "key", "value")},
        "out": matrix(WIDTH, WIDTH),
        "up": matrix(WIDTH, 4 * WIDTH) / scale[:, None],
        "down": matrix(4 * WIDTH, WIDTH),
        "heads": np.int64([0, TOKENS, HEADS, WIDTH // HEADS]),
        "joined": np.int64([0, TOKENS, WIDTH]),
        "flat": np.int64([0, TOKENS * WIDTH]),
        "root": np.float32(1 / np.sqrt(WIDTH // HEADS)),
        "head": head,
    }
    nodes = [
        node("MatMul", ["x", "embed"], ["e"], "embedding"),
        node("Add", ["e", "position"], ["h"], "positions"),
        node("LayerNormalization", ["h", "norm1", "shift"], ["n1"], "attention_norm", axis=-1),
        *(node("MatMul", ["n1", name], [name[0]], name) for name in ("query", "key", "value")),
        *(node("Reshape", [part, "heads"], [f"{part}_"], f"{part}_heads") for part in "qkv"),
        node("Transpose", ["q_"], ["qt"], "qt", perm=[0, 2, 1, 3]),
        node("Transpose", ["k_"], ["kt"], "kt", perm=[0, 2, 3, 1]),
        node("Transpose", ["v_"], ["vt"], "vt", perm=[0, 2, 1, 3]),
        node("MatMul", ["qt", "kt"], ["scores"], "scores"),
        node("Mul", ["scores", "root"], ["scaled"], "scaled"),
        node("Softmax", ["scaled"], ["p"], "softmax", axis=-1),
        node("MatMul", ["p", "vt"], ["mixed"], "mixed"),
        node("Transpose", ["mixed"], ["mt"], "mt", perm=[0, 2, 1, 3]),
        node("Reshape", ["mt", "joined"], ["m"], "joining"),
        node("MatMul", ["m", "out"], ["o"], "out"),
        node("Add", ["h", "o"], ["h2"], "first_sum"),
        node("LayerNormalization", ["h2", "norm2"], ["n2"], "network_norm", axis=-1),
        node("MatMul", ["n2", "up"], ["u"], "up"),
        node("Gelu", ["u"], ["g"], "gelu"),
        node("MatMul", ["g", "down"], ["d"], "down"),
        node("Reshape", ["d", "flat"], ["features"], "flatten"),
        node("MatMul", ["features", "head"], ["y"], "head"),
    ]
    return nodes, weights


@pytest.fixture
def transformer(make: Make, run: Run) -> Task:
    """The block with a head that is fitted to digits by ridge regression; three channels are 100 times larger."""
    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pictures))
    x, labels = (pictures[order] / 16).astype(np.float32).reshape(-1, 8, 8), labels[order]
    nodes, weights = block(np.eye(TOKENS * WIDTH, dtype=np.float32))
    shape = ("n", TOKENS, 8)
    features = run(make(nodes, shape, weights), {"x": x[:1000]})["y"].astype(np.float64)
    wanted = np.eye(10)[labels[:1000]] - 0.1
    head = np.linalg.solve(features.T @ features + 10.0 * np.eye(features.shape[1]), features.T @ wanted)
    nodes, weights = block(head.astype(np.float32))
    return Task(
        model=make(nodes, shape, weights),
        calibration={"x": x[:100]},
        evaluation={"x": x[1000:]},
        labels=labels[1000:],
    )


def test_smooth_quant_brings_back_what_outlier_channels_of_attention_cost(transformer: Task, run: Run) -> None:
    original = transformer.accuracy(run, transformer.model)
    plain = transformer.accuracy(run, transformer.int8())
    smoothed = transformer.accuracy(run, transformer.int8(SmoothQuant()))
    assert original > 0.9
    assert plain < original - 0.10
    assert smoothed >= original - 0.01
