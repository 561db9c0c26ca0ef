"""The figure of App. L: how much of an interaction's input is noise, order by order (Fig. 12)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lkutils.axes import orders
from lkutils.figures.described import described
from lkutils.figures.generalization import check, order_ticks
from lkutils.figures.style import OVERLAP, in_style, label_left, panels, two_lines
from lkutils.games import Label

SHARES = {"whislo": 0.05, "q1": 0.25, "med": 0.5, "q3": 0.75, "whishi": 0.95}


@in_style
def boxes(ratios: Mapping[Label, xr.DataArray]) -> Figure:
    """Fig. 12: distribution of a ratio over all interactions, samples and draws of each order; a panel each.

    Boxes hold the middle half, whiskers go from 5 to 95 %, the line is the median.

    Args:
        ratios: for every panel the ratio (sample, draw, coalition), NaN left out.

    Raises:
        ValueError: there is no panel.

    Example:
        >>> ratio = xr.DataArray([[[np.nan, 0.1, 0.3, 0.2]]], dims=("sample", "draw", "coalition"))
        >>> [line.get_ydata()[0].item() for line in boxes({Label("digits", "MLP-7"): ratio}).axes[0].lines[4::5]]
        [0.2, 0.2]
    """
    check(ratios)
    figure, axes = panels(len(ratios), height=2.2, sharey=True)
    drawn = {}
    for axis, (label, ratio) in zip(axes, ratios.items(), strict=True):
        order, values = orders(ratio).values, ratio.transpose(..., "coalition").values
        numbers = np.arange(1, order.max() + 1)
        stats = []
        for m in numbers:
            quantiles = np.nanquantile(values[..., order == m], list(SHARES.values()))
            stats.append(dict(zip(SHARES, quantiles, strict=True)))
        rows = [list(stat.values()) for stat in stats]
        drawn[label] = xr.DataArray(rows, {"order": numbers, "quantile": list(SHARES.values())}, ("order", "quantile"))
        filling = {"facecolor": OVERLAP, "edgecolor": "black", "linewidth": 0.7}
        middle = {"color": "black", "linewidth": 1.5}
        drawing = {"showfliers": False, "patch_artist": True, "manage_ticks": False}
        axis.bxp(stats, positions=numbers, boxprops=filling, medianprops=middle, **drawing)
        axis.set(title=two_lines(label), xlabel="order")
        order_ticks(axis, numbers)
    axes[0].set_ylim(bottom=0)  # of all panels, now that all boxes are there
    label_left(axes, r"$\|\epsilon^S\|_2\, /\, \|x^S\|_2$")
    return described(
        figure,
        "Size of the noise over that of the input, by order: 5, 25, 50, 75 and 95 % of all interactions",
        drawn,
    )
