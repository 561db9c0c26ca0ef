"""Intervals: that they hold the truth as often as they say, and that they say nothing where they cannot know."""

import numpy as np
import pytest
import xarray as xr

from lkutils.uncertainty import FEWEST, RESAMPLES, resampled_means, sample_weights, weighted_means, with_interval


def of_samples(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=("sample", "column")[: np.ndim(values)])


def equals(result: xr.DataArray, answer: list) -> bool:
    return result.shape == np.shape(answer) and np.allclose(result, answer, rtol=0, atol=1e-12, equal_nan=True)


def interval(values: xr.DataArray, level: float = 0.95, **options: int) -> tuple[np.ndarray, np.ndarray]:
    bounds = with_interval(resampled_means(values, **options), level)
    return bounds.sel(bound="low").values, bounds.sel(bound="high").values


def coverage(n_samples: int, draw: str, level: float = 0.95) -> float:
    """How often the interval of samples with mean 1 holds 1."""
    random = np.random.default_rng(n_samples)
    shape = (n_samples, 2000)
    samples = {"normal": random.normal(1, 1, shape), "exponential": random.exponential(1, shape)}[draw]
    low, high = interval(of_samples(samples), level, resamples=600)
    return ((low < 1) & (high > 1)).mean()


@pytest.mark.parametrize("n_samples", [10, 30, 50, 100])
def test_interval_covers_the_true_mean_of_normal_samples_as_often_as_it_says(n_samples):
    # 2,000 sets of samples tell the coverage to half a per cent; 600 resamples cost another half
    assert coverage(n_samples, "normal") == pytest.approx(0.945, abs=0.015)


@pytest.mark.parametrize(("n_samples", "measured"), [(10, 0.905), (30, 0.93), (50, 0.935), (100, 0.94)])
def test_interval_covers_the_true_mean_of_skewed_samples_as_often_as_the_docstring_says(n_samples, measured):
    assert coverage(n_samples, "exponential") == pytest.approx(measured, abs=0.018)


def test_interval_covers_as_often_as_another_level_says():
    assert coverage(20, "normal", level=0.8) == pytest.approx(0.8, abs=0.03)


def test_interval_covers_a_ratio_of_means():
    """Completeness is such a ratio; here a true value of 1/2, from numerator and denominator that go together."""
    random = np.random.default_rng(0)
    total = random.exponential(1, (40, 1500))
    part = total * random.uniform(0, 1, total.shape)
    means = resampled_means(xr.Dataset({"part": of_samples(part), "total": of_samples(total)}), resamples=600)
    bounds = with_interval(means.part / means.total)
    covered = (bounds.sel(bound="low") < 0.5) & (bounds.sel(bound="high") > 0.5)
    assert covered.mean().item() == pytest.approx(0.945, abs=0.02)


def test_interval_has_the_width_of_the_standard_error():
    samples = np.random.default_rng(0).normal(size=400)
    low, high = interval(of_samples(samples))
    assert high - low == pytest.approx(2 * 1.96 * samples.std() / 20, rel=0.1)


def test_interval_of_few_samples_is_as_wide_as_student_s_t():
    samples = np.random.default_rng(0).normal(size=(10, 200))
    low, high = interval(of_samples(samples))
    student = 2 * 2.262 * samples.std(0, ddof=1) / np.sqrt(10)  # 2.262: the 97.5 % point with 9 degrees of freedom
    assert ((high - low) / student).mean() == pytest.approx(1, abs=0.05)


def test_interval_stays_inside_the_range_of_the_samples():
    samples = (np.random.default_rng(0).random((10, 300)) < 0.1) * 1.0
    low, high = interval(of_samples(samples))
    assert (low >= 0).all()
    assert (high <= 1).all()


def test_interval_narrows_with_its_level():
    samples = of_samples(np.arange(30.0))
    low, high = interval(samples, level=0.5)
    lowest, highest = interval(samples)
    assert lowest < low < high < highest


def test_interval_is_the_same_each_time_and_changes_with_the_seed():
    samples = of_samples(np.random.default_rng(0).normal(size=20))
    assert interval(samples) == interval(samples)
    assert interval(samples) != interval(samples, seed=1)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match=f"level={level}"):
        with_interval(resampled_means(of_samples(np.arange(12.0))), level)


def test_a_statistic_that_was_not_resampled_is_refused():
    with pytest.raises(ValueError, match="resampled_means"):
        with_interval(of_samples(np.arange(12.0)))


def test_values_without_samples_are_refused():
    with pytest.raises(ValueError, match=r"there are layer$"):
        resampled_means(xr.DataArray(np.zeros(12), dims="layer"))
    with pytest.raises(ValueError, match="no samples"):
        resampled_means(of_samples(np.zeros(0)))


def test_the_first_resample_is_the_sample_itself():
    means = resampled_means(of_samples(np.arange(30.0).reshape(10, 3)), resamples=50)
    assert means.sizes == {"resample": 51, "column": 3}
    assert equals(means.isel(resample=0), [13.5, 14.5, 15.5])


def test_weights_are_shares_of_n_minus_3_draws():
    weights = sample_weights(20, resamples=40)
    assert np.allclose(weights.sum("sample"), 1)
    assert np.allclose(weights[1:] * 17, (weights[1:] * 17).round())
    assert sample_weights(20).sizes["resample"] == RESAMPLES + 1


def test_a_dataset_is_resampled_with_the_same_draws_in_all_its_arrays():
    samples = of_samples(np.arange(1.0, 11.0))
    means = resampled_means(xr.Dataset({"one": samples, "three": 3 * samples}), resamples=50)
    assert np.allclose(means.three / means.one, 3)
    assert means.one.std() > 0


def test_fewer_than_ten_samples_have_an_estimate_but_no_interval():
    for n_samples in (1, 2, FEWEST - 1):
        values = of_samples(np.arange(2.0 * n_samples).reshape(n_samples, 2))
        bounds = with_interval(resampled_means(values))
        assert equals(bounds.sel(bound="estimate"), values.mean("sample").values.tolist())
        assert bounds.sel(bound=["low", "high"]).isnull().all()
    assert with_interval(resampled_means(of_samples(np.arange(float(FEWEST))))).notnull().all()


def test_a_sum_over_another_axis_does_not_make_an_interval_of_nothing():
    few = resampled_means(of_samples(np.ones((5, 3)))).sum("column")
    assert equals(with_interval(few), [np.nan, 3.0, np.nan])


def test_samples_without_a_value_are_left_out_of_the_mean():
    values = np.random.default_rng(0).normal(size=(30, 2))
    values[::3, 0] = np.nan
    means = resampled_means(of_samples(values), resamples=200)
    assert np.allclose(means[0], [np.nanmean(values[:, 0]), values[:, 1].mean()])
    weights = sample_weights(30, resamples=200).values
    there = ~np.isnan(values[:, 0])
    assert np.allclose(means[:, 0], (weights[:, there] @ values[there, 0]) / weights[:, there].sum(1))


def test_an_element_with_too_few_values_has_no_interval():
    values = np.random.default_rng(0).normal(size=(30, 2))
    values[FEWEST - 1 :, 0] = np.nan
    bounds = with_interval(resampled_means(of_samples(values), resamples=50))
    assert bounds.isnull().values.tolist() == [[True, False, True], [False] * 3]
    assert bounds.sel(bound="estimate")[0] == pytest.approx(values[: FEWEST - 1, 0].mean())


def test_a_mean_of_nothing_is_nan():
    assert weighted_means(sample_weights(4), of_samples(np.full(4, np.nan))).isnull().all()


def test_with_interval_puts_its_bounds_last():
    bounds = with_interval(resampled_means(of_samples(np.arange(30.0).reshape(10, 3)), resamples=100))
    assert bounds.dims == ("column", "bound")
    assert bounds.bound.values.tolist() == ["low", "estimate", "high"]
    assert equals(bounds.sel(bound="estimate"), [13.5, 14.5, 15.5])


def test_with_interval_leaves_out_resamples_in_which_the_statistic_is_not_defined():
    once = resampled_means(of_samples(np.array([2.0] + [0.0] * 11)))  # two fifths of all resamples miss it
    assert (once[1:] == 0).any()
    assert np.allclose(with_interval(once / once.where(once > 0)), 1)


def test_with_interval_of_what_is_never_defined_is_nan_without_a_warning():
    zero = resampled_means(of_samples(np.zeros(10)))
    assert with_interval(zero / zero.where(zero > 0)).isnull().all()
