"""Box plots of App. L: their numbers are the quantiles of what was handed in."""

import numpy as np
import pytest
import xarray as xr

from lkutils.figures.noise_ratio import boxes
from lkutils.games import Label


def test_boxes_are_quantiles_of_each_order():
    ratio = np.random.default_rng(0).uniform(0, 1, (5, 20, 8))
    ratio[..., 0] = np.nan
    figure = boxes({Label("MNIST", "MLP-7"): xr.DataArray(ratio, dims=("sample", "draw", "coalition"))})
    (axis,) = figure.axes
    of_order = [ratio[..., [1, 2, 4]], ratio[..., [3, 5, 6]], ratio[..., [7]]]
    for k, part in enumerate(of_order):
        low, high, _, _, middle = axis.lines[5 * k : 5 * k + 5]
        np.testing.assert_allclose(middle.get_ydata(), np.median(part))
        np.testing.assert_allclose(low.get_ydata()[::-1], np.quantile(part, [0.05, 0.25]))
        np.testing.assert_allclose(high.get_ydata(), np.quantile(part, [0.75, 0.95]))


def test_no_network_is_refused():
    with pytest.raises(ValueError, match="no network"):
        boxes({})
