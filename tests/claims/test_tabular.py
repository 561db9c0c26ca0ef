"""The statistics of App. I.2, by hand."""

import numpy as np
import pytest
import xarray as xr

from lkutils.claims import tabular
from lkutils.mobius import and_interactions

LAYERS = [*(f"linear{k}" for k in range(1, 7)), "output"]


def tracked_of(overlap: list[float], forget: list[float], output: float, n: int = 12) -> xr.Dataset:
    """Parts of six layers before an output of a strength, the same in each of n samples; order 2 has twice of all."""
    by_layer = {"overlap": [*overlap, output], "forget": [*forget, 0.0]}
    by_layer["new"] = (output - np.array(by_layer["overlap"])).tolist()
    arrays = {name: xr.DataArray(values, {"layer": LAYERS}, ("layer",)) for name, values in by_layer.items()}
    one = xr.Dataset(arrays)
    orders = xr.concat([one, 2 * one], xr.IndexVariable("order", [1, 2]))
    return orders.expand_dims(kind=["and", "or"], sample=n).copy(deep=True)


def test_redundancy_is_over_the_outputs_strength_and_the_forgotten_share_over_the_layers_own():
    found = tabular.redundant(tracked_of([1, 1, 1, 2, 2, 4], [3, 1, 0, 2, 2, 0], output=8.0))
    middle = found.sel(kind="and", layers="middle", bound="estimate")  # overlap 1.5 and forget 1 of 8, on average
    assert middle.completeness.item() == pytest.approx(1.5 / 8)
    assert middle.redundancy.item() == pytest.approx(1 / 8)
    assert middle.forgotten_share.item() == pytest.approx(1 / 2.5)
    low = found.sel(kind="or", layers="low")
    assert low.forgotten_share.values == pytest.approx([2 / 3] * 3), "equal samples leave no doubt"


def test_the_two_ways_disagree_where_a_layer_is_weak():
    found = tabular.redundant(tracked_of([0.1] * 6, [0.3] * 6, output=8.0)).sel(kind="and", bound="estimate")
    assert (found.redundancy < 0.05).all()
    assert (found.forgotten_share > 0.7).all()


def test_the_highest_orders_are_a_quarter():
    orders = xr.DataArray(np.arange(1, 9), dims="order")
    layers = xr.DataArray([0.0, 0.0, 0.1, 0.1, 0.4, 0.4, 1.0], dims="layer")
    overlap = (layers * (orders > 6)).assign_coords(order=np.arange(1, 9))
    low = (layers[::-1] * (orders <= 6)).assign_coords(order=np.arange(1, 9))
    means = xr.Dataset({"overlap": overlap + low, "new": 1 - layers + 0 * overlap, "forget": 0 * overlap})
    rise = tabular.rise_of_highest_orders(means.assign(new=(1 - layers) * (orders > 6)))
    assert rise.item() == pytest.approx(0.3), "orders 7 and 8 alone, whatever the others do"


def random_values(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, 3, 2**n))


def test_a_player_without_effect_has_no_interaction():
    values = random_values(4, seed=0)
    coalitions = np.arange(16)
    values[:, 1] = values[:, 1][:, coalitions & ~0b0100]  # player 2 changes nothing in sample 1
    game = xr.DataArray(values, dims=("layer", "sample", "coalition"))
    found = tabular.without_effect(game)
    assert found.dims == ("sample", "player")
    assert found.values.tolist() == [[False] * 4, [False, False, True, False], [False] * 4]
    with_player = and_interactions(values[:, 1]).numpy()[:, (coalitions & 0b0100) > 0]
    assert abs(with_player).max() < 1e-12


def test_a_player_with_an_effect_in_one_coalition_of_one_layer_has_one():
    values = np.zeros((2, 1, 8))
    values[1, 0, 7] = 0.01
    game = xr.DataArray(values, dims=("layer", "sample", "coalition"))
    assert not tabular.without_effect(game).any()
    assert tabular.without_effect(game.isel(layer=[0])).all()
    assert tabular.without_effect(game, tolerance=0.1).all()
