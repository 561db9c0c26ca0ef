"""Specification curves: a statistic under every combination of choices, and what each choice does to a verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lkutils.figures.described import described
from lkutils.figures.style import in_style, legend_above

OF_OUTCOME = {"yes": "#0072B2", "unclear": "#8F8F8F", "no": "#C44E00"}
COLUMNS = 2


@in_style
def curves(found: Mapping[str, Sequence[xr.Dataset]], limits: Mapping[str, tuple[float, float]]) -> Figure:
    """A panel for each statistic: its estimates under all specifications and in all networks, sorted, with intervals.

    Args:
        found: by the statistic in words, of every network ``low``, ``estimate``, ``high`` and ``outcome`` with the axes
            of the choices.
        limits: of each statistic, -inf or inf where there is none.

    Example:
        >>> one = {name: ("tau_ratio", [number, 1.0]) for name, number in (("low", 0), ("estimate", 2), ("high", 3))}
        >>> found = xr.Dataset(one | {"outcome": ("tau_ratio", ["yes", "no"])})
        >>> curves({"growth": [found]}, {"growth": (0.0, np.inf)}).axes[0].get_title(loc="left")
        'growth'
    """
    rows = -(-len(found) // COLUMNS)
    figure, grid = plt.subplots(rows, COLUMNS, figsize=(7, 2.0 * rows + 0.4), squeeze=False)
    numbers = {}
    for axis, (words, of_networks) in zip(grid.flat, found.items(), strict=False):
        flat = {
            name: np.concatenate([one[name].broadcast_like(one["outcome"]).values.ravel() for one in of_networks])
            for name in ("low", "estimate", "high", "outcome")
        }
        draw_curve(axis, flat, limits[words])
        axis.set_title(textwrap.fill(words, 46), fontsize=8, loc="left")
        numbers |= {(words, name): float(np.mean(flat["outcome"] == name)) for name in (*OF_OUTCOME, "too few")}
    for axis in grid.flat[len(found) :]:
        axis.set_visible(False)
    for axis in grid[-1]:
        axis.set_xlabel("specification, by its estimate")
    legend_above(figure)
    return described(figure, "Share of all specifications with each outcome", numbers)


def draw_curve(axis: Axes, flat: Mapping[str, np.ndarray], limits: tuple[float, float]) -> None:
    """Estimates in ascending order, coloured by outcome, with their intervals and the limits."""
    there = np.isfinite(flat["estimate"].astype(float))
    order = np.flatnonzero(there)[np.argsort(flat["estimate"][there], kind="stable")]
    low, estimate, high = (flat[name][order].astype(float) for name in ("low", "estimate", "high"))
    for outcome, colour in OF_OUTCOME.items():
        here = np.flatnonzero(flat["outcome"][order] == outcome)
        axis.vlines(here, low[here], high[here], color=colour, linewidth=0.4, alpha=0.3)
        axis.plot(here, estimate[here], ".", color=colour, markersize=2.5, label=outcome)
    reach = [limit for limit in limits if np.isfinite(limit)]
    for limit in reach:
        axis.axhline(limit, color="black", linewidth=0.8, linestyle="--")
    if len(order):
        bottom, top = np.quantile(estimate, [0.02, 0.98])  # a ratio may be far off in a few
        bottom, top = min(bottom, *reach), max(top, *reach)
        axis.set_ylim(bottom - 0.2 * (top - bottom), top + 0.2 * (top - bottom))


@in_style
def stands_by_choice(shares: xr.DataArray) -> Figure:
    """Share of specifications in which each verdict is the book's, among those with each choice.

    Args:
        shares: (claim, choice), with the coordinate ``chosen`` (choice), what is chosen; NaN where there are none.
    """
    claims, choices = shares["claim"].values, shares["choice"].values
    rows = [textwrap.fill(claim, 58) for claim in claims]
    lines = max(row.count("\n") + 1 for row in rows)
    figure, axis = plt.subplots(figsize=(7, (0.06 + 0.09 * lines) * len(rows) + 1.3))
    axis.imshow(shares.values, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
    for (row, column), share in np.ndenumerate(shares.values):
        if np.isfinite(share):
            colour = "white" if share > 0.7 else "black"
            axis.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color=colour)
    columns = [textwrap.fill(choice, 22) for choice in choices]
    axis.set_xticks(range(len(columns)), columns, rotation=55, ha="right", rotation_mode="anchor", fontsize=7)
    axis.set_yticks(range(len(rows)), rows, fontsize=6.5)
    groups = shares["chosen"].values.tolist()
    for group in dict.fromkeys(groups):
        first, count = groups.index(group), groups.count(group)
        axis.axvline(first - 0.5, color="white", linewidth=3)
        words = textwrap.fill(group, 5 + 7 * count)
        axis.text(first + (count - 1) / 2, -0.7, words, ha="center", va="bottom", fontsize=7, fontweight="bold")
    axis.tick_params(length=0)
    axis.grid(visible=False)
    numbers = {claim: shares.sel(claim=claim, drop=True) for claim in claims}
    return described(figure, "Share of specifications in which the verdict is the book's, for each choice", numbers)
