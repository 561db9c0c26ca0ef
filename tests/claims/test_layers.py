"""What claims about layers are computed from, on interactions whose layers were planted."""

import numpy as np
import pytest
import xarray as xr

from lkutils.claims.layers import (
    LAYERS,
    all_orders,
    high_orders,
    layer_statistics,
    layer_third,
    low_orders,
    next_layer_similarity,
)
from lkutils.claims.verdicts import judge
from lkutils.games import Label

MADE_UP = Label("made", "up")
N_SAMPLES = 12
LAYER_NAMES = [*(f"block{k}" for k in range(1, 7)), "output"]


@pytest.fixture
def salient() -> xr.DataArray:
    """Six layers and the output. From layer 1 to 6 the same interaction of order 1 grows from 1/6 to 1; interactions of
    order 4 appear in the last two layers and the output; neighbouring samples have other players."""
    interactions = np.zeros((2, 7, N_SAMPLES, 16))
    for sample in range(N_SAMPLES):
        player = 1 << sample % 3
        interactions[0, :6, sample, player] = np.arange(1, 7) / 6
        interactions[0, 6, sample, player] = 1
        interactions[0, 4:, sample, 15] = 0.5
    coordinates = {"kind": ["and", "or"], "layer": LAYER_NAMES, "coalition": np.arange(16)}
    return xr.DataArray(interactions, coordinates, ("kind", "layer", "sample", "coalition"))


def test_thirds_leave_the_output_out():
    depth = xr.DataArray(np.arange(1.0, 8.0), {"layer": LAYER_NAMES}, ("layer",))
    assert [layer_third(depth, which).item() for which in ("low", "middle", "high")] == [1.5, 3.5, 5.5]
    depth = xr.DataArray(np.arange(1.0, 10.0), dims="layer")  # eight layers, as VGG-11: 3, 3 and 2
    assert [layer_third(depth, which).item() for which in ("low", "middle", "high")] == [2.0, 5.0, 7.5]


def test_two_layers_have_no_thirds():
    depth = xr.DataArray([1.0, 2.0, 3.0], dims="layer")
    assert [np.isnan(layer_third(depth, which).item()) for which in ("low", "middle", "high")] == [True] * 3


@pytest.mark.parametrize(("n", "low", "high"), [(4, 1, 7), (5, 3, 12), (6, 3, 15)])
def test_low_and_high_orders_leave_the_middle_out(n, low, high):
    orders = np.arange(1, n + 1)
    strength = xr.DataArray(orders, {"order": orders}, ("order",))
    assert low_orders(strength).item() == low
    assert high_orders(strength).item() == high


def test_all_orders_sums_over_what_is_there():
    parts = xr.Dataset({"overlap": (("kind", "order", "layer"), np.ones((2, 3, 5)))})
    assert (all_orders(parts).overlap == 6).all()
    assert (all_orders(parts.isel(kind=0)).overlap == 3).all()


def test_layer_statistics(salient):
    found = layer_statistics(salient)
    assert found.strength.sel(layer="block6", sample=0).item() == pytest.approx(1.5)
    assert found.weighted_order.sel(layer="block6", sample=0).item() == pytest.approx(1 + 4 * 0.5)
    assert found.high_orders.mean("sample").values == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0.5])
    assert found.to_output.sel(layer="block3", sample=1).item() == pytest.approx((3 / 6) / 1.5)
    steps = [1 / 2, 2 / 3, 3 / 4, (4 / 6) / (5 / 6 + 0.5), (5 / 6 + 0.5) / 1.5, 1]
    assert found.next_layer.values == pytest.approx([np.mean(steps)] * N_SAMPLES)


def test_another_sample_shares_only_what_all_samples_have(salient):
    # order 1 belongs to another player in the sample before; order 4 is the same in all of them: 0.5 from block5 on
    shared = [0, 0, 0, 0, 0.5 / (5 / 6 + 0.5 + 1), 0.5 / 2.5]
    assert layer_statistics(salient).other_sample.values == pytest.approx([np.mean(shared)] * N_SAMPLES)


def test_similarity_to_the_next_layer_of_equal_layers_is_one(salient):
    same = salient.isel(layer=[6, 6, 6])
    assert next_layer_similarity(same, same).values == pytest.approx([1] * N_SAMPLES)


def outcomes(salient: xr.DataArray) -> dict[str, str]:
    found = {MADE_UP: layer_statistics(salient)}
    return {claim.id: judge(claim, found).outcomes[MADE_UP] for claim in LAYERS}


def test_claims_about_layers_are_seen_where_they_were_planted(salient):
    assert set(outcomes(salient).values()) == {"yes"}


def test_claims_about_layers_are_refuted_where_the_opposite_was_planted(salient):
    backwards = salient.isel(layer=[5, 4, 3, 2, 1, 0, 6]).assign_coords(layer=LAYER_NAMES)
    assert outcomes(backwards) == {
        "claim-adjacent-layers": "yes",
        "claim-early-less-high-order": "no",
        "claim-later-like-output": "no",
    }
