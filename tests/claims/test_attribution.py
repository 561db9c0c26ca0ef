"""The identity of App. B and what mistakes cost; errors of explanations by a loop; alignment by hand."""

import numpy as np
import pytest
import torch
import xarray as xr

from lkutils import metrics
from lkutils.attribution import shapley_by_definition
from lkutils.claims import attribution
from lkutils.mobius import values_from_interactions


def planted(n=4, samples=3, seed=0):
    """Outputs with a little noise, and the interactions that they have without it."""
    random = np.random.default_rng(seed)
    effects = random.normal(size=(2, samples, 2**n)) * (random.random((2, samples, 2**n)) < 0.4)
    effects[1, :, 0] = 0
    both = xr.DataArray(effects, {"kind": ["and", "or"]}, ("kind", "sample", "coalition"))
    values = values_from_interactions(*torch.from_numpy(effects)).numpy()
    values = xr.DataArray(values + 0.01 * random.normal(size=values.shape), dims=("sample", "coalition"))
    return values, both


def test_the_identity_holds_and_mistakes_are_large():
    found = attribution.identity_errors(*planted())
    for name in ("difference", "extracted", "harsanyi", "efficiency"):
        assert found[name].max() < 1e-13, name
    for name in ("shared by all n", "OR subtracted", "players counted backwards"):
        assert found[name].max() > 0.1, name
    assert 1e-4 < found["noise"].max() < 0.1


@pytest.mark.parametrize("changed", ["values", "interactions"])
def test_a_wrong_function_is_noticed(monkeypatch, changed):
    right = attribution.shapley_by_definition if changed == "values" else attribution.shapley_values
    name = right.__name__
    monkeypatch.setattr(attribution, name, lambda *tables: right(*tables) * 1.001)
    assert attribution.identity_errors(*planted())["difference"].min() > attribution.ROUNDING


def test_errors_are_those_of_a_loop_over_coalitions():
    values, both = planted()
    phi = shapley_by_definition(values.values)
    attributed = {"Shapley values": xr.DataArray(phi, dims=("sample", "player"))}
    found = attribution.matching_errors(values, both, attributed, tau_ratio=0.3)
    scale = metrics.output_range(values).item()
    for sample in range(3):
        v = values.values[sample]
        said = [v[0] + sum(phi[sample, i] for i in range(4) if T >> i & 1) for T in range(16)]
        expected = np.sqrt(np.mean((v - said) ** 2)) / scale
        assert found["Shapley values"][sample].item() == pytest.approx(expected)
        strong = both.isel(sample=sample)
        limit = 0.3 * abs(strong[:, 1:]).max().item()
        said = [
            strong.sel(kind="and")[0].item()
            + sum(strong.sel(kind="and")[S].item() for S in range(1, 16) if S & ~T == 0 and abs(strong[0, S]) > limit)
            + sum(strong.sel(kind="or")[S].item() for S in range(1, 16) if S & T and abs(strong[1, S]) > limit)
            for T in range(16)
        ]
        expected = np.sqrt(np.mean((v - said) ** 2)) / scale
        assert found["salient interactions"][sample].item() == pytest.approx(expected)
        assert found["n_salient"][sample].item() == (abs(strong[:, 1:]) > limit).sum().item()


def test_no_sum_is_better_than_the_best_one_and_it_is_exact_for_sums():
    values, both = planted()
    random = np.random.default_rng(1)
    any_sums = {f"{k}": xr.DataArray(random.normal(size=(3, 4)), dims=("sample", "player")) for k in range(20)}
    found = attribution.matching_errors(values, both, any_sums)
    assert all((found["best sum"] <= found[name]).all() for name in any_sums)
    sums = xr.DataArray((np.arange(16)[:, None] >> np.arange(4) & 1) @ [1.0, -2.0, 3.0, 0.5] + 7, dims="coalition")
    found = attribution.matching_errors(sums.expand_dims(sample=3), both, {})
    assert found["best sum"].max() < 1e-12


def test_the_share_of_the_background_is_between_nothing_and_all():
    axes = {"integrated": (("sample", "player"), [[1.0, -1.0], [0.0, 0.0], [0.0, 0.0]])}
    found = xr.Dataset({**axes, "background": ("sample", [0.0, -3.0, 0.0])})
    share = attribution.background_share(found).values
    assert share[:2].tolist() == [0, 1]
    assert np.isnan(share[2])


def test_alignment_counts_neither_opposite_effects_nor_other_samples():
    axes = {"kind": ["and", "or"], "layer": ["low", "high", "output"], "sample": [4, 9], "coalition": range(4)}
    salient = xr.DataArray(np.zeros((2, 3, 2, 4)), axes, list(axes))
    salient.loc[{"kind": "and", "layer": "high", "sample": 4}] = [9.0, 2.0, 0.0, -2.0]
    salient.loc[{"kind": "and", "layer": "low", "sample": 4}] = [9.0, 1.0, 5.0, 2.0]
    salient.loc[{"kind": "or", "layer": "high", "sample": 9}] = [0.0, 0.0, 0.0, 1.0]
    salient.loc[{"kind": "and", "layer": "low", "sample": 9}] = [0.0, 0.0, 0.0, -1.0]
    found = attribution.alignment(salient, "low", "high")
    assert found["shared"].values.tolist() == [0.25, 0.0]
    assert found["other_sample"].values.tolist() == [0.25, 0.0]  # of the third coalition, 1 of 4


def test_ranks_are_judged_by_their_interval():
    from lkutils.claims.verdicts import judge
    from lkutils.games import Label

    for number, outcome in ((0.8, "yes"), (0.2, "no")):
        samples = xr.Dataset({"correlation": ("sample", np.full(20, number))})
        found = judge(attribution.RANKED_ALIKE, {Label("a", "b"): samples})
        assert list(found.outcomes.values()) == [outcome]
