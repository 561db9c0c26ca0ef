import numpy as np
import pytest
import xarray as xr

from lkutils.claims import verdicts


def per_sample(values, networks=("mlp7",)):
    """The same numbers for every network."""
    data = np.tile(np.asarray(values, float), (len(networks), 1))
    coords = {"network": list(networks), "sample": np.arange(data.shape[1])}
    return xr.DataArray(data, coords, ("network", "sample"))


AROUND = np.linspace(-1, 1, 101)


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(21.8, verdicts.HOLDS), (30.0, verdicts.PARTLY), (12.0, verdicts.PARTLY), (60.0, verdicts.FAILS)],
)
def test_number_of_salient_interactions(mean, verdict):
    found = verdicts.salient_count("mnist", per_sample(mean + AROUND), "largest of all samples")
    assert found.verdict == verdict
    assert found.paper == "21.8"
    assert found.measured.startswith(f"{mean:.1f} [")
    assert "101 samples" in found.measured


def test_number_of_salient_interactions_where_the_paper_has_none():
    found = verdicts.salient_count("digits", per_sample(5 + AROUND), "largest of all samples")
    assert found.verdict == "no number in the paper"
    assert found.paper == ""


@pytest.mark.parametrize(("share", "verdict"), [(0.01, verdicts.HOLDS), (0.07, verdicts.PARTLY), (0.2, verdicts.FAILS)])
def test_sparsity(share, verdict):
    assert verdicts.sparsity("mnist", per_sample(share + 0.001 * AROUND)).verdict == verdict


@pytest.mark.parametrize(("error", "verdict"), [(1e-15, verdicts.HOLDS), (1e-3, verdicts.FAILS)])
def test_universal_matching_is_judged_by_the_worst_sample(error, verdict):
    errors = per_sample([0.0, 0.0, error])
    assert verdicts.universal_matching("mnist", errors).verdict == verdict


@pytest.mark.parametrize(("error", "verdict"), [(0.05, verdicts.HOLDS), (0.15, verdicts.PARTLY), (0.4, verdicts.FAILS)])
def test_few_suffice(error, verdict):
    assert verdicts.few_suffice("mnist", per_sample(error + 0.001 * AROUND)).verdict == verdict


def test_networks_of_a_data_set_are_compared_on_the_samples_they_share():
    one = xr.DataArray([1.0, 2.0, 3.0], {"sample": [4, 5, 6]}, ("sample",))
    other = xr.DataArray([10.0, 20.0], {"sample": [5, 6]}, ("sample",))
    grouped = verdicts.by_dataset({"mnist/mlp7": one, "mnist/vgg11": other, "cifar10/mlp7": one})
    assert list(grouped) == ["mnist", "cifar10"]
    assert grouped["mnist"].sel(network="mlp7").values.tolist() == [2.0, 3.0]
    assert grouped["mnist"].sel(network="vgg11").values.tolist() == [10.0, 20.0]
    assert verdicts.subject("mnist", grouped["mnist"]) == "mnist: mlp7, vgg11"


def test_interval_contains_the_mean_and_narrows_with_more_samples():
    few, many = (xr.DataArray(np.arange(count) % 10.0, dims="sample") for count in (20, 2000))
    mean, low, high, words = verdicts.mean_with_interval(few, digits=2)
    assert low < mean < high
    assert words == f"4.50 [{low:.2f}, {high:.2f}], 20 samples"
    _, low_many, high_many, _ = verdicts.mean_with_interval(many)
    assert high_many - low_many < 0.2 * (high - low)


def test_each_rule_of_a_chapters_verdicts_is_told_once():
    told = verdicts.Verdicts(
        [verdicts.sparsity("mnist", per_sample(AROUND)), verdicts.sparsity("cifar10", per_sample(AROUND))]
    )
    assert told.rules() == f"- {told[0].rule}"
