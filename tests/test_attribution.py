"""Shapley values against their definition by orders of players, shapiq and the axioms; sums and ranks by hand."""

import itertools

import numpy as np
import pytest
import scipy.stats
import shapiq
import torch
import xarray as xr

from lkutils.attribution import rank_correlation, shapley_by_definition, sums_of_players
from lkutils.mobius import and_interactions, shapley_values


def table(n=5, seed=0):
    return np.random.default_rng(seed).normal(size=2**n)


# ---- Shapley values --------------------------------------------------------------------------------------------------


def test_it_is_the_mean_gain_over_all_orders_in_which_players_join():
    v, n = table(4), 4
    gains = np.zeros((24, n))
    for row, order in enumerate(itertools.permutations(range(n))):
        present = 0
        for player in order:
            gains[row, player] = v[present | 1 << player] - v[present]
            present |= 1 << player
    np.testing.assert_allclose(shapley_by_definition(v), gains.mean(0), atol=1e-12)


def test_it_is_what_shapiq_computes_and_what_interactions_give():
    v, n = table(6), 6
    exact = shapiq.ExactComputer(game=lambda T: v[np.asarray(T).astype(int) @ (1 << np.arange(n))], n_players=n)
    sv = exact("SV")
    found = shapley_by_definition(v)
    np.testing.assert_allclose(found, [sv[(i,)] for i in range(n)], atol=1e-12)
    of_interactions = shapley_values(and_interactions(v), torch.zeros(2**n).double())
    np.testing.assert_allclose(found, of_interactions, atol=1e-12)
    assert abs(found[::-1] - of_interactions.numpy()).max() > 0.05, "players in another order would be seen"


def test_axioms():
    v = table(5)
    phi = shapley_by_definition(v)
    assert phi.sum() == pytest.approx(v[-1] - v[0])
    without_2 = v.reshape(2, 2, 2, 2, 2).copy()  # player 4 first, player 0 last
    without_2[:, :, 1] = without_2[:, :, 0]
    assert shapley_by_definition(without_2.ravel())[2] == pytest.approx(0, abs=1e-12)
    other = table(5, seed=1)
    np.testing.assert_allclose(shapley_by_definition(2 * v - other), 2 * phi - shapley_by_definition(other), atol=1e-12)


def test_batches_are_single_tables_and_lengths_are_checked():
    v = np.stack([table(3, seed) for seed in range(4)]).reshape(2, 2, 8)
    np.testing.assert_allclose(shapley_by_definition(v)[1, 0], shapley_by_definition(v[1, 0]))
    with pytest.raises(ValueError, match="length is 6"):
        shapley_by_definition(np.zeros(6))


# ---- sums over players -----------------------------------------------------------------------------------------------


def test_sums_are_those_of_masks():
    random = np.random.default_rng(0)
    attributions, players = random.normal(size=(3, 2, 4, 4)), random.integers(-1, 3, size=(3, 4, 4))
    sums, background = sums_of_players(attributions, players, 3)
    for sample in range(3):
        for player in range(3):
            expected = attributions[sample, :, players[sample] == player].sum()
            assert sums[sample, player] == pytest.approx(expected)
        assert background[sample] == pytest.approx(attributions[sample, :, players[sample] == -1].sum())
    np.testing.assert_allclose(sums.sum(-1) + background, attributions.sum((1, 2, 3)))


def test_a_player_without_variables_has_nothing():
    sums, background = sums_of_players(np.ones((1, 3)), np.array([[0, 0, -1]]), 3)
    assert sums.tolist() == [[2, 0, 0]]
    assert background.tolist() == [1]


def test_players_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="last axes of an input"):
        sums_of_players(np.ones((1, 3)), np.zeros((1, 5), int), 2)


# ---- ranks -----------------------------------------------------------------------------------------------------------


def test_rank_correlation_is_scipys_with_ties_too():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 4, size=(2, 20, 7)).astype(float)
    parts = [xr.DataArray(part, dims=("sample", "player")) for part in (first, second)]
    found = rank_correlation(*parts)
    expected = [scipy.stats.spearmanr(a, b).statistic for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(rank_correlation(parts[0].T, parts[1]), expected, atol=1e-12)


def test_rank_correlation_of_equal_numbers_is_not_defined():
    first = xr.DataArray([[1.0, 1.0, 1.0], [1.0, 2.0, 3.0]], dims=("sample", "player"))
    assert rank_correlation(first, first).isnull().values.tolist() == [True, False]
    with pytest.raises(ValueError, match="no axis 'word'"):
        rank_correlation(first, first, "word")
