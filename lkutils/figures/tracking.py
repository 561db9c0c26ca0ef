"""The figures of Sec. 3.2.2, second half: what each layer keeps, forgets and gains (Fig. 3 and 7)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lkutils.figures.layers import FORGET, NEW, OVERLAP, layer_ticks, line
from lkutils.figures.style import in_style
from lkutils.games import Label


@in_style
def tracked(parts: Mapping[Label, xr.Dataset], orders: Mapping[Label, list[int]]) -> Figure:
    """Fig. 3(a) and 7(a): strength that is shared, forgotten and new, by layer; a row for each game, a column an order.

    Upwards from zero grey (shared) and blue (new), together all^(L); downwards orange (forgotten), which together with
    the grey is all^(l).

    Args:
        parts: for every game :func:`metrics.track` of one kind, averaged over samples (layer, order).
        orders: for every game the orders to show.
    """
    columns = sorted(set().union(*orders.values()))
    figure, grid = plt.subplots(len(parts), len(columns), figsize=(7, 1.05 * len(parts) + 0.6), squeeze=False)
    untitled = set(columns)
    for row, (name, part) in zip(grid, parts.items(), strict=True):
        for axis, order in zip(row, columns, strict=True):
            if order not in orders[name]:
                axis.set_visible(False)
                continue
            if order in untitled:
                axis.set_title(f"order {order}", fontsize=8)
                untitled.remove(order)
            draw_parts(axis, part.sel(order=order).isel(layer=slice(-1)))
        row[0].set_ylabel(name.replace("/", "\n"), fontsize=8)
    handles = [Patch(color=color) for color in (FORGET, OVERLAP, NEW)]
    figure.legend(handles, ["forgotten", "overlapped", "new"], loc="outside upper center", ncols=3)
    figure.supxlabel("layer", fontsize=8)
    return figure


def draw_parts(axis: Axes, part: xr.Dataset) -> None:
    """The bars of one order in one network, a bar for each layer."""
    layers = np.arange(1, part.sizes["layer"] + 1)
    axis.bar(layers, part.overlap, color=OVERLAP, width=0.9)
    axis.bar(layers, part.new, bottom=part.overlap, color=NEW, width=0.9)
    axis.bar(layers, -part.forget, color=FORGET, width=0.9)
    axis.axhline(0, color="black", linewidth=0.5)
    axis.set_xticks([1, layers[-1]])
    axis.tick_params(labelsize=6, pad=1, length=2)
    axis.yaxis.set_major_locator(plt.MaxNLocator(3))
    axis.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.2g}")
    axis.grid(False)


@in_style
def ratios(
    completeness: Mapping[Label, xr.DataArray],
    redundancy: Mapping[Label, xr.DataArray],
    orders: Mapping[Label, list[int]],
) -> Figure:
    """Fig. 3(b) and 7(b): completeness and redundancy by layer; a row for each game, a line for each order.

    Args:
        completeness, redundancy: for every game the ratio of one kind with its interval (layer, order, bound).
        orders: for every game the orders to show.
    """
    drawn = sorted(set().union(*orders.values()))
    shades = dict(zip(drawn, plt.get_cmap("viridis_r")(np.linspace(0.15, 1, len(drawn))), strict=True))
    figure, grid = plt.subplots(len(orders), 2, figsize=(7, 1.5 * len(orders) + 0.5), squeeze=False)
    for row, name in zip(grid, orders, strict=True):
        for axis, ratio in zip(row, (completeness[name], redundancy[name]), strict=True):
            layers = np.arange(1, ratio.sizes["layer"])
            for order in orders[name]:
                line(axis, layers, ratio.sel(order=order).isel(layer=slice(-1)), shades[order], f"order {order}")
            axis.set_xticks(*layer_ticks(ratio.isel(layer=slice(-1))))
        row[0].set(ylim=(0, 1))
        row[1].set(ylim=(0, top_of(redundancy[name].sel(order=orders[name]))))
        row[0].set_ylabel(name.replace("/", "\n"))
    grid[0, 0].set_title("completeness")
    grid[0, 1].set_title("redundancy")
    for axis in grid[-1]:
        axis.set_xlabel("layer")
    handles = [Line2D([], [], color=shade) for shade in shades.values()]
    figure.legend(handles, drawn, title="order", loc="outside right center")
    return figure


def top_of(ratio: xr.DataArray) -> float:
    """Upper limit of an axis for a ratio with its interval: all estimates fit, intervals may not."""
    return 1.15 * max(0.1, float(ratio.sel(bound="estimate").max()))
