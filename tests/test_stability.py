"""Stability of games whose noise is known, and its value without any effect against Monte Carlo and scipy."""

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import stats

from lkutils.extraction import extract_interactions
from lkutils.metrics import salience_threshold, salient
from lkutils.mobius import and_interactions, coalition_sizes, or_interactions
from lkutils.stability import (
    by_order,
    deviation_over_draws,
    harsanyi,
    in_strength_bins,
    independent_deviation,
    median_of,
    no_effect,
    noise_ratio,
    slope_on_order,
    slope_parts_at_equal_strength,
    stability_ratio,
    without_new_extraction,
)

AXES = ("kind", "layer", "sample", "draw", "coalition")


def noisy_game(deviation: np.ndarray, n_draws: int = 400, n_samples: int = 3) -> xr.DataArray:
    """Interactions of strength 1 in all coalitions, with normal noise of a given deviation for each of them."""
    random = np.random.default_rng(0)
    interactions = 1 + deviation * random.normal(size=(2, 1, n_samples, n_draws + 1, len(deviation)))
    interactions[..., 0, :] = 1.0
    return xr.DataArray(interactions, {"kind": ["and", "or"], "layer": ["output"]}, AXES)


def everywhere(game: xr.DataArray) -> xr.DataArray:
    clean = game.isel(draw=0, drop=True)
    return salient(clean, salience_threshold(clean))


def test_ratio_is_the_mean_over_the_deviation_without_the_clean_draw():
    draws = xr.DataArray([[0.0, 50.0], [0.0, -1.0], [0.0, -2.0], [0.0, -6.0]], dims=("draw", "coalition"))
    ratio = stability_ratio(draws, xr.DataArray([False, True], dims="coalition"))
    assert ratio.values == pytest.approx([np.nan, 3 / np.std([1, 2, 6], ddof=1)], nan_ok=True)


def test_median_recovers_the_noise_of_each_order():
    sizes = coalition_sizes(5).numpy()
    game = noisy_game(0.1 * 2.0 ** (sizes / 2))  # variance 2^m: independent noise on every output
    parts = by_order(stability_ratio(game, everywhere(game)))
    expected = 10 / 2 ** (np.arange(1, 6) / 2)
    assert np.allclose(parts["median"].mean(["kind", "layer", "sample"]), expected, rtol=0.04)
    assert np.allclose(parts["mean"].mean(["kind", "layer", "sample"]), expected, rtol=0.04)
    slope = slope_on_order(parts["median"].mean("sample"))
    assert np.allclose(slope, -np.log(2) / 2, atol=0.03)
    assert (parts["n_salient"] == [5, 10, 10, 5, 1]).all()
    assert (parts["without_variance"] == 0).all()


def test_interactions_without_variance_are_counted_and_left_out():
    game = noisy_game(np.where(np.arange(8) == 1, 0.0, 0.1))
    ratio = stability_ratio(game, everywhere(game))
    assert np.isinf(ratio.isel(coalition=1)).all()
    parts = by_order(ratio)
    assert (parts["without_variance"] == [1, 0, 0]).all()
    assert (parts["n_salient"] == [3, 3, 1]).all()
    assert np.allclose(parts["median"].mean(["kind", "layer", "sample"]), 10, rtol=0.1)


def test_rounding_is_no_variance():
    game = xr.DataArray([[0.0, 0.3], [0.0, 0.1 + 0.2], [0.0, 0.3], [0.0, 0.3]], dims=("draw", "coalition"))
    assert np.isinf(stability_ratio(game, xr.DataArray([False, True], dims="coalition"))[1])


def test_an_interaction_that_vanishes_in_all_noisy_draws_has_no_variance_either():
    game = xr.DataArray([[0.0, 5.0], [0.0, 0.0], [0.0, 0.0]], dims=("draw", "coalition"))
    parts = by_order(stability_ratio(game, xr.DataArray([False, True], dims="coalition")))
    assert parts["without_variance"].values.tolist() == [1]
    assert parts["median"].isnull().all()


def test_what_is_not_salient_is_left_out():
    game = noisy_game(np.full(8, 0.1))
    members = everywhere(game) & (game["kind"] == "and")
    parts = by_order(stability_ratio(game, members))
    assert parts["median"].sel(kind="or").isnull().all()
    assert (parts["n_salient"].sel(kind="or") == 0).all()
    assert parts["median"].sel(kind="and").notnull().all()


@pytest.mark.parametrize("n_draws", [0, 1])
def test_one_draw_has_no_variance(n_draws):
    game = noisy_game(np.full(4, 0.1), n_draws)
    with pytest.raises(ValueError, match=f"{n_draws} draw with noise"):
        stability_ratio(game, everywhere(game))


def test_a_game_without_draws_is_refused():
    game = noisy_game(np.full(4, 0.1)).isel(draw=0)
    with pytest.raises(ValueError, match="'draw' is missing"):
        stability_ratio(game, game > 0)


def test_median_is_numpys():
    values = np.random.default_rng(0).normal(size=(2, 5, 9))
    values[:, 1, ::2] = np.nan
    values[:, 2, 1:] = np.nan
    array = xr.DataArray(values, dims=("kind", "sample", "coalition"))
    assert np.allclose(median_of(array), np.nanmedian(values, -1))
    assert np.allclose(
        median_of(array.transpose("coalition", "sample", "kind")).transpose("kind", "sample"), median_of(array)
    )
    one = xr.DataArray(values[..., :1], dims=("kind", "sample", "coalition"))
    assert np.allclose(median_of(one), values[..., 0], equal_nan=True)


# ---- equal strength


def test_strength_bins_hold_each_ratio_once():
    random = np.random.default_rng(0)
    clean = xr.DataArray(random.normal(size=(2, 4, 16)), dims=("kind", "sample", "coalition"))
    ratios = abs(clean) + 1
    edges = (0.0, 0.2, 0.5, 1.0)
    binned = in_strength_bins(ratios, clean, edges)
    assert binned["strength"].values.tolist() == [0.0, 0.2, 0.5]
    inside = clean["coalition"] > 0
    assert ((binned.notnull().sum("strength") == 1) == inside).all()
    largest = abs(clean).where(inside).max(["kind", "coalition"])
    share = (abs(clean) / largest).where(binned.sel(strength=0.2).notnull())
    assert share.min() > 0.2
    assert share.max() <= 0.5


def test_strength_bins_tell_order_from_strength():
    """Noise is the same for all, low orders are stronger: the trend with order is gone within bins."""
    random = np.random.default_rng(0)
    sizes = coalition_sizes(6).numpy()
    clean = 0.5**sizes * random.uniform(0.4, 2.5, (2, 30, 1, 64))
    draws = np.concatenate([clean, clean + 0.01 * random.normal(size=(2, 30, 60, 64))], axis=2)
    game = xr.DataArray(draws, {"kind": ["and", "or"]}, ("kind", "sample", "draw", "coalition"))
    unit = game.isel(draw=0, drop=True)
    ratios = stability_ratio(game, salient(unit, salience_threshold(unit)))
    raw = slope_on_order(by_order(ratios)["median"].mean("sample"))
    binned = by_order(in_strength_bins(ratios, unit, (0.1, 0.12, 0.15)))["median"].mean("sample")
    assert (raw < -0.4).all()
    assert (abs(slope_on_order(binned.sel(order=[1, 2, 3]))) < 0.12).all()


def test_edges_must_increase():
    clean = xr.DataArray(np.ones((1, 4)), dims=("kind", "coalition"))
    with pytest.raises(ValueError, match="must increase"):
        in_strength_bins(clean, clean, (0.5, 0.1))


# ---- the slope


def test_slope_is_numpys():
    means = np.exp(np.random.default_rng(0).normal(size=(3, 7)))
    labelled = xr.DataArray(means, {"order": np.arange(1, 8)}, ("kind", "order"))
    assert np.allclose(slope_on_order(labelled), np.polyfit(np.arange(1, 8), np.log(means).T, 1)[0])
    labelled[0, [1, 4]] = np.nan
    kept = [0, 2, 3, 5, 6]
    assert slope_on_order(labelled)[0] == pytest.approx(np.polyfit(np.array(kept) + 1, np.log(means[0, kept]), 1)[0])


def test_slope_at_equal_strength_is_that_of_a_regression_with_a_level_for_each_bin():
    random = np.random.default_rng(0)
    ratios = xr.DataArray(np.exp(random.normal(size=(1, 2, 32))), {"kind": ["and"]}, ("kind", "sample", "coalition"))
    ratios[..., 0] = ratios[0, 1, :9] = np.nan
    ratios[0, 0, 5] = np.inf
    clean = ratios.copy(data=random.uniform(-3, 3, ratios.shape))
    parts = slope_parts_at_equal_strength(ratios, clean).sel(kind="and")
    for k in range(2):
        chosen = np.flatnonzero(np.isfinite(ratios[0, k]))
        bins = np.floor(np.log(abs(clean[0, k].values[chosen])) / np.log(1.25))
        levels = bins[:, None] == np.unique(bins)
        design = np.column_stack([coalition_sizes(5).numpy()[chosen], levels])
        expected = np.linalg.lstsq(design, np.log(ratios[0, k].values[chosen]))[0][0]
        assert (parts["products"] / parts["spread"])[k].item() == pytest.approx(expected)


def test_slope_of_a_single_order_is_nan():
    means = xr.DataArray([np.nan, 2.0, 0.0], {"order": [1, 2, 3]}, ("order",))
    assert np.isnan(slope_on_order(means))


# ---- what is noise, and what the extraction does with it


def test_independent_noise_gives_and_interactions_the_deviation_of_their_order():
    noise = np.random.default_rng(0).normal(0, 0.3, (4001, 32))
    values = xr.DataArray(noise, dims=("draw", "coalition"))
    measured = deviation_over_draws(harsanyi(values)).isel(kind=0)
    expected = independent_deviation(values)
    for order in range(1, 6):
        of_order = measured[coalition_sizes(5).numpy() == order]
        assert np.allclose(of_order, expected.sel(order=order), rtol=0.05)
    assert expected.sel(order=1).item() == pytest.approx(0.3 * np.sqrt(2), rel=0.02)


def test_a_common_shift_of_all_outputs_reaches_no_interaction():
    shift = np.random.default_rng(0).normal(size=(30, 1))
    values = xr.DataArray(np.arange(16.0) + shift, dims=("draw", "coalition"))
    assert deviation_over_draws(harsanyi(values)).isel(coalition=slice(1, None)).max() < 1e-12
    assert (independent_deviation(values) > 1).all()


def test_kept_gamma_and_delta_are_those_of_the_clean_input():
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 4, 16)))  # sample, draw, coalition
    clean = extract_interactions(values[:, 0], 0.1)
    half = (values - clean.delta[:, None]) / 2
    and_, or_ = and_interactions(half + clean.gamma[:, None]), or_interactions(half - clean.gamma[:, None])
    single = coalition_sizes(4) <= 1
    expected = torch.stack((and_ + or_ * single, or_ * ~single))
    labels = {"kind": ["and", "or"], "sample": [3, 5, 9]}
    both = xr.DataArray(torch.stack((clean.and_, clean.or_)), labels, ("kind", "sample", "coalition"))
    game = xr.DataArray(values, {"sample": [3, 5, 9]}, ("sample", "draw", "coalition"))
    found = without_new_extraction(game, both).transpose("kind", "sample", "draw", "coalition")
    assert np.allclose(found[..., 1:], expected[..., 1:])
    assert np.allclose(found.isel(draw=0), both)


def test_harsanyi_interactions_are_those_of_v():
    values = np.random.default_rng(0).normal(size=(2, 8))
    found = harsanyi(xr.DataArray(values, dims=("sample", "coalition")))
    assert found.dims == ("kind", "sample", "coalition")
    assert np.allclose(found.sel(kind="and"), and_interactions(torch.from_numpy(values)))


# ---- without an effect


@pytest.mark.parametrize("n_draws", [3, 5, 20, 30])
def test_no_effect_is_that_of_student_s_t(n_draws):
    values = no_effect(n_draws)
    folded = stats.t(n_draws - 1)
    assert values["median"] == pytest.approx(folded.ppf(0.75) / np.sqrt(n_draws), rel=1e-6)
    mean = 2 * folded.expect(lambda t: t, lb=0)
    assert values["mean"] == pytest.approx(mean / np.sqrt(n_draws), rel=1e-6)


def test_no_effect_is_what_pure_noise_gives():
    random = np.random.default_rng(0)
    noise = xr.DataArray(random.normal(size=(21, 2**14)), dims=("draw", "coalition"))
    ratio = stability_ratio(noise, noise["coalition"] > 0)
    assert float(ratio.median()) == pytest.approx(no_effect(20)["median"], rel=0.03)
    assert float(ratio.mean()) == pytest.approx(no_effect(20)["mean"], rel=0.03)


def test_no_effect_of_few_draws():
    assert no_effect(2)["mean"] == np.inf
    assert no_effect(2)["median"] == pytest.approx(1 / np.sqrt(2), rel=1e-6)
    with pytest.raises(ValueError, match="n_draws=1"):
        no_effect(1)


# ---- noise ratio


def test_noise_ratio_of_an_image():
    random = np.random.default_rng(0)
    image, noise = random.random((3, 4, 4)), 0.02 * random.normal(size=(3, 4, 4))
    players = np.array([[0, 0, 1, 1]] * 2 + [[2, 2, -1, -1]] * 2)
    ratio = noise_ratio(image, noise, players, 3)
    for coalition in range(1, 8):
        inside = np.isin(players, [i for i in range(3) if coalition >> i & 1])
        expected = np.linalg.norm(noise[:, inside]) / np.linalg.norm(image[:, inside])
        assert ratio.sel(coalition=coalition) == pytest.approx(expected)
    assert np.isnan(ratio[0])


def test_noise_ratio_of_a_black_patch_is_nan():
    ratio = noise_ratio(np.array([0.0, 1.0]), np.array([0.1, 0.1]), np.array([0, 1]), 2)
    assert np.isnan(ratio[1])
    assert ratio[2] == pytest.approx(0.1)


def test_noise_ratio_refuses_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="players that of their last axes"):
        noise_ratio(np.zeros((3, 4, 4)), np.zeros((3, 4, 4)), np.zeros((3, 4)), 2)
