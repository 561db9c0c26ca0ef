"""Claims about layers on made-up statistics and on games whose layers were planted."""

import numpy as np
import pytest
import xarray as xr

from lkutils import uncertainty
from lkutils.claims.layers import (
    LAYERS,
    Expected,
    high_orders,
    judge,
    judge_all,
    layer_statistics,
    low_orders,
    next_layer_similarity,
    third,
    whole,
)
from lkutils.claims.verdicts import FAILS, HOLDS, PARTLY

N_PLAYERS = 4
LAYER_NAMES = [*(f"block{k}" for k in range(1, 7)), "output"]


def means_around(value: float, spread: float, n_layers: int = 7) -> xr.Dataset:
    """What a network's statistic may look like: an estimate, and resamples evenly spread around it."""
    draws = np.concatenate(([value], np.linspace(value - spread, value + spread, 101)))
    return xr.Dataset({"number": ("resample", draws)}, {"layer": range(n_layers)})


def verdict(limit: float = 0.0, above: bool = True, **networks: tuple[float, float]) -> str:
    games = {f"mnist/{name}": means_around(*number) for name, number in networks.items()}
    return judge("claim", [Expected("number", lambda means: means.number, limit, above)], games).verdict


@pytest.fixture
def kept() -> xr.DataArray:
    """Six layers and the output. From layer 1 to 6 the same interaction of order 1 grows from 1/6 to 1; interactions of
    order 4 appear in the last two layers and the output; each sample has another player."""
    interactions = np.zeros((2, 7, 3, 16))
    for sample in range(3):
        interactions[0, :6, sample, 1 << sample] = np.arange(1, 7) / 6
        interactions[0, 6, sample, 1 << sample] = 1
        interactions[0, 4:, sample, 15] = 0.5
    axes = ("kind", "layer", "sample", "coalition")
    return xr.DataArray(interactions, {"kind": ["and", "or"], "layer": LAYER_NAMES, "sample": [7, 8, 9]}, axes)


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ({"a": (1.0, 0.5)}, HOLDS),
        ({"a": (1.0, 0.5), "b": (2.0, 0.5)}, HOLDS),
        ({"a": (1.0, 0.5), "b": (0.1, 0.5)}, PARTLY),
        ({"a": (1.0, 0.5), "b": (-1.0, 0.5)}, PARTLY),
        ({"a": (0.1, 0.5)}, PARTLY),
        ({"a": (-0.1, 0.5)}, FAILS),
        ({"a": (0.1, 0.5), "b": (-0.1, 0.5)}, FAILS),
        ({"a": (-1.0, 0.5), "b": (-1.0, 0.5)}, FAILS),
    ],
)
def test_verdict_from_intervals(networks, expected):
    assert verdict(**networks) == expected


def test_verdict_of_a_claim_that_something_lies_below():
    assert verdict(0.5, above=False, a=(0.3, 0.1)) == HOLDS
    assert verdict(0.5, above=False, a=(0.7, 0.1)) == FAILS


def test_verdict_of_a_statistic_that_is_not_defined():
    assert verdict(a=(np.nan, 0.1)) == FAILS


def test_verdict_says_what_was_measured_where():
    games = {"mnist/mlp7": means_around(0.25, 0.2), "mnist/vgg11": means_around(-0.001, 0.0)}
    judged = judge("Something grows", [Expected("its growth", lambda means: means.number)], games)
    assert judged.claim == "Something grows"
    assert judged.subject == "mnist: mlp7, vgg11"
    assert judged.measured == "its growth (claim: > 0): mlp7 0.25 [0.06, 0.44], vgg11 0.00 [0.00, 0.00]"


def test_every_data_set_gets_its_own_verdict_on_every_claim():
    games = {name: means_around(1, 0.1) for name in ("mnist/mlp7", "cifar10/mlp7", "mnist/vgg11")}
    test = [Expected("number", lambda means: means.number)]
    judged = judge_all({"first": test, "second": test}, games)
    assert [(v.claim, v.subject) for v in judged] == [
        ("first", "mnist: mlp7, vgg11"),
        ("first", "cifar10: mlp7"),
        ("second", "mnist: mlp7, vgg11"),
        ("second", "cifar10: mlp7"),
    ]


def test_networks_without_thirds_are_left_out():
    games = {"a/deep": means_around(1, 0.1), "a/shallow": means_around(1, 0.1, n_layers=3)}
    judged = judge_all({"claim": [Expected("number", lambda means: means.number)]}, games)
    assert [verdict.subject for verdict in judged] == ["a: deep"]


def test_thirds_leave_the_output_out():
    depth = xr.DataArray(np.arange(1.0, 8.0), {"layer": LAYER_NAMES}, ("layer",))
    assert [third(depth, which).item() for which in ("low", "middle", "high")] == [1.5, 3.5, 5.5]
    depth = xr.DataArray(np.arange(1.0, 10.0), dims="layer")  # eight layers, as VGG-11: 3, 3 and 2
    assert [third(depth, which).item() for which in ("low", "middle", "high")] == [2.0, 5.0, 7.5]


@pytest.mark.parametrize(("n", "low", "high"), [(4, 1, 7), (5, 3, 12), (6, 3, 15)])
def test_low_and_high_orders_leave_the_middle_out(n, low, high):
    orders = np.arange(1, n + 1)
    strength = xr.DataArray(orders, {"order": orders}, ("order",))
    assert low_orders(strength).item() == low
    assert high_orders(strength).item() == high


def test_whole_sums_over_what_is_there():
    parts = xr.Dataset({"overlap": (("kind", "order", "layer"), np.ones((2, 3, 5)))})
    assert (whole(parts).overlap == 6).all()
    assert (whole(parts.isel(kind=0)).overlap == 3).all()


def test_layer_statistics(kept):
    found = layer_statistics(kept)
    assert found.strength.sel(layer="block6", sample=7).item() == pytest.approx(1.5)
    assert found.weighted_order.sel(layer="block6", sample=7).item() == pytest.approx(1 + 4 * 0.5)
    assert found.high_orders.mean("sample").values == pytest.approx([0, 0, 0, 0, 0.5, 0.5, 0.5])
    assert found.to_output.sel(layer="block3", sample=8).item() == pytest.approx((3 / 6) / 1.5)
    steps = [1 / 2, 2 / 3, 3 / 4, (4 / 6) / (5 / 6 + 0.5), (5 / 6 + 0.5) / 1.5, 1]
    assert found.next_layer.values == pytest.approx([np.mean(steps)] * 3)


def test_another_sample_shares_only_what_all_samples_have(kept):
    # order 1 belongs to another player in each sample; order 4 is the same in all of them: 0.5 from block5 on
    shared = [0, 0, 0, 0, 0.5 / (5 / 6 + 0.5 + 1), 0.5 / 2.5]
    assert layer_statistics(kept).other_sample.values == pytest.approx([np.mean(shared)] * 3)


def test_similarity_to_the_next_layer_of_equal_layers_is_one(kept):
    assert next_layer_similarity(kept.isel(layer=[6, 6, 6])).values == pytest.approx([1, 1, 1])


def test_claims_about_layers_hold_where_they_were_planted(kept):
    means = uncertainty.resampled_means(layer_statistics(kept), resamples=100)
    judged = {verdict.claim.split(" (")[0]: verdict.verdict for verdict in judge_all(LAYERS, {"made/up": means})}
    assert judged == {
        "Early layers encode less high-order interactions than later ones": HOLDS,
        "Later layers share more with the output": HOLDS,
        "Adjacent layers encode similar interactions": HOLDS,
    }


def test_claims_about_layers_fail_where_the_opposite_was_planted(kept):
    backwards = kept.isel(layer=[5, 4, 3, 2, 1, 0, 6]).assign_coords(layer=LAYER_NAMES)
    means = uncertainty.resampled_means(layer_statistics(backwards), resamples=100)
    judged = [verdict.verdict for verdict in judge_all(LAYERS, {"made/up": means})]
    assert judged[:2] == [FAILS, FAILS]
