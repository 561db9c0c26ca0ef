"""Figures of App. J: what is drawn is what was handed in."""

import numpy as np
import xarray as xr

from lkutils.figures import kappa

LABELS = {"kappa": [0.03, 0.04], "kind": ["and"], "layer": ["block1", "output"]}
AXES = ("kappa", "kind", "layer", "sample", "coalition")
FOUND = xr.DataArray(np.arange(16.0).reshape(2, 1, 2, 1, 4) - 6, LABELS, AXES)


def test_lines_follow_the_order_of_the_reference():
    figure = kappa.in_order_of({"exact": FOUND.isel(sample=0)}, 0.04, [0.04, 0.03])
    first, second = figure.axes
    assert first.lines[0].get_ydata().tolist() == [5, 4, 3]
    assert first.lines[1].get_ydata().tolist() == [-3, -4, -5]
    assert second.lines[0].get_ydata().tolist() == [9, 8, 7]


def test_dots_are_pairs_and_what_is_zero_in_both_is_left_out():
    salient = FOUND.where(FOUND["coalition"] != 2, 0)
    figure = kappa.single_interactions(salient, salient.sel(kappa=0.04, drop=True) + 1, 0.04, [0.03])
    assert len(figure.axes) == 4
    dots = figure.axes[0].lines[1]
    assert list(zip(*dots.get_data(), strict=True)) == [(3, -5), (5, -3)]
    again = figure.axes[2].lines[1]
    assert list(zip(*again.get_data(), strict=True)) == [(3, 4), (0, 1), (5, 6)]


def test_lines_skip_what_is_missing_and_yardsticks_are_dotted():
    bounds = {"bound": ["low", "estimate", "high"]}
    labels = {"procedure": ["exact", "sgd"], "kappa": [0.03, 0.04], "layer": ["output"], **bounds}
    values = np.full((2, 2, 1, 3), 0.5)
    values[1, 0] = np.nan
    number = xr.DataArray(values, labels, ("procedure", "kappa", "layer", "bound"))
    yardstick = number.isel(kappa=1, drop=True) * 0.5
    axis = kappa.against_kappa({"similarity": number}, {"similarity": yardstick}).axes[0]
    exact, sgd, level = axis.lines
    assert [len(line.get_xdata()) for line in (exact, sgd)] == [2, 1]
    assert level.get_ydata()[0] == 0.25
