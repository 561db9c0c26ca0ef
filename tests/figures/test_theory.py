"""Mean outputs by size: what is drawn is what was given."""

import numpy as np
import xarray as xr
from figure_checks import drawn, shown

from lkutils.figures.theory import mean_by_size
from lkutils.games import Label


def test_a_panel_for_each_network_with_a_line_for_each_sample_and_their_mean():
    means = xr.DataArray(np.random.default_rng(0).normal(size=(5, 4)), {"size": range(4)}, ("sample", "size"))
    figure = drawn(mean_by_size({Label("MNIST", "MLP-7"): means, Label("SST-2", "BERT"): means[:2]}))
    first, second = shown(figure)
    assert first.get_title("left") == "MLP-7, MNIST"
    _, *samples, mean = first.lines
    np.testing.assert_allclose([line.get_ydata() for line in samples], means)
    np.testing.assert_allclose(mean.get_ydata(), means.mean("sample"))
    assert len(second.lines) == 4
