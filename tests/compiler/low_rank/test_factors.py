"""Factors give the weights back at full rank, and come as near as a rank can below it."""

from __future__ import annotations

import numpy as np
import pytest

from edgewright.compiler.low_rank.factors import damped, energies_in, energies_out, factorize
from edgewright.compiler.low_rank.ranks import Choice, Size, curve, keeping, within

SHAPES = [(12, 8, 1), (8, 12, 1), (12, 8, 9), (6, 10, 3)]
EXACT = 1e-10
"""float64, after a decomposition of a Gram matrix and a handful of products."""


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def moments_of(weights: np.ndarray) -> np.ndarray:
    size = weights.shape[1] * weights.shape[2]
    x = drawn(300, size, seed=1) @ drawn(size, size, seed=2)
    return damped(x.T @ x / len(x))


def lost(weights: np.ndarray, product: np.ndarray, moments: np.ndarray | None = None) -> float:
    rows, wrong = weights.reshape(len(weights), -1), (weights - product).reshape(len(weights), -1)
    inner = np.eye(rows.shape[1]) if moments is None else moments
    return float(np.sum(wrong @ inner * wrong) / np.sum(rows @ inner * rows))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_weights_of_low_rank_come_back_whole(shape: tuple[int, int, int], weighted: bool) -> None:
    outputs, inputs, positions = shape
    into = 3 if positions > 1 else inputs
    product = np.einsum("os,srp,ri->oip", drawn(outputs, 4), drawn(4, into, positions), drawn(into, inputs))

    found = factorize(product, moments_of(product) if weighted else None, 4, into)

    assert lost(product, found.product()) < EXACT


@pytest.mark.parametrize("shape", SHAPES)
def test_one_side_loses_what_its_singular_values_say(shape: tuple[int, int, int]) -> None:
    weights = drawn(*shape)

    for rank in (2, 4, 6):
        rest = np.linalg.svd(weights.reshape(len(weights), -1), compute_uv=False)[rank:]
        found = factorize(weights, None, rank, shape[1])
        assert lost(weights, found.product()) == pytest.approx(np.sum(rest**2) / np.sum(weights**2), abs=EXACT)


def test_both_sides_lose_less_than_the_bound_by_which_ranks_are_chosen() -> None:
    weights = drawn(12, 8, 9)
    out, into = energies_out(weights, None), energies_in(weights, None)

    for rank_out, rank_in in [(2, 2), (6, 4), (8, 6), (11, 7)]:
        bound = out[rank_out:].sum() / out.sum() + into[rank_in:].sum() / into.sum()
        assert lost(weights, factorize(weights, None, rank_out, rank_in).product()) < bound


@pytest.mark.parametrize(("shape", "ranks"), [((12, 8, 1), (4, 8)), ((8, 12, 1), (4, 12)), ((12, 8, 9), (5, 4))])
def test_moments_of_the_inputs_lower_the_error_of_the_outputs(
    shape: tuple[int, int, int], ranks: tuple[int, int]
) -> None:
    weights = drawn(*shape)
    moments = moments_of(weights)

    with_them = lost(weights, factorize(weights, moments, *ranks).product(), moments)
    without = lost(weights, factorize(weights, None, *ranks).product(), moments)

    assert with_them < 0.9 * without


def test_a_matrix_loses_least_by_its_moments_that_any_rank_can() -> None:
    weights = drawn(8, 12, 1)
    moments = moments_of(weights)
    values = np.linalg.svd(weights[:, :, 0] @ np.linalg.cholesky(moments), compute_uv=False)

    found = factorize(weights, moments, 3, 12)

    assert lost(weights, found.product(), moments) == pytest.approx(np.sum(values[3:] ** 2) / np.sum(values**2))


def test_factors_are_of_one_range() -> None:
    found = factorize(drawn(12, 8, 9) * 1e4, None, 5, 4)

    assert found.enter is not None
    assert found.leave is not None
    np.testing.assert_allclose(np.linalg.norm(found.leave, axis=0), np.linalg.norm(found.core, axis=(1, 2)), rtol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found.enter, axis=1), np.linalg.norm(found.core, axis=(0, 2)), rtol=1e-6)


SIZE = Size(outputs=64, inputs=32, positions=9, places_in=100, places_out=25)


def test_macs_are_those_of_the_three_layers() -> None:
    assert SIZE.macs(64, 32) == 25 * 64 * 32 * 9
    assert SIZE.macs(16, 32) == 25 * 16 * 32 * 9 + 25 * 16 * 64
    assert SIZE.macs(16, 8) == 100 * 8 * 32 + 25 * 8 * 16 * 9 + 25 * 16 * 64


def test_choices_are_multiples_and_no_other_beats_them() -> None:
    weights = drawn(64, 32, 9)
    found = curve(SIZE, energies_out(weights, None), energies_in(weights, None), 8)

    assert all(choice.rank_out % 8 == 0 and choice.rank_in % 8 == 0 for choice in found)
    assert [choice.macs for choice in found] == sorted({choice.macs for choice in found})
    assert [choice.lost for choice in found] == sorted({choice.lost for choice in found}, reverse=True)
    assert found[-1] == Choice(rank_out=64, rank_in=32, macs=SIZE.macs(64, 32), lost=0.0)


def test_the_least_choice_that_keeps_the_energy_is_taken() -> None:
    steps = tuple(
        Choice(rank_out=8, rank_in=8, macs=macs, lost=lost)
        for macs, lost in [(10, 0.4), (20, 0.1), (30, 0.04), (40, 0)]
    )

    assert keeping(steps, 0.9).macs == 20
    assert keeping(steps, 0.95).macs == 30
    assert keeping(steps, 0.99).macs == 40


def test_a_budget_goes_where_it_loses_least_and_none_is_left_that_would_help() -> None:
    def steps(*pairs: tuple[int, float]) -> tuple[Choice, ...]:
        return tuple(Choice(rank_out=8, rank_in=8, macs=macs, lost=lost) for macs, lost in pairs)

    first = steps((10, 0.5), (50, 0.2), (100, 0.0))
    second = steps((10, 0.1), (20, 0.04), (100, 0.0))

    def chosen(budget: float) -> list[int]:
        return [choice.macs for choice in within([first, second], budget)]

    assert chosen(200) == [100, 100]
    assert chosen(120) == [100, 20]
    assert chosen(119) == [100, 10]
    assert chosen(75) == [50, 20]
    assert chosen(20) == [10, 10]
    with pytest.raises(ValueError, match="20 are left with the least ranks"):
        chosen(19)
