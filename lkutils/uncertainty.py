"""How much a number from a few samples may be off: bootstrap intervals, one way for all of them.

A statistic is computed from means over samples. `resampled_means` gives the means as they are and as they would be with
other samples, any function of means is applied to all of them at once, and `with_interval` reads off the interval:

    >>> samples = xr.Dataset({"hits": ("sample", np.arange(20.0)), "tries": ("sample", np.full(20, 20.0))})
    >>> means = resampled_means(samples)
    >>> with_interval(means.hits / means.tries).round(2).values
    array([0.34, 0.48, 0.61])

A resample draws n - 3 of the n samples, with replacement. Means of n draws vary too little, by n/(n - 1), and their
percentiles do not know that the spread was estimated from n samples itself; with n - 3 draws the means have the
variance of Student's t with n - 1 degrees of freedom. They stay inside the range of the samples. How often the interval
of 95 % holds the true mean was measured on 20,000 sets of samples (in brackets: with n draws):

    samples                10             30             50            100
    normal         94 % (90 %)    95 % (93 %)    95 % (94 %)    95 % (94 %)
    exponential    91 % (86 %)    93 % (92 %)    94 % (93 %)    94 % (94 %)

Fewer than ten samples get no interval.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import torch
import xarray as xr

from lkutils.axes import product

RESAMPLES = 2000  # the bounds themselves are then off by about 3 % of the interval's width
FEWEST = 10  # samples; with fewer the interval does not keep what it promises, whatever the method


def sample_weights(n_samples: int, resamples: int = RESAMPLES, seed: int = 0) -> xr.DataArray:
    """The share that each sample has in the mean: of the samples as they are (entry 0), and of each resample.

    Args:
        n_samples: number of samples; with fewer than `FEWEST` there is entry 0 alone.
        resamples: how often samples are drawn anew.
        seed: of the draws.

    Returns:
        Weights (resample, sample) that sum to 1.

    Raises:
        ValueError: no sample at all.

    Example:
        >>> sample_weights(20).sizes["resample"], sample_weights(4).values
        (2001, array([[0.25, 0.25, 0.25, 0.25]]))
    """
    if n_samples < 1:
        raise ValueError("there are no samples to take a mean of")
    weights = np.full((1, n_samples), 1 / n_samples)
    if n_samples >= FEWEST:
        weights = np.concatenate((weights, shares(n_samples, resamples, seed)))
    return xr.DataArray(weights, {"resample": np.arange(len(weights))}, ("resample", "sample"))


@lru_cache(maxsize=64)
def shares(n_samples: int, resamples: int, seed: int) -> np.ndarray:
    """The shares that samples have in each resample, drawn once for all means of a chapter."""
    drawn = n_samples - 3
    return np.random.default_rng(seed).multinomial(drawn, [1 / n_samples] * n_samples, size=resamples) / drawn


def resampled_means(
    values: xr.DataArray | xr.Dataset, resamples: int = RESAMPLES, seed: int = 0
) -> xr.DataArray | xr.Dataset:
    """Means over the samples as they are (entry 0 of the axis ``resample``) and as drawn anew with replacement.

    Every element of the other axes, and every array with as many samples, has the same draws, so that they may be
    combined. A sample whose value is NaN counts in no mean of that element; an element with fewer than `FEWEST` others
    has its mean in entry 0 and NaN in the resamples.

    Args:
        values: an array, or a dataset of arrays, with the axis ``sample``.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        The axis ``resample`` of length ``resamples`` + 1 in place of ``sample``, of length 1 with fewer than `FEWEST`
        samples.

    Raises:
        ValueError: no axis ``sample``, or an empty one.

    Example:
        >>> resampled_means(xr.DataArray(np.arange(100.0), dims="sample"))[0].item()
        49.5
    """
    if isinstance(values, xr.Dataset):
        return values.map(resampled_means, resamples=resamples, seed=seed)
    if "sample" not in values.dims:
        raise ValueError(f"means over samples need an axis 'sample'; there are {', '.join(values.dims) or 'no axes'}")
    weights = sample_weights(values.sizes["sample"], resamples, seed)
    values = values.astype(float).drop_vars("sample", errors="ignore")
    return weighted_means(weights, values)


def weighted_means(weights: xr.DataArray, values: xr.DataArray) -> xr.DataArray:
    """Means over the samples with the weights of `sample_weights`, NaN left out as `resampled_means` says.

    Example:
        >>> weighted_means(sample_weights(4), xr.DataArray([1.0, 2.0, np.nan, 6.0], dims="sample")).values
        array([3.])
    """
    defined = values.notnull()
    if defined.all():
        return product(weights, values, "sample")
    share = product(weights, defined.astype(float), "sample")
    means = product(weights, values.fillna(0), "sample") / share.where(share > 0)
    enough = defined.sum("sample") >= FEWEST
    return means.where(enough | (means["resample"] == 0))


def resampled_with_thresholds(
    of_thresholds: Callable[..., xr.Dataset], taus: list[xr.DataArray], resamples: int = RESAMPLES, seed: int = 0
) -> xr.Dataset:
    """As `resampled_means`, of numbers that depend on the largest threshold among the samples.

    Args:
        of_thresholds: from thresholds, one for each entry of ``taus``, to numbers of every sample.
        taus: thresholds of each sample alone (sample); that of a resample is the largest of its samples.
        resamples, seed: of the draws.

    Returns:
        The means (resample, ...). They are computed once for each combination of thresholds that occurs.

    Example:
        >>> taus = [xr.DataArray([1.0, 5.0, 2.0], dims="sample")]
        >>> salient = resampled_with_thresholds(lambda tau: xr.Dataset({"above": taus[0] >= tau}) * 1.0, taus)
        >>> salient["above"].values  # 5 is the largest, which one of three reaches
        array([0.33333333])
    """
    weights = sample_weights(taus[0].sizes["sample"], resamples, seed)
    table = np.stack([tau.values for tau in taus])
    largest = np.where(weights.values[:, None] > 0, table, -np.inf).max(-1)
    combinations, which = np.unique(largest, axis=0, return_inverse=True)
    parts = [
        of_thresholds(*map(xr.DataArray, combination))
        .drop_vars("sample", errors="ignore")
        .map(partial(weighted_means, weights.isel(resample=which.reshape(-1) == number)))
        for number, combination in enumerate(combinations)
    ]
    return xr.concat(parts, "resample").sortby("resample")


def with_interval(statistic: xr.DataArray, level: float = 0.95) -> xr.DataArray:
    """A statistic of `resampled_means` with its interval.

    Resamples in which the statistic is not defined are left out. Where it never is, or where there are no resamples
    because there were too few samples, the bounds are NaN.

    Args:
        statistic: with the axis ``resample``.
        level: how often the interval is to hold the true value.

    Returns:
        The axis ``bound`` ("low", "estimate", "high") in place of ``resample``, last.

    Raises:
        ValueError: the level is not between 0 and 1, or no axis ``resample``.

    Example:
        >>> with_interval(resampled_means(xr.DataArray(np.arange(100.0), dims="sample"))).round().values
        array([44., 50., 55.])
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1, such as 0.95")
    if "resample" not in statistic.dims:
        raise ValueError("an interval needs the axis 'resample': compute the statistic from resampled_means(values)")
    estimate = statistic.isel(resample=0, drop=True)
    draws = torch.from_numpy(statistic.transpose("resample", ...).values.astype(float))[1:]
    if not len(draws):
        draws = torch.full((1, *estimate.shape), torch.nan, dtype=torch.float64)
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.nanquantile(draws, tails, dim=0).numpy()  # numpy's own warns where all are NaN
    bounds = [estimate.copy(data=low), estimate, estimate.copy(data=high)]
    return xr.concat(bounds, xr.IndexVariable("bound", ["low", "estimate", "high"])).transpose(..., "bound")
