"""Training stops where it must, goes on where it was, and says why it cannot begin."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewright.compiler.graph_digest import graph_digest
from edgewright.compiler.model import Model
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.train import loop
from edgewright.compiler.train.distill import Distill
from edgewright.compiler.train.finetune import Finetune
from edgewright.compiler.train.material import Material, Standing
from edgewright.compiler.train.record import training_records
from edgewright.vocabulary.errors import DataError, ModelError, RequestError

Give = Callable[..., Material]


@pytest.fixture(scope="module")
def narrow(digits: Model) -> Model:
    return Prune(structured=True, macs="60%")(digits)


class KilledError(Exception):
    pass


def dying_after(calls: int) -> Callable[..., dict[str, np.ndarray]]:
    left = calls

    def augment(rows: dict[str, np.ndarray], draw: np.random.Generator) -> dict[str, np.ndarray]:
        nonlocal left
        left -= 1
        if left < 0:
            raise KilledError
        return {name: array + draw.normal(size=array.shape).astype(array.dtype) for name, array in rows.items()}

    return augment


def test_whenever_it_is_killed_it_comes_to_the_same_weights(
    narrow: Model, give: Give, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    step, moments = Distill(epochs=3, mix=0.3), random.Random(7)
    whole = step.taught(give(augment=dying_after(10**6)))(narrow)
    attempts = 0
    while True:
        attempts += 1
        try:
            resumed = step.taught(give(augment=dying_after(moments.randrange(1, 8)), home=tmp_path))(narrow)
        except KilledError:
            continue
        break
    assert attempts > 2
    assert graph_digest(resumed) == graph_digest(whole)
    assert training_records(resumed.ir) == training_records(whole.ir)


def test_a_harmed_checkpoint_is_not_believed(narrow: Model, give: Give, tmp_path: Path) -> None:
    (tmp_path / loop.FILE).write_bytes(b"half of a file")
    step = Distill(epochs=1)
    assert graph_digest(step.taught(give(home=tmp_path))(narrow)) == graph_digest(step.taught(give())(narrow))


def test_a_loss_that_is_not_finite_ends_it_and_the_last_good_weights_are_kept(narrow: Model, give: Give) -> None:
    calls = 0

    def too_large_at_step_16(rows: dict[str, np.ndarray], _: np.random.Generator) -> dict[str, np.ndarray]:
        nonlocal calls
        calls += 1
        return {name: np.full_like(array, 3e38) if calls == 16 else array for name, array in rows.items()}

    learned = Distill(epochs=20, learning_rate=0.01).taught(give(augment=too_large_at_step_16))(narrow)
    (record,) = training_records(learned.ir)
    assert record.stopped == "the loss of step 16 was not finite"
    assert (record.steps, record.planned) == (15, 120)
    assert record.kept in (6, 12)
    assert record.metric.after > record.metric.before
    weights = [value.const_value for value in learned.graph.initializers.values()]
    assert all(np.isfinite(tensor.numpy()).all() for tensor in weights if tensor is not None)


def test_a_budget_too_small_for_one_epoch_is_refused(narrow: Model, give: Give) -> None:
    with pytest.raises(RequestError, match=r"the budget of 1 ms ends at step 1 of 6 of the first epoch, which takes"):
        Distill(epochs=3, budget="1 ms").taught(give())(narrow)


def test_a_budget_ends_training_between_two_epochs(narrow: Model, give: Give) -> None:
    learned = Distill(epochs=100_000, budget="1 s").taught(give())(narrow)
    (record,) = training_records(learned.ir)
    assert record.stopped == "the budget of 1 s was used up"
    assert 0 < record.steps < record.planned
    assert record.steps % 6 == 0


def test_what_it_is_doing_is_told(narrow: Model, give: Give) -> None:
    told: list[Standing] = []
    Distill(epochs=2).taught(give(tell=told.append))(narrow)
    assert (told[-1].done, told[-1].total) == (12, 12)
    assert told[-1].text.startswith("epoch 2 of 2, loss ")
    assert told[-1].text.endswith(", 0 s left")


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        (np.arange(200) % 11, "the label of training row 10 is 10, and output 'probability' has the classes 0 to 9"),
        (np.full(200, -1), "the label of training row 0 is -1"),
        (np.zeros((200, 3), np.int64), r"labels are whole numbers of shape \[200, 3\]"),
        (np.zeros((200, 9), np.float32), r"labels are float32 of shape \[200, 9\]"),
        (np.full((200, 10), np.nan, np.float32), "labels hold NaN or infinities, first in row 0"),
        (np.full((200, 10), 1.5, np.float32), "labels lie between 1.5 and 1.5, and output 'probability' gives shares"),
        (np.zeros(199, np.int64), "there are 199 labels for 200 rows"),
        (None, "finetune learns from labels, and the rows have none"),
    ],
)
def test_labels_that_are_not_the_outputs_are_refused(narrow: Model, give: Give, labels: Any, error: str) -> None:
    with pytest.raises(DataError, match=error):
        Finetune(epochs=1).taught(give(labels=labels))(narrow)


@pytest.mark.parametrize(("count", "words"), [(0, "there are no rows"), (1, "there is 1 row")])
def test_rows_must_be_there(narrow: Model, give: Give, count: int, words: str) -> None:
    with pytest.raises(DataError, match=f"{words} to learn from"):
        Distill(epochs=1).taught(give(count))(narrow)


def test_an_output_that_is_not_there_is_named(narrow: Model, give: Give) -> None:
    with pytest.raises(ModelError, match="output = 'boxes': the model has no such output of floats"):
        Distill(epochs=1, output="boxes").taught(give())(narrow)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"epochs": 0}, "epochs = 0"),
        ({"epochs": 1, "batch": 0}, "batch = 0"),
        ({"epochs": 1, "learning_rate": 0.0}, "learning_rate = 0.0"),
        ({"epochs": 1, "holdout": "60%"}, "holdout = '60%'"),
        ({"epochs": 1, "holdout": "0%"}, "holdout = '0%'"),
        ({"epochs": 1, "budget": "ten"}, "budget = 'ten'"),
        ({"epochs": 1, "mix": 2.0}, "mix = 2.0"),
        ({"epochs": 1, "temperature": 0.0}, "temperature = 0.0"),
        ({"epochs": 1, "hard": 1.5}, "hard = 1.5"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(said: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Distill(**said)
