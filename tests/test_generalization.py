"""IoU of sets that are worked out by hand, and chance against Monte Carlo."""

import math

import numpy as np
import pytest
import xarray as xr

from lkutils import generalization, metrics
from lkutils.generalization import (
    SIGNS,
    against_mirrored_order,
    chance_iou,
    compare,
    expected_iou,
    mean_over_samples,
    overlap_of_sets,
    signed_sets,
    strongest_of_order,
    unsigned,
)
from lkutils.mobius import coalition_sizes
from lkutils.uncertainty import resampled_with_thresholds, sample_weights

AXES = ("kind", "layer", "sample", "coalition")


def found_of(interactions: np.ndarray, layers: tuple[str, ...] = ("output",)) -> xr.Dataset:
    coordinates = {"kind": ["and", "or"], "layer": list(layers), "sample": np.arange(interactions.shape[2])}
    return xr.Dataset({"interactions": xr.DataArray(interactions, coordinates, AXES)})


@pytest.fixture
def pair() -> tuple[xr.Dataset, xr.Dataset]:
    """Three players; entries {0}, {1}, {0,1}, {2}, {0,2}, {1,2}, {0,1,2} after that of the empty coalition.

    AND, first sample: order 1 {0}, {1} against {1}, {2}; order 2 one and the same, with opposite sign; order 3 none in
    either. OR has order 2 in the first network alone. The second sample is empty but for AND {0}, the same in both.
    """
    a, b = np.zeros((2, 2, 1, 2, 8))
    a[0, 0, 0] = [7, 1, -2, 3, 0, 0, 0, 0]
    b[0, 0, 0] = [-7, 0, -1, -2, 2, 0, 0, 0]
    a[1, 0, 0, 5] = 1
    a[0, 0, 1, 1] = b[0, 0, 1, 1] = 1
    return found_of(a), found_of(b)


@pytest.fixture
def random_pair() -> tuple[xr.Dataset, xr.Dataset]:
    random = np.random.default_rng(0)
    common = random.normal(size=(2, 1, 40, 32))
    return tuple(found_of((common + random.normal(size=common.shape)) ** 5) for _ in range(2))


def sets_of(found: xr.Dataset) -> xr.DataArray:
    interactions = found["interactions"].isel(layer=0, drop=True)
    return signed_sets(interactions, interactions != 0) & (interactions["coalition"] > 0)


def salient_sets_of(found: xr.Dataset) -> xr.DataArray:
    interactions = found["interactions"].isel(layer=0, drop=True)
    return signed_sets(interactions, metrics.salient(interactions, metrics.salience_threshold(interactions)))


def test_iou_of_each_sample(pair):
    shared = overlap_of_sets(*(unsigned(sets_of(found)) for found in pair))
    assert np.array_equal(shared["iou"].sel(kind="and"), [[1 / 3, 1, np.nan], [1, np.nan, np.nan]], equal_nan=True)
    assert np.array_equal(shared["iou"].sel(kind="or"), [[np.nan, 0, np.nan], [np.nan] * 3], equal_nan=True)
    assert shared["both_empty"].values.sum((1, 2)).tolist() == [3, 5]
    assert shared["one_empty"].values.sum((1, 2)).tolist() == [0, 1]


def test_iou_with_signs(pair):
    shared = overlap_of_sets(*(sets_of(found) for found in pair))
    # {1} is negative in both; {0, 1} has opposite signs: as signed sets they have two members and none in common
    assert np.array_equal(shared["iou"].sel(kind="and"), [[1 / 3, 0, np.nan], [1, np.nan, np.nan]], equal_nan=True)


def test_compare_takes_means_over_the_samples_that_have_an_iou(pair):
    result = compare(*pair)
    assert result["iou"].dims == ("kind", "order", "bound")
    estimate = result["iou"].sel(kind="and", bound="estimate")
    assert np.allclose(estimate, [2 / 3, 1, np.nan], equal_nan=True)
    assert result["n_defined"].values.tolist() == [[2, 1, 0], [0, 1, 0]]
    assert result["one_empty"].values.tolist() == [[0, 0, 0], [0, 1, 0]]
    assert result["iou"].sel(bound=["low", "high"]).isnull().all()  # two samples have no interval
    assert compare(*pair, signs=True)["iou"].sel(kind="and", order=2, bound="estimate") == 0


def test_every_sample_is_counted_once(pair):
    result = compare(*pair)
    assert result["both_empty"].values.tolist() == [[0, 1, 2], [2, 1, 2]]
    assert (result["n_defined"] + result["both_empty"] == 2).all()


def test_only_samples_that_both_have_are_compared(pair):
    a, b = (unsigned(sets_of(found)) for found in pair)
    shared = overlap_of_sets(a, b.isel(sample=[1, 0]))  # in another order
    assert shared.equals(overlap_of_sets(a, b))
    alone = overlap_of_sets(a, b.isel(sample=[1]))
    assert alone["sample"].values.tolist() == [1]
    assert alone.equals(shared.isel(sample=[1]))


def test_means_of_samples_are_those_of_compare(random_pair):
    shared = overlap_of_sets(*(unsigned(salient_sets_of(found)) for found in random_pair))
    assert mean_over_samples(shared).equals(compare(*random_pair))
    other_seed = mean_over_samples(shared, seed=1)
    assert not other_seed["iou"].equals(compare(*random_pair)["iou"])
    assert other_seed["iou"].sel(bound="estimate").equals(compare(*random_pair)["iou"].sel(bound="estimate"))


def test_compare_of_a_network_with_itself_is_one_and_corrected_one(random_pair):
    result = compare(random_pair[0], random_pair[0]).sel(bound="estimate")
    assert np.allclose(result["iou"].fillna(1), 1)
    assert np.allclose(result["corrected"].fillna(1), 1)
    assert result["corrected"].sel(order=5).isnull().all()  # a single coalition: equal whatever the networks
    assert (result["chance"].sel(order=[2, 3]) < 1).all()


def test_compare_corrected_is_zero_for_unrelated_sets():
    random = np.random.default_rng(1)
    a, b = (found_of(random.normal(size=(2, 1, 400, 64))) for _ in range(2))
    result = compare(a, b, tau_ratio=0.5).sel(order=[2, 3, 4])
    low, estimate, high = (result["corrected"].sel(bound=bound) for bound in ("low", "estimate", "high"))
    assert (abs(estimate) < high - low).all()  # twice as far from 0 as the interval would be, for six numbers
    assert (result["chance"].sel(bound="low") > 3 * abs(estimate)).all()
    assert (result["iou"].sel(bound="low") > 0.05).all()


def test_compare_has_intervals_that_hold_the_estimate(random_pair):
    result = compare(*random_pair)[["iou", "chance", "corrected"]]
    enough = compare(*random_pair)["n_defined"] >= 10
    for number in result.values():
        low, estimate, high = (number.sel(bound=bound).where(enough) for bound in ("low", "estimate", "high"))
        assert ((low <= estimate) & (estimate <= high)).sum() == estimate.notnull().sum()


def test_thresholds_of_all_samples_are_computed_anew_in_every_resample(random_pair):
    """The slow way: draw samples, take their largest interaction, and do all of it again."""
    a, b = (found["interactions"].isel(layer=0, drop=True) for found in random_pair)
    taus = [metrics.salience_threshold(part, per_sample=True) for part in (a, b)]

    def iou(tau_a, tau_b):
        return overlap_of_sets(
            *(unsigned(signed_sets(part, metrics.salient(part, tau))) for part, tau in ((a, tau_a), (b, tau_b)))
        )[["iou"]]

    fast = resampled_with_thresholds(iou, taus, resamples=8)["iou"]
    weights = sample_weights(40, resamples=8)
    for resample in range(9):
        drawn = np.repeat(np.arange(40), (weights[resample] * (37 if resample else 40)).round().astype(int))
        parts = [part.isel(sample=drawn).assign_coords(sample=np.arange(len(drawn))) for part in (a, b)]
        sets = [unsigned(signed_sets(part, metrics.salient_part(part, per_sample=False) != 0)) for part in parts]
        slow = overlap_of_sets(*sets)["iou"].mean("sample")
        there = fast.sel(resample=resample).notnull()
        assert there.any()
        assert np.allclose(fast.sel(resample=resample).where(there), slow.where(there), equal_nan=True)


def test_compare_with_a_threshold_of_all_samples(random_pair):
    random_pair = tuple(found.isel(sample=slice(10)) for found in random_pair)
    pooled = compare(*random_pair, tau_per_sample=False)
    sets = [
        unsigned(signed_sets(part, metrics.salient_part(part, per_sample=False) != 0))
        for part in (found["interactions"].isel(layer=0, drop=True) for found in random_pair)
    ]
    expected = overlap_of_sets(*sets)["iou"].mean("sample")
    assert np.allclose(pooled["iou"].sel(bound="estimate"), expected, equal_nan=True)
    assert (pooled["iou"].sel(bound="low") < pooled["iou"].sel(bound="high")).any()


def test_compare_of_two_layers():
    random = np.random.default_rng(0)
    both = found_of(random.normal(size=(2, 2, 12, 16)), ("hidden", "output"))
    swapped = both.isel(layer=[1, 0]).assign_coords(layer=["hidden", "output"])
    assert np.allclose(compare(both, swapped, layer=("hidden", "output"))["iou"].fillna(1), 1)
    assert (compare(both, swapped)["iou"].sel(bound="estimate") < 1).any()


def test_smaller_games_have_fewer_sets_to_meet_by_chance():
    interactions = np.zeros((2, 1, 2, 8))
    interactions[0, 0, :, 1] = 1.0
    found = found_of(interactions).assign(n_players=("sample", [3, 2]))
    assert compare(found, found)["chance"].sel(kind="and", order=1, bound="estimate") == pytest.approx(
        (1 / 3 + 1 / 2) / 2
    )


REFUSED = {
    "has samples of its own": lambda found: found.isel(sample=[0]),
    "in another order": lambda found: found.isel(sample=[1, 0]),
    "3 and 2 players": lambda found: found.isel(coalition=slice(4)),
    "differ in players": lambda found: found.assign(players=(("sample", "pixel"), [[0, 1], [1, 1]])),
    "differ in player_name": lambda found: found.assign(player_name=("player", ["a", "b", "x"])),
}
MESSAGES = {"has samples of its own": "2 and 1 samples"}


@pytest.mark.parametrize("other", REFUSED, ids=REFUSED)
def test_games_of_other_samples_or_players_are_refused(pair, other):
    a = pair[0].assign(players=(("sample", "pixel"), [[0, 1], [1, 0]]), player_name=("player", ["a", "b", "c"]))
    with pytest.raises(ValueError, match=MESSAGES.get(other, other)):
        compare(a, REFUSED[other](a))


def test_a_layer_that_does_not_exist_is_refused(pair):
    with pytest.raises(ValueError, match="no layer 'block9'; there are 'output'"):
        compare(*pair, layer=("output", "block9"))


# ---- chance


@pytest.mark.parametrize(
    ("n_sets", "sizes"),
    [
        (10, (3, 0, 4, 0)),
        (10, (3, 2, 1, 4)),
        (6, (2, 3, 0, 5)),
        (45, (10, 5, 8, 12)),
        (5, (5, 0, 2, 3)),
        (4, (0, 2, 0, 0)),
    ],
)
def test_chance_against_monte_carlo(n_sets, sizes):
    random = np.random.default_rng(0)
    plus_a, minus_a, plus_b, minus_b = sizes
    signs = [
        np.array([1] * plus + [-1] * minus + [0] * (n_sets - plus - minus)) for plus, minus in (sizes[:2], sizes[2:])
    ]
    draws = np.array([[random.permutation(sign) for sign in signs] for _ in range(20_000)])
    a, b = draws[:, 0], draws[:, 1]
    common = ((a == b) & (a != 0)).sum(1)
    ratio = common / (plus_a + minus_a + plus_b + minus_b - common)
    error = ratio.std() / np.sqrt(len(ratio))
    assert expected_iou(n_sets, *sizes) == pytest.approx(ratio.mean(), abs=4 * error + 1e-12)


def test_chance_of_plain_sets_is_the_hypergeometric_expectation():
    n_sets, a, b = 12, 5, 4
    ways = [math.comb(a, k) * math.comb(n_sets - a, b - k) for k in range(b + 1)]
    mean = sum(way * k / (a + b - k) for k, way in enumerate(ways)) / math.comb(n_sets, b)
    assert expected_iou(n_sets, a, 0, b, 0) == pytest.approx(mean, rel=1e-12)
    assert expected_iou(n_sets, b, 0, a, 0) == pytest.approx(mean, rel=1e-12)
    assert expected_iou(n_sets, 0, a, 0, b) == pytest.approx(mean, rel=1e-12)


@pytest.mark.parametrize(("sizes", "expected"), [((7, 0, 7, 0), 1), ((0, 0, 3, 0), 0), ((0, 0, 0, 0), np.nan)])
def test_chance_at_its_ends(sizes, expected):
    assert expected_iou(7, *sizes) == pytest.approx(expected, nan_ok=True)


def test_chance_of_sets_as_large_as_they_get():
    assert expected_iou(1716, 1716, 0, 858, 0) == pytest.approx(0.5)
    assert 0 < expected_iou(1716, 100, 60, 80, 90) < 0.1


def test_chance_of_labelled_sizes():
    sizes = xr.DataArray([[1, 2], [0, 0]], {"sign": SIGNS}, ("sign", "order"))
    chance = chance_iou(sizes, sizes, xr.DataArray([2, 2], dims="order"))
    assert np.allclose(chance, [0.5, 1])


# ---- sets of equal size, mirrored orders


def test_strongest_of_order_takes_as_many_of_each_order():
    interactions = xr.DataArray(np.random.default_rng(0).normal(size=(2, 3, 32)), dims=("kind", "sample", "coalition"))
    chosen = strongest_of_order(interactions, 4)
    sizes = coalition_sizes(5).numpy()
    for order, count in ((1, 4), (2, 4), (3, 4), (4, 4), (5, 1)):
        assert (chosen.values[..., sizes == order].sum(-1) == count).all()
        members = abs(interactions.values[..., sizes == order])
        assert np.array_equal(chosen.values[..., sizes == order], members >= np.sort(members)[..., [-count]])
    assert not chosen.isel(coalition=0).any()
    turned = strongest_of_order(interactions.transpose("coalition", "kind", "sample"), 4)
    assert turned.transpose(*chosen.dims).equals(chosen)


def test_strongest_of_order_has_no_interactions_without_effect():
    assert strongest_of_order(xr.DataArray([5.0, 0.0, 0.0, 1.0], dims="coalition"), 2).values.tolist() == [0, 0, 0, 1]
    with pytest.raises(ValueError, match="count=0"):
        strongest_of_order(xr.DataArray([5.0, 0.0], dims="coalition"), 0)


def test_mirrored_orders():
    numbers = xr.DataArray([5.0, 4.0, 2.0, 1.5, 0.5], {"order": range(1, 6)}, ("order",))
    assert against_mirrored_order(numbers).values.tolist() == [3.5, 2.0]  # 1 and 4, 2 and 3
    assert against_mirrored_order(numbers)["order"].values.tolist() == [1, 2]


def test_compare_leaves_its_arguments_alone(random_pair):
    random_pair = tuple(found.isel(sample=slice(5)) for found in random_pair)
    copies = [found.copy(deep=True) for found in random_pair]
    generalization.compare(*random_pair, signs=True, tau_per_sample=False)
    for found, copy in zip(random_pair, copies, strict=True):
        assert found.identical(copy)
