"""Channels by what the loss needs: judged on rows, with labels and without."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from edgewright.compiler.model import Model
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.train.material import Material
from edgewright.vocabulary.errors import DataError, ToolError

Make = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]

SOURCE = np.random.default_rng(5)
ROWS = SOURCE.standard_normal((24, 4, 5, 5)).astype(np.float32)
BY_LOSS = {"structured": True, "macs": "50%", "importance": "taylor"}


def noise(*shape: int) -> np.ndarray:
    return SOURCE.standard_normal(shape).astype(np.float32)


def classifier(make: Make) -> Model:
    """Two convolutions, a mean and a softmax of 5 classes; of 32 channels the 16 largest are not read."""
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["x", "a", "ab"], ["h"], name="first"),
        node("HardSwish", ["h"], ["r"]),
        node("Conv", ["r", "b"], ["i"], name="second"),
        node("GlobalAveragePool", ["i"], ["p"]),
        node("Flatten", ["p"], ["s"]),
        node("Softmax", ["s"], ["y"]),
    ]
    a, b = noise(32, 4, 1, 1), noise(5, 32, 1, 1)
    a[::2] *= 10
    b[:, ::2] = 0
    return make(nodes, ("n", 4, 5, 5), {"a": a, "ab": noise(32), "b": b})


def material(model: Model, labels: np.ndarray | None) -> Material:
    return Material(rows={"x": ROWS}, labels=labels, digest="of some rows", teacher=model)


@pytest.mark.parametrize("labels", [None, np.arange(24) % 5], ids=["unlabelled", "labelled"])
def test_what_the_outputs_do_not_need_goes(labels: np.ndarray | None, make: Make, run: Run) -> None:
    model = classifier(make)
    small = Prune(**BY_LOSS).taught(material(model, labels))(model)
    by_magnitude = Prune(structured=True, macs="50%")(model)
    expected = run(model, {"x": ROWS})["y"]
    assert small.graph.node("first").outputs[0].shape[1] == 16
    np.testing.assert_allclose(run(small, {"x": ROWS})["y"], expected, atol=1e-6)  # zeros were added
    assert np.abs(run(by_magnitude, {"x": ROWS})["y"] - expected).max() > 0.01


def test_a_weight_times_its_gradient_is_what_the_loss_changes_by(make: Make) -> None:
    from edgewright.compiler.train.taylor import products

    node = onnx.helper.make_node
    weight = noise(4, 3)
    model = make([node("MatMul", ["x", "w"], ["y"], name="y")], ("n", 4), {"w": weight})
    rows, labels = noise(6, 4), np.arange(6) % 3
    scores = rows @ weight
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    slopes = rows[:, :, None] * (shares - np.eye(3)[labels])[:, None]  # of the cross entropy of each row
    given = Material(rows={"x": rows}, labels=labels, digest="of some rows", teacher=model)
    for found, slope in zip(products(model, given), slopes, strict=True):
        np.testing.assert_allclose(found["w"], weight * slope, atol=1e-6)


def test_labels_of_no_class_are_told(make: Make) -> None:
    model = classifier(make)
    with pytest.raises(DataError, match="label of training row 3 is 7, and output 'y' has the classes 0 to 4"):
        Prune(**BY_LOSS).taught(material(model, np.where(np.arange(24) == 3, 7, 0)))(model)


def test_only_the_loss_needs_rows(make: Make) -> None:
    assert Prune(**BY_LOSS).needs_material
    assert Prune(**BY_LOSS).packages == ("torch",)
    assert not Prune(structured=True, macs="50%").needs_material
    assert Prune(structured=True, macs="50%").packages == ()
    with pytest.raises(ToolError, match="Prune was applied without rows to learn from"):
        Prune(**BY_LOSS)(classifier(make))
