"""How much a mean over samples may be off: bootstrap intervals, one way for all of them."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr


def resampled_means(
    values: xr.DataArray | xr.Dataset, resamples: int = 2000, seed: int = 0
) -> xr.DataArray | xr.Dataset:
    """Means over the samples as they are (entry 0 of the axis ``resample``) and as drawn anew with replacement.

    Every element of the other axes, and every array with as many samples, has the same draws. Thus a statistic of
    several means, such as `completeness`, is computed from what this returns as from plain means, and
    `with_interval` of the result gives its uncertainty.

    Args:
        values: an array, or a dataset of arrays, with the axis ``sample``.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        The axis ``resample`` of length ``resamples`` + 1 in place of ``sample``.

    Example:
        >>> resampled_means(xr.DataArray(np.arange(100.0), dims="sample"))[0].item()
        49.5
    """
    if isinstance(values, xr.Dataset):
        return values.map(resampled_means, resamples=resamples, seed=seed)
    n = values.sizes["sample"]
    draws = np.random.default_rng(seed).multinomial(n, [1 / n] * n, size=resamples)
    weights = xr.DataArray(np.concatenate((np.ones((1, n)), draws)) / n, dims=("resample", "sample"))
    return xr.dot(weights, values.astype(float).drop_vars("sample", errors="ignore"), dim="sample")


def with_interval(statistic: xr.DataArray, level: float = 0.95) -> xr.DataArray:
    """A statistic of `resampled_means` with its percentile interval.

    Resamples in which the statistic is not defined are left out; where it never is, all three are NaN.

    Returns:
        The axis ``bound`` ("low", "estimate", "high") in place of ``resample``, last.

    Raises:
        ValueError: the level is not between 0 and 1.

    Example:
        >>> with_interval(resampled_means(xr.DataArray(np.arange(100.0), dims="sample"))).round().values
        array([44., 50., 55.])
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level} must lie between 0 and 1, such as 0.95")
    draws = torch.from_numpy(statistic.transpose("resample", ...).values)
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = torch.nanquantile(draws[1:], tails, dim=0).numpy()  # numpy's own warns where all are NaN
    estimate = statistic.isel(resample=0, drop=True)
    bounds = [estimate.copy(data=low), estimate, estimate.copy(data=high)]
    return xr.concat(bounds, xr.IndexVariable("bound", ["low", "estimate", "high"])).transpose(..., "bound")


def bootstrap_interval(
    values: xr.DataArray, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> xr.DataArray:
    """Percentile bootstrap interval of the mean over the axis ``sample``.

    Returns:
        The interval, with the axis ``bound`` ("low", "high") in place of ``sample``.

    Raises:
        ValueError: the level is not between 0 and 1.

    Example:
        >>> bootstrap_interval(xr.DataArray(np.arange(100.0), dims="sample")).round().values
        array([44., 55.])
    """
    bounds = with_interval(resampled_means(values, resamples, seed), level)
    return bounds.sel(bound=["low", "high"]).transpose("bound", ...)
