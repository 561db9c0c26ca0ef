"""Intervals over seeds: against scipy's, and by how often they hold the truth."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lkutils.games import Label
from lkutils.paper import seeds

SAMPLES = ([2, 4, 9], [4, 9, 10])


@pytest.mark.parametrize("count", [2, 3, 10])
def test_the_interval_is_that_of_students_t(count):
    numbers = xr.DataArray(np.random.default_rng(count).normal(size=(4, count)), dims=("layer", "seed"))
    found = seeds.interval_over_seeds(numbers, 0.9)
    low, high = stats.t.interval(0.9, count - 1, numbers.mean("seed"), stats.sem(numbers, axis=1))
    np.testing.assert_allclose(found.sel(bound="low"), low)
    np.testing.assert_allclose(found.sel(bound="high"), high)
    np.testing.assert_allclose(found.sel(bound="estimate"), numbers.mean("seed"))
    assert found.dims == ("layer", "bound")


def test_it_holds_the_mean_of_all_seeds_as_often_as_it_says():
    numbers = xr.DataArray(np.random.default_rng(0).normal(5, 2, (20_000, 3)), dims=("trial", "seed"))
    found = seeds.interval_over_seeds(numbers)
    holds = (found.sel(bound="low") < 5) & (found.sel(bound="high") > 5)
    assert holds.mean().item() == pytest.approx(0.95, abs=0.006)


def test_a_seed_without_a_number_is_left_out_and_one_alone_says_nothing_of_others():
    numbers = xr.DataArray([[1.0, np.nan, 3.0], [1.0, np.nan, np.nan]], dims=("layer", "seed"))
    found = seeds.interval_over_seeds(numbers)
    two = seeds.interval_over_seeds(numbers.isel(layer=0, seed=[0, 2]))
    np.testing.assert_array_equal(found.isel(layer=0), two)
    assert found.isel(layer=1).isnull().values.tolist() == [True, False, True]


def test_what_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match="needs the axis 'seed'; there are layer"):
        seeds.interval_over_seeds(xr.DataArray([1.0], dims="layer"))
    with pytest.raises(ValueError, match="level=95"):
        seeds.interval_over_seeds(xr.DataArray([1.0, 2.0], dims="seed"), 95.0)


def test_networks_with_several_seeds_are_found():
    found = seeds.games_by_network("paper", [])
    assert found["mnist/mlp7"][:3] == ["mnist/mlp7", "mnist/mlp7.seed1", "mnist/mlp7.seed2"]
    assert all(len(names) >= 2 for names in found.values())
    assert seeds.games_by_network("paper", ["mnist/mlp7"], 2) == {"mnist/mlp7": ["mnist/mlp7", "mnist/mlp7.seed1"]}
    with pytest.raises(ValueError, match=r"cifar10/resnet20 has 1 seeds, where 2 are wanted.*--network resnet20"):
        seeds.games_by_network("paper", ["cifar10/resnet20"])
    with pytest.raises(ValueError, match="unknown game"):
        seeds.games_by_network("smoke", ["digits/mlp8"])


def test_seeds_are_compared_on_the_samples_that_all_have():
    parts = {
        Label("MNIST", f"MLP-7, seed {k}"): xr.DataArray(np.eye(3), {"sample": samples}, ("sample", "layer"))
        for k, samples in enumerate(SAMPLES)
    }
    common = seeds.common_samples(parts)
    assert [part["sample"].values.tolist() for part in common.values()] == [[4, 9], [4, 9]]
    first, second = parts
    np.testing.assert_array_equal(common[second], np.eye(3)[:2])
    with pytest.raises(ValueError, match="seed 1, MNIST have no sample in common"):
        seeds.common_samples({first: parts[first], second: parts[second].assign_coords(sample=[11, 12, 13])})
