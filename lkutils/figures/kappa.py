"""The figures of App. J: the same output explained with several kappa (Fig. 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lkutils.figures.described import described
from lkutils.figures.style import COLOURS, in_style, label_left, legend_above, plain
from lkutils.metrics import nonempty

MARKERS = ("o", "s", "^", "D", "v", "P")


@in_style
def in_order_of(
    interactions: Mapping[str, xr.DataArray], reference: float, kappas: Sequence[float], shown: int = 500
) -> Figure:
    """Fig. 11: interactions of one sample in the order of their strength at one kappa; a row for each procedure.

    Args:
        interactions: for every procedure those of a sample (kappa, kind, layer, coalition), in log-odds.
        reference: the kappa ratio whose strengths give the order.
        kappas: kappa ratios to draw.
        shown: how many to show, the strongest.

    Example:
        >>> axes = ("kappa", "kind", "layer", "coalition")
        >>> one = xr.DataArray([[[[0.0, 1.0, 3.0, -2.0]]]], {"kappa": [0.04], "layer": ["output"]}, axes)
        >>> in_order_of({"exact": one}, 0.04, [0.04]).axes[0].lines[0].get_ydata().tolist()
        [3.0, -2.0, 1.0]
    """
    layers = next(iter(interactions.values()))["layer"].values
    curves = {}
    figure, grid = plt.subplots(
        len(interactions), len(layers), figsize=(7, 1.8 * len(interactions) + 0.5), squeeze=False, sharex=True
    )
    for row, (procedure, found) in zip(grid, interactions.items(), strict=True):
        for axis, layer in zip(row, layers, strict=True):
            flat = nonempty(found.sel(layer=layer)).stack(rank=["kind", "coalition"])
            order = np.argsort(-abs(flat.sel(kappa=reference)).values, kind="stable")[:shown]
            for k, kappa in enumerate(kappas):
                one = flat.sel(kappa=kappa).values[order]
                rank = np.arange(1, len(one) + 1)
                curves[f"{layer}, {procedure}", f"kappa {kappa:g}"] = xr.DataArray(one, {"rank": rank}, ("rank",))
                axis.plot(rank, one, color=COLOURS[k], linewidth=0.7, label=rf"$\kappa$ = {kappa:g}")
            axis.set_title(plain(f"{layer}, {procedure}"), fontsize=8)
    for axis in grid[-1]:
        axis.set_xlabel(f"rank at {reference:g}")
    label_left(list(grid.flat), "$I(S|x)$ (log-odds)")
    legend_above(figure)
    return described(
        figure,
        f"Interactions of one sample in the order of their strength at kappa {reference:g}, in log-odds",
        curves,
    )


@in_style
def single_interactions(
    interactions: xr.DataArray, again: xr.DataArray, reference: float, kappas: Sequence[float]
) -> Figure:
    """Single interactions with other kappa against those with the reference; a column for each layer.

    The last row is the second solution with the same kappa: what lies off its diagonal is not kappa's doing.

    Args:
        interactions: (kappa, kind, layer, sample, coalition), in log-odds; zero where not to be drawn.
        again: the second solution (kind, layer, sample, coalition).
        reference: the kappa ratio of the x axes.
        kappas: those of the y axes.
    """
    layers = interactions["layer"].values
    drawn_pairs = {}
    rows = {rf"$\kappa$ = {kappa:g}": interactions.sel(kappa=kappa) for kappa in kappas} | {"again": again}
    figure, grid = plt.subplots(len(rows), len(layers), figsize=(7, 2.0 * len(rows)), squeeze=False)
    for k, (axes, (name, other)) in enumerate(zip(grid, rows.items(), strict=True)):
        for axis, layer in zip(axes, layers, strict=True):
            both = (interactions.sel(kappa=reference), other)
            pair = [nonempty(part.sel(layer=layer)).values.ravel() for part in both]
            drawn = (pair[0] != 0) | (pair[1] != 0)
            x, y = (part[drawn] for part in pair)
            drawn_pairs[str(layer), name, "reference"] = xr.DataArray(x, {"number": range(len(x))}, ("number",))
            drawn_pairs[str(layer), name, "other"] = xr.DataArray(y, {"number": range(len(x))}, ("number",))
            limit = 1.05 * max(abs(x).max(initial=0), abs(y).max(initial=0), 1e-9)
            axis.plot([-limit, limit], [-limit, limit], color="black", linewidth=0.6)
            axis.plot(x, y, ".", color=COLOURS[k], markersize=2, alpha=0.5, rasterized=True)
            axis.set(xlim=(-limit, limit), ylim=(-limit, limit))
        axes[0].set_ylabel(f"$I$ with {name}")
    for axis, layer in zip(grid[0], layers, strict=True):
        axis.set_title(plain(layer))
    for axis in grid[-1]:
        axis.set_xlabel(rf"$I$ with $\kappa$ = {reference:g}")
    return described(
        figure,
        f"Single interactions with another kappa against those with {reference:g}, in log-odds",
        drawn_pairs,
    )


@in_style
def against_kappa(numbers: Mapping[str, xr.DataArray], yardsticks: Mapping[str, xr.DataArray]) -> Figure:
    """Several numbers against kappa with their intervals: a panel for each, a line for each layer and procedure.

    Args:
        numbers: by name (procedure, kappa, layer, bound); procedures after the first are dashed.
        yardsticks: for some of them (procedure, layer, bound), what a second solution with the same kappa has: dotted,
            for the first procedure.

    Example:
        >>> axes = ("procedure", "kappa", "layer", "bound")
        >>> labels = {"procedure": ["exact"], "kappa": [0.0, 0.1], "layer": ["output"]}
        >>> labels |= {"bound": ["low", "estimate", "high"]}
        >>> number = xr.DataArray([[[[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]]]], labels, axes)
        >>> against_kappa({"count": number}, {}).axes[0].lines[0].get_ydata().tolist()
        [2.0, 3.0]
    """
    columns = min(len(numbers), 2)
    rows = -(-len(numbers) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(7, 2.3 * rows + 0.4), squeeze=False)
    for axis, (name, number) in zip(grid.flat, numbers.items(), strict=False):
        for k, layer in enumerate(number["layer"].values):
            for style, procedure in zip(("-", "--"), number["procedure"].values, strict=False):
                one = number.sel(layer=layer, procedure=procedure)
                low, middle, high = (one.sel(bound=bound) for bound in ("low", "estimate", "high"))
                there = middle.notnull().values
                kappa = one["kappa"].values[there] + 0.0006 * k
                axis.plot(
                    kappa,
                    middle[there],
                    style,
                    color=COLOURS[k],
                    marker=MARKERS[k % len(MARKERS)],
                    markersize=3,
                    linewidth=1.1,
                    label=plain(f"{layer}, {procedure}"),
                )
                axis.vlines(kappa, low[there], high[there], color=COLOURS[k], linewidth=1, alpha=0.6)
            if name in yardsticks:
                level = yardsticks[name].isel(procedure=0).sel(layer=layer, bound="estimate").item()
                axis.axhline(level, linestyle=":", color=COLOURS[k], linewidth=1)
        axis.set(title=plain(name), xlabel=r"$\kappa$ / $|v(x_N) - v(x_\emptyset)|$", ylim=(0, None))
    for axis in grid.flat[len(numbers) :]:
        axis.set_visible(False)
    legend_above(figure)
    return described(
        figure,
        "Numbers against kappa, with that of a second solution",
        numbers | {(name, "second solution"): number for name, number in yardsticks.items()},
    )
