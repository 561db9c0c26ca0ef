"""The rule on stability, on games whose noise is known."""

import numpy as np
import pytest
import xarray as xr

from lkutils.claims.stability import STABLE_AND, medians
from lkutils.claims.verdicts import judge
from lkutils.games import Label
from lkutils.mobius import coalition_sizes
from lkutils.stability import stability_ratio

SIZES = coalition_sizes(5).numpy()
MLP7 = Label("MNIST", "MLP-7")


def outcome(strength, deviation, n_samples=20):
    """Outcome and the slopes when interactions of each coalition have a strength and a deviation over the draws."""
    random = np.random.default_rng(0)
    clean = strength * random.uniform(0.7, 1.4, (1, n_samples, 1, 32))
    noise = deviation * random.normal(size=(1, n_samples, 20, 32))
    axes = ("kind", "sample", "draw", "coalition")
    game = xr.DataArray(np.concatenate([clean, clean + noise], axis=2), {"kind": ["and"]}, axes)
    unit = game.isel(draw=0, drop=True)
    ratios = stability_ratio(game, unit["coalition"] > 0)
    verdict = judge(STABLE_AND, {MLP7: medians(ratios, unit).sel(kind="and")})
    return verdict.outcomes[MLP7], [test.estimate for test in verdict.measured[MLP7]]


def test_noise_that_grows_with_the_order_is_seen():
    found, slopes = outcome(np.ones(32), 0.05 * 2.0 ** (SIZES / 2))
    assert found == "yes"
    assert slopes == pytest.approx([-np.log(2) / 2] * 2, abs=0.05)


def test_a_trend_that_comes_from_strength_alone_is_not():
    """The deviation is the same for all, strength falls with the order: no slope at equal strength."""
    found, slopes = outcome(0.75**SIZES, 0.02)
    assert found != "yes"
    assert slopes[0] < -0.2
    assert abs(slopes[1]) < 0.07


def test_noise_that_falls_with_the_order_contradicts_it():
    assert outcome(np.ones(32), 0.05 * 0.6**SIZES)[0] == "no"


def test_too_few_samples():
    found, slopes = outcome(np.ones(32), 0.05 * 2.0 ** (SIZES / 2), n_samples=9)
    assert found == "too few"
    assert np.isnan(slopes[0])


def test_orders_that_few_samples_have_are_left_out():
    clean = xr.DataArray(np.ones((1, 12, 32)), {"kind": ["and"]}, ("kind", "sample", "coalition"))
    ratios = clean.copy()
    ratios[0, :3, SIZES == 4] = np.nan
    ratios[0, :2, SIZES == 3] = np.nan
    found = medians(ratios, clean).sel(kind="and")
    assert found["median"].count("sample").values.tolist() == [12, 12, 10, 0, 12]
