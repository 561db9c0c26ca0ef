"""Figures of stability: what is drawn is what was handed in."""

import numpy as np
import pytest
import xarray as xr

from lkutils.figures import stability
from lkutils.games import Label

MLP7, VGG11 = Label("MNIST", "MLP-7"), Label("MNIST", "VGG-11")


def number(estimate, few=()):
    """Estimates by order, with intervals from half to twice of them but for orders of too few samples."""
    estimate = np.array(estimate, dtype=float)
    bounds = np.stack([estimate / 2, estimate, estimate * 2], axis=-1)
    bounds[list(few), ::2] = np.nan
    axes = {"order": np.arange(1, len(estimate) + 1), "bound": ["low", "estimate", "high"]}
    return xr.DataArray(bounds, axes, ("order", "bound"))


def test_a_panel_for_each_network_with_lines_and_references():
    lines = {MLP7: {"median": number([8, 4, 2], few=[2])}, VGG11: {"median": number([9, 3, 1])}}
    level = xr.DataArray([0.1, 0.1, 0.1], {"order": [1, 2, 3]}, ("order",))
    figure = stability.by_order(lines, "stability", {MLP7: {"no effect": level}})
    first, second = figure.axes
    assert [axis.get_title("left") for axis in figure.axes] == ["MLP-7\nMNIST", "VGG-11\nMNIST"]
    solid, hollow, reference = first.lines
    np.testing.assert_array_equal(solid.get_ydata(), [8, 4, np.nan])
    np.testing.assert_array_equal(hollow.get_ydata(), [np.nan, np.nan, 2])
    np.testing.assert_array_equal(reference.get_ydata(), level)
    assert reference.get_label() == "no effect"
    np.testing.assert_array_equal(second.lines[0].get_ydata(), [9, 3, 1])
    intervals = first.collections[0].get_segments()
    assert [[low, high] for (_, low), (_, high) in intervals] == [[4, 16], [2, 8]]


def test_what_is_not_above_zero_is_left_out_of_a_logarithmic_axis():
    figure = stability.by_order({MLP7: {"median": number([1, 0, 2])}}, "stability")
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[1])


def test_no_networks_no_figure():
    with pytest.raises(ValueError, match="no network or pair"):
        stability.by_order({}, "stability")
