"""The figures of the chapter on extraction: what the optimum changes, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from lkutils import uncertainty
from lkutils.figures.described import described
from lkutils.figures.style import COLOURS, in_style, label_left, legend_above, panels, plain
from lkutils.games import Label


def interval(values: xr.DataArray, seed: int = 0) -> xr.DataArray:
    """Mean over samples with its 95 % bootstrap interval (..., bound)."""
    return uncertainty.with_interval(uncertainty.resampled_means(values, seed=seed))


@in_style
def by_setting(
    numbers: Mapping[str, Mapping[str, xr.DataArray]],
    label: str = "",
    marks: Mapping[str, float] | None = None,
    mark: str = "paper",
    shares: tuple[str, ...] = (),
) -> Figure:
    """A number with its interval for every setting of the extraction, a row each; a panel for each kind of number.

    Args:
        numbers: for every panel and series the number (setting, bound), as of :func:`uncertainty.with_interval`.
        label: of the x axes.
        marks: for some panels a number to compare with, drawn as a dotted line.
        mark: what that number is.
        shares: panels whose x axis goes from 0 to 1; those of the others are logarithmic.
    """
    first = next(iter(next(iter(numbers.values())).values()))
    settings = first["setting"].values
    figure, axes = panels(len(numbers), height=0.6 + 0.28 * len(settings), sharey=True)
    series = list(dict.fromkeys(name for by_series in numbers.values() for name in by_series))
    for axis, (title, by_series) in zip(axes, numbers.items(), strict=True):
        for name, number in by_series.items():
            k = series.index(name)
            low, middle, high = (number.sel(bound=bound).values for bound in ("low", "estimate", "high"))
            rows = np.arange(len(settings)) + 0.5 / len(series) * (k - (len(series) - 1) / 2)
            style = {"fmt": "osD^"[k % 4], "markersize": 3.5, "color": COLOURS[k % len(COLOURS)], "capsize": 2}
            axis.errorbar(middle, rows, xerr=[middle - low, high - middle], linestyle="", label=name, **style)
        if marks and title in marks:
            axis.axvline(marks[title], color="black", linestyle=":", label=mark)
        axis.set(title=plain(title), xlabel=label, ylim=(len(settings) - 0.5, -0.5))
        if title in shares:
            axis.set_xlim(0, 1)
        else:
            axis.set_xscale("log")
            low, high = axis.get_xlim()
            steps = (1, 2, 5) if high < 30 * low else (1, 3) if high < 300 * low else (1,)
            axis.xaxis.set_major_locator(LogLocator(subs=steps))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_yticks(range(len(settings)), settings)
        axis.grid(False, axis="y")
    legend = {name: handle for axis in axes for handle, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    names = [*series, *([mark] if mark in legend else [])]
    figure.legend([legend[name] for name in names], names, loc="outside upper center", ncols=4)
    return described(
        figure,
        f"{label or 'Numbers'} by setting".capitalize(),
        {(title, name): number for title, by_series in numbers.items() for name, number in by_series.items()},
    )


@in_style
def strength_by_setting(
    strengths: Mapping[Label, xr.DataArray], taus: Mapping[Label, xr.DataArray], settings: list[str]
) -> Figure:
    """Fig. 2 under several settings: strength of all samples' interactions in descending order, a panel for each game.

    Args:
        strengths: for every game :func:`metrics.sorted_strength` (setting, sample, rank), in log-odds.
        taus: for every game the threshold of salience (setting), in log-odds; a dot marks where the line crosses it.
        settings: those to draw.
    """
    figure, axes = panels(len(strengths), sharey=True)
    curves = {}
    for axis, (name, strength) in zip(axes, strengths.items(), strict=True):
        for k, setting in enumerate(settings):
            pooled = -np.sort(-strength.sel(setting=setting).values, axis=None)
            rank = np.arange(1, pooled.size + 1) / strength.sizes["sample"]
            tau = float(taus[name].sel(setting=setting))
            kept = np.unique(np.geomspace(1, pooled.size, 200).astype(int)) - 1
            curves[name, setting] = xr.DataArray(pooled[kept], {"per sample": rank[kept]}, ("per sample",))
            axis.plot(rank, pooled, color=COLOURS[k % len(COLOURS)], label=setting, linewidth=1.3)
            salient = (pooled > tau).sum() / strength.sizes["sample"]
            axis.plot(salient, tau, "o", markersize=4, color=COLOURS[k % len(COLOURS)])
        axis.set(title=plain(name), xlabel="interactions per sample", xscale="log", yscale="log")
    axes[0].set_ylim(bottom=1e-3)  # of all panels, now that all lines are there
    label_left(axes, "strength $|I(S|x)|$ (log-odds)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return described(
        figure,
        "Strength of interactions in descending order by every procedure, in log-odds",
        curves,
    )


@in_style
def gap_over_time(rows: list[dict]) -> Figure:
    """Certified gap against seconds for each game, a line for each method; the band is up to the worst game.

    Args:
        rows: of the benchmark "Extraction: gap over time".
    """
    figure, axis = plt.subplots(figsize=(7, 2.8))
    for color, method in zip(COLOURS, dict.fromkeys(row["method"] for row in rows), strict=False):
        seconds, mean, largest = (
            np.array([row[column] for row in rows if row["method"] == method])
            for column in ("seconds a game", "mean gap", "largest gap")
        )
        axis.plot(seconds, mean, "o-", markersize=3.5, color=color, label=method)
        axis.fill_between(seconds, mean, largest, color=color, alpha=0.2, linewidth=0)
    axis.set(xlabel="seconds for each game", ylabel="certified gap", xscale="log", yscale="log")
    legend_above(figure)
    return described(
        figure,
        "Certified gap after so many seconds, by method",
        {
            (method, what): xr.DataArray(
                [row[what] for row in of], {"seconds": [row["seconds a game"] for row in of]}, ("seconds",)
            )
            for method in dict.fromkeys(row["method"] for row in rows)
            for of in [[row for row in rows if row["method"] == method]]
            for what in ("mean gap", "largest gap")
        },
    )


@in_style
def cost_over_players(rows: list[dict]) -> Figure:
    """Seconds and memory of the certified extraction against the number of players.

    Args:
        rows: of the benchmark "Extraction: cost over players".
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.6))
    players = [row["players"] for row in rows]
    for axis, column, label in zip(
        axes, ("seconds a problem", "MiB on top"), ("seconds for each game", "memory (MiB)"), strict=True
    ):
        axis.plot(players, [row[column] for row in rows], "o-", markersize=3.5, color=COLOURS[0])
        axis.set(xlabel="number of players $n$", ylabel=label, yscale="log", xticks=players)
    return described(
        figure,
        "Cost of the certified extraction by number of players",
        {
            column: xr.DataArray([row[column] for row in rows], {"players": players}, ("players",))
            for column in ("seconds a problem", "MiB on top")
        },
    )
