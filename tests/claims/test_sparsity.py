"""Matching and salience of single samples, on games small enough to do by hand and on random ones."""

import numpy as np
import pytest
import torch
import xarray as xr

from lkutils import metrics
from lkutils.claims import sparsity
from lkutils.claims.sparsity import matching_statistics, salience_statistics
from lkutils.games import Label
from lkutils.mobius import values_from_interactions


def labelled(interactions: torch.Tensor) -> xr.DataArray:
    coordinates = {"kind": ["and", "or"], "coalition": np.arange(interactions.shape[-1])}
    return xr.DataArray(interactions.numpy(), coordinates, ("kind", "sample", "coalition"))


def values_of(interactions: xr.DataArray) -> xr.DataArray:
    return metrics.matched_values(interactions)


@pytest.fixture
def interactions() -> xr.DataArray:
    """Random interactions of five players in three samples; the constant is AND's."""
    found = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found[1, :, 0] = 0
    return labelled(found)


def test_outputs_are_matched_to_rounding_without_noise(interactions):
    values = values_of(interactions)
    found = matching_statistics(values, interactions, 0.04)
    assert found.sizes == {"sample": 3}
    assert float(found.harsanyi.max()) < 1e-13
    assert float(found.split.max()) < 1e-13
    assert float(found.noise.max()) < 1e-10


def test_any_split_matches_also_one_that_has_nothing_to_do_with_the_outputs(interactions):
    values = values_of(interactions) + np.random.default_rng(0).normal(size=(3, 32))
    assert float(matching_statistics(values, interactions, 0.04).split.max()) < 1e-13


def test_noise_is_measured_in_units_of_kappa(interactions):
    values = values_of(interactions)
    values[1, 7] += 0.03 * abs(values[1, -1] - values[1, 0])
    values[2, 9] -= 0.05 * abs(values[2, -1] - values[2, 0])
    found = matching_statistics(values, interactions, 0.04)
    assert found.noise.values == pytest.approx([0.0, 0.75, 1.25], abs=1e-9)
    assert found.harsanyi.max() < 1e-13  # noise is output like any other


def test_noise_has_no_unit_where_kappa_is_nothing(interactions):
    assert matching_statistics(values_of(interactions), interactions, 0.0).noise.isnull().all()


@pytest.mark.parametrize("transform", ["and_interactions", "or_interactions"])
def test_a_wrong_transform_is_noticed(interactions, monkeypatch, transform):
    right = getattr(sparsity, transform)

    def wrong(values):
        found = right(values)
        found[:, 5] += 1e-6
        return found

    monkeypatch.setattr(sparsity, transform, wrong)
    found = matching_statistics(values_of(interactions), interactions, 0.04)
    assert float(found.split.max()) > sparsity.ROUNDING
    assert (float(found.harsanyi.max()) > sparsity.ROUNDING) == (transform == "and_interactions")


def test_inputs_stay_as_they_are(interactions):
    values = values_of(interactions)
    before = values.copy(deep=True), interactions.copy(deep=True)
    matching_statistics(values, interactions, 0.04)
    salience_statistics(values, interactions, metrics.salience_threshold(interactions), Label("MNIST", "MLP-7"))
    xr.testing.assert_identical(values, before[0])
    xr.testing.assert_identical(interactions, before[1])


def test_salience_of_two_players_by_hand():
    # v: 1, 1 + 4, 1 + 0.1, 1 + 4 + 0.1; with the salient interaction alone 1, 5, 1, 5
    interactions = labelled(torch.tensor([[[1.0, 4.0, 0.1, 0.0]], [[0.0] * 4]], dtype=torch.float64))
    values = values_of(interactions)
    assert values.values.tolist() == [[1.0, 5.0, 1.1, 5.1]]
    found = salience_statistics(values, interactions, xr.DataArray(0.2), Label("MNIST", "MLP-7"))
    assert found["count"].item() == 1
    assert found.to_paper.item() == pytest.approx(1 / 21.8)
    assert found.share.item() == pytest.approx(100 / 6)
    assert found.error.item() == pytest.approx(100 * np.sqrt(0.005) / 4.1)
    assert found.explained.item() == pytest.approx(1 - 0.005 / np.var([1, 5, 1.1, 5.1]))


def test_all_interactions_explain_everything_and_none_nothing(interactions):
    values = values_of(interactions)
    everything = salience_statistics(values, interactions, xr.DataArray(0.0), Label("CIFAR-10", "MLP-7"))
    assert everything.error.values == pytest.approx(np.zeros(3), abs=1e-10)
    assert everything.explained.values == pytest.approx(np.ones(3))
    nothing = salience_statistics(values, interactions, xr.DataArray(1e9), Label("CIFAR-10", "MLP-7"))
    assert (nothing["count"] == 0).all()
    assert (nothing.explained <= 0).all()  # a constant v(empty), which is at best the mean


def test_data_sets_without_a_number_in_the_paper(interactions):
    found = salience_statistics(values_of(interactions), interactions, xr.DataArray(0.5), Label("SST-2", "BERT"))
    assert found.to_paper.isnull().all()


def test_rebuilding_is_that_of_the_definition(interactions):
    """Eq. 3 by a loop over all coalitions."""
    and_, or_ = torch.from_numpy(interactions.values)
    rebuilt = values_from_interactions(and_, or_)
    for coalition in range(32):
        inside = [s for s in range(32) if s & ~coalition == 0]
        touched = [s for s in range(32) if s & coalition]
        expected = and_[:, inside].sum(-1) + or_[:, touched].sum(-1)
        assert torch.allclose(rebuilt[:, coalition], expected)
