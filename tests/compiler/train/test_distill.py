"""A model learns to answer as the original does, or from labels, and stays a hub model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest

from edgewright.compiler.graph_digest import graph_digest
from edgewright.compiler.model import Model
from edgewright.compiler.passes.fix_dimensions import FixDimensions
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.quantize.record import notes
from edgewright.compiler.train.distill import Distill
from edgewright.compiler.train.finetune import Finetune
from edgewright.compiler.train.material import Material
from edgewright.compiler.train.record import training_records
from edgewright.compiler.train.reinitialize import Reinitialize
from edgewright.vocabulary.errors import ModelError

Give = Callable[..., Material]


def weights_of(model: Model) -> dict[str, np.ndarray]:
    tensors = {name: value.const_value for name, value in model.graph.initializers.items()}
    return {name: tensor.numpy() for name, tensor in tensors.items() if tensor is not None}


def accuracy(model: Model, data: dict[str, np.ndarray], start: int = 300) -> float:
    session = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString())
    found = session.run(None, {"image": data["image"][start:]})[0]
    return 100 * float((found.argmax(axis=1) == data["label"][start:]).mean())


@pytest.fixture(scope="module")
def narrow(digits: Model) -> Model:
    return Prune(structured=True, macs="60%")(digits)


def test_what_pruning_broke_is_mended_without_labels(narrow: Model, give: Give, data: Any) -> None:
    learned = Distill(epochs=15, learning_rate=0.01).taught(give(300, labels=None))(narrow)
    assert accuracy(narrow, data) < 60
    assert accuracy(learned, data) > 90
    onnx.checker.check_model(ir.to_proto(learned.ir), full_check=True)


def test_the_record_says_what_was_seen_and_done(narrow: Model, give: Give, digits: Model) -> None:
    learned = Distill(epochs=2, seed=3, hard=0.5, learning_rate=0.02).taught(give())(narrow)
    (record,) = training_records(learned.ir)
    assert (record.step, record.data, record.rows, record.seed) == ("distill", "of some rows", 200, 3)
    assert json.loads(record.options) == {"epochs": 2, "hard": 0.5, "learning_rate": 0.02, "seed": 3}
    assert (record.steps, record.planned, record.labelled, record.stopped) == (12, 12, True, "")
    assert record.teacher == graph_digest(digits)
    assert (record.metric.name, record.metric.rows) == ("accuracy", 20)
    assert record.metric.after > record.metric.before
    (said,) = [each.text for each in notes(learned.ir) if each.step == "distill"]
    assert said.startswith("accuracy on 20 rows held back: ")


def test_equal_seeds_give_equal_weights_and_others_do_not(narrow: Model, give: Give) -> None:
    one, other, third = (Distill(epochs=1, seed=seed).taught(give())(narrow) for seed in (1, 1, 2))
    assert graph_digest(one) == graph_digest(other) != graph_digest(third)


def test_the_model_given_stays_as_it_was(narrow: Model, give: Give) -> None:
    before = graph_digest(narrow)
    Finetune(epochs=1).taught(give())(narrow)
    assert graph_digest(narrow) == before


def test_zeros_stay_zero_and_the_rest_learns(digits: Model, give: Give) -> None:
    sparse = Prune(sparsity="80%")(digits)
    learned = Distill(epochs=1).taught(give())(sparse)
    before, after = weights_of(sparse), weights_of(learned)
    matrices = [name for name, array in before.items() if array.ndim > 1 and array.size >= 2048]
    assert len(matrices) >= 1
    for name in matrices:
        np.testing.assert_array_equal(after[name] == 0, before[name] == 0)
        assert (after[name] != before[name]).any()


def test_a_model_of_a_fixed_batch_learns_the_same(narrow: Model, digits: Model, give: Give) -> None:
    symbol = str(narrow.signature.inputs[0].shape[0])
    fixed, teacher = (FixDimensions({symbol: 1})(model) for model in (narrow, digits))
    opened = Distill(epochs=1).taught(give(64))(narrow)
    learned = Distill(epochs=1).taught(give(64, teacher=teacher))(fixed)
    after = weights_of(opened)
    for name, array in weights_of(learned).items():
        # sums over a batch are taken in another order, and AdamW makes the same step of any small gradient
        np.testing.assert_allclose(array, after[name], atol=2e-3)


def test_inner_tensors_are_matched_through_a_map_where_widths_differ(narrow: Model, give: Give) -> None:
    pairs = [
        (here.outputs[0].name, here.outputs[0].shape)
        for here in narrow.graph
        if here.op_type == "Conv" and here.outputs[0].shape is not None
    ]
    name = str(pairs[-1][0])
    learned = Distill(epochs=1, features={name: name}, feature_weight=5.0).taught(give())(narrow)
    plain = Distill(epochs=1).taught(give())(narrow)
    assert graph_digest(learned) != graph_digest(plain)
    assert not any("adapter" in name for name in learned.graph.initializers)


def test_a_feature_that_is_not_there_is_named(narrow: Model, give: Give) -> None:
    with pytest.raises(ModelError, match="the student has no tensor or node 'conv9'"):
        Distill(epochs=1, features={"conv9": "conv9"}).taught(give())(narrow)


def test_labels_alone_teach_too(narrow: Model, give: Give, data: Any) -> None:
    learned = Finetune(epochs=6, learning_rate=0.01).taught(give(300))(narrow)
    assert accuracy(learned, data) > accuracy(narrow, data) + 20


def test_a_model_of_the_users_learns_instead(digits: Model, narrow: Model, give: Give) -> None:
    other = replace(Reinitialize(seed=4)(narrow), source=msgspec.structs.replace(narrow.source, digest="0" * 64))
    learned = Distill(epochs=1, student="student.onnx").taught(give(student=other))(digits)
    shapes = {name: array.shape for name, array in weights_of(other).items()}
    assert {name: array.shape for name, array in weights_of(learned).items()} == shapes
    assert learned.source == digits.source
    assert graph_digest(learned) != graph_digest(other)


def test_a_narrow_copy_is_made_by_steps_in_front() -> None:
    with pytest.raises(ValueError, match=r'prune = \{ structured = true, width = "50%" \}'):
        Distill(epochs=1, student="50%")
