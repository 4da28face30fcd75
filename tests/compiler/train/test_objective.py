"""What is small when a model is right, and how large it may become."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgewright.compiler.train.objective import Kind, Scores, from_labels, relative_error
from edgewright.vocabulary.errors import DataError

BEHIND_SOFTMAX = Scores(output="probability", tensor="scores", kind=Kind.CLASSES)
BEHIND_SIGMOID = Scores(output="probability", tensor="scores", kind=Kind.EACH)
REALS = Scores(output="y", tensor="y", kind=Kind.REALS)


def test_shares_of_classes_are_learned_best_by_scores_whose_softmax_they_are() -> None:
    shares = torch.tensor([[0.7, 0.2, 0.1]])
    scores = shares.log().requires_grad_()
    (gradient,) = torch.autograd.grad(from_labels(BEHIND_SOFTMAX, scores, shares).sum(), scores)
    np.testing.assert_allclose(gradient.numpy(), 0, atol=1e-6)  # float32 rounds


def test_the_class_of_a_row_is_one_yes_among_noes_behind_a_sigmoid() -> None:
    found = torch.tensor([[30.0, -30.0], [30.0, 30.0]])
    losses = from_labels(BEHIND_SIGMOID, found, torch.tensor([0, 0]))
    np.testing.assert_allclose(losses.numpy(), [0, 15], atol=1e-6)  # the second is wrong by 30 in one of two


def test_an_output_of_one_number_a_row_learns() -> None:
    assert from_labels(REALS, torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])).tolist() == [0.0, 4.0]


def test_labels_of_another_size_are_not_stretched() -> None:
    with pytest.raises(DataError, match=r"labels are of shape \[2, 1\] .* output 'y' gives \[2, 3\]"):
        from_labels(REALS, torch.zeros(2, 3), torch.zeros(2, 1))


def test_a_batch_without_variance_is_taken_to_have_some() -> None:
    found, wanted = torch.tensor([[3.0]]), torch.tensor([[1.0]])
    assert float(relative_error(found, wanted, least=0.5)) == 8.0
