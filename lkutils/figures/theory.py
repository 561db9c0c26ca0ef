"""The figure of the chapter on theory: whether outputs grow with the number of visible players (App. G)."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr
from matplotlib.figure import Figure

from lkutils.figures.described import described
from lkutils.figures.style import colours_of, in_style, label_left, panels, plain
from lkutils.games import Label


@in_style
def mean_by_size(means: Mapping[Label, xr.DataArray]) -> Figure:
    """Mean output of all coalitions of a size against the size: a panel for each network, a line for each sample.

    Args:
        means: for every network the mean (sample, size), in output ranges.

    Example:
        >>> means = xr.DataArray([[0.0, 0.5, 1.0], [0.0, 0.7, 0.9]], dims=("sample", "size"))
        >>> len(mean_by_size({Label("digits", "MLP-7"): means}).axes[0].lines)  # two samples, their mean, and zero
        4
    """
    figure, axes = panels(len(means), height=2.0)
    for axis, (label, mean) in zip(axes, means.items(), strict=True):
        colour = colours_of([label.network])[label.network]
        axis.axhline(0, color="black", linewidth=0.5)
        axis.plot(mean["size"], mean.transpose("size", "sample"), color=colour, linewidth=0.6, alpha=0.4)
        axis.plot(mean["size"], mean.mean("sample"), color="black", linewidth=1.5)
        axis.set(title=plain(label), xlabel="visible players $m$")
    label_left(axes, "$u(m)$ (output ranges)")
    return described(
        figure,
        "Mean output by number of visible players, a line for each sample, in output ranges",
        means,
    )
