"""Alternative texts and tables hold the numbers that were drawn, and go with the figure into a notebook."""

import io
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.pylabtools import select_figure_formats
from matplotlib import colors
from matplotlib.figure import Figure

from lkutils.figures import generalization, layers, style
from lkutils.figures.described import described, long_table
from lkutils.games import Label

MNIST, CIFAR = Label("MNIST", "MLP-7"), Label("CIFAR-10", "VGG-11")


def curve() -> xr.DataArray:
    labels = {"layer": ["fc1", "fc2", "output"], "bound": ["low", "estimate", "high"]}
    return xr.DataArray([[1.0, 1.5, 2.0], [2.0, 2.5, 3.25], [np.nan, 4.25, np.nan]], labels, ("layer", "bound"))


def test_the_table_is_read_back_as_what_was_given():
    figure = layers.by_depth({MNIST: curve(), CIFAR: curve() + 10}, "mean order")
    _, metadata = figure._repr_mimebundle_()
    table = pd.read_csv(io.StringIO(metadata["csv"]))
    for label, shift in ((MNIST, 0), (CIFAR, 10)):
        part = table[table["panel"] == str(label)]
        assert part["layer"].tolist() == ["fc1", "fc2", "output"]
        np.testing.assert_allclose(part[["low", "estimate", "high"]], curve() + shift)
    assert metadata["image/png"]["alt"] == "Mean order by layer. MLP-7, MNIST: 1.5 to 4.2. VGG-11, CIFAR-10: 12 to 14."


def test_series_and_missing_numbers():
    table = long_table({(MNIST, "IoU"): curve().sel(bound="estimate"), (MNIST, "chance"): 0.25 * xr.ones_like(curve())})
    assert table["series"].tolist() == ["IoU"] * 3 + ["chance"] * 3
    gone = long_table({"one": xr.DataArray([1.0, np.nan], {"order": [1, 2]}, ("order",))})
    assert gone["order"].tolist() == [1]


def test_a_notebook_keeps_picture_text_and_table_of_one_figure():
    shell = InteractiveShell.instance()
    select_figure_formats(shell, {"png"})
    data, metadata = shell.display_formatter.format(layers.by_depth({MNIST: curve()}, "mean order"))
    assert "image/png" in data
    assert "panel,layer,low,estimate,high" in metadata["csv"]
    assert "1.5 to 4.2" in metadata["image/png"]["alt"]
    data, metadata = shell.display_formatter.format(style.in_style(plt.figure)())
    assert "csv" not in metadata


def test_numbers_of_an_alternative_text_are_of_finite_values():
    figure = described(Figure(), "Nothing", {"a": xr.DataArray([np.nan, np.inf, 2.0], dims="order")})
    assert re.search(r"a: 2\.$", figure.alt)


def contrast_with_white(colour: object) -> float:
    """As WCAG 2 defines it."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colors.to_rgb(colour))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


@pytest.mark.parametrize(
    "colour",
    [*style.OF_NETWORK.values(), *style.COLOURS, style.OVERLAP, style.FORGET, style.NEW, *style.shades(9)],
)
def test_lines_and_marks_are_seen_on_white(colour):
    assert contrast_with_white(colour) >= 3


def test_bars_without_a_filling_have_an_edge_that_is_seen():
    counts = xr.DataArray([2, 3], {"order": [1, 2]}, ("order",))
    pair = xr.Dataset({"n_defined": counts, "one_empty": counts - 2, "both_empty": counts})
    axis = plt.figure().subplots()
    generalization.draw_counts(axis, pair)
    assert all(contrast_with_white(bar.get_edgecolor()) >= 3 for bar in axis.patches)
    plt.close("all")
