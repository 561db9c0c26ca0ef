"""The figures of Sec. 3.2.1: how many interactions are salient, and whether they suffice (Fig. 2)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lkutils.figures.described import described, words_of
from lkutils.figures.style import (
    COLOURS,
    by_dataset,
    colours_of,
    in_style,
    label_left,
    legend_above,
    panels,
    plain,
    two_lines,
)
from lkutils.games import Label
from lkutils.uncertainty import resampled_means, with_interval


@in_style
def strength_descending(strengths: Mapping[Label, xr.DataArray], taus: Mapping[Label, float]) -> Figure:
    """Fig. 2: |I(S|x)| of all AND and OR interactions of all samples, in descending order, one panel per game.

    Both axes are logarithmic: on linear ones, which the paper has, any such curve looks like a corner. Interactions
    above tau, the salient ones, are shaded. Strengths below a hundredth of tau are not shown.

    Args:
        strengths: for every game :func:`metrics.sorted_strength` of one layer (sample, rank), in log-odds.
        taus: for every game the threshold of salience, in log-odds.

    Example:
        >>> one = xr.DataArray([[4.0, 1.0, 0.1], [3.0, 0.5, 0.2]], {"rank": [1, 2, 3]}, ("sample", "rank"))
        >>> axis = strength_descending({Label("digits", "MLP-7"): one}, {Label("digits", "MLP-7"): 0.8}).axes[0]
        >>> axis.texts[0].get_text().split()[-1]
        '50.0%'
    """
    figure, axes = panels(len(strengths))
    counts, curves = {}, {}
    for axis, (label, strength) in zip(axes, strengths.items(), strict=True):
        colour, tau = colours_of([label.network])[label.network], taus[label]
        pooled = -np.sort(-strength.values, axis=None)
        share = 100 * np.arange(1, pooled.size + 1) / pooled.size
        salient = int((pooled > tau).sum())
        counts[label] = 100 * salient / pooled.size
        kept = np.unique(np.geomspace(1, pooled.size, 400).astype(int)) - 1  # a curve on logarithmic axes needs no more
        curves[label] = xr.DataArray(pooled[kept], {"percent of all": share[kept]}, ("percent of all",))
        axis.plot(share, pooled, color=colour)
        axis.fill_between(share[:salient], tau, pooled[:salient], color=colour, alpha=0.25, linewidth=0)
        axis.axhline(tau, color="black", linestyle="--", linewidth=1)
        words = rf"$\tau$ = {tau:.2f}" + f"\nabove it {salient / pooled.size:.1%}"
        axis.text(0.04, 0.05, words, transform=axis.transAxes, ha="left", va="bottom", fontsize=8)
        axis.set(title=two_lines(label), xlabel="interactions (% of all)", xscale="log", yscale="log")
        axis.set(ylim=(tau / 100, 2 * pooled[0]), xlim=(share[0], 100))
        axis.xaxis.set_major_formatter("{x:g}")
    label_left(axes, "strength $|I(S|x)|$ (log-odds)")
    return described(
        figure,
        f"Strength of interactions in descending order; salient are {words_of(counts, '%')}",
        curves,
    )


@in_style
def strength_by_rank(strengths: Mapping[Label, xr.DataArray], taus: Mapping[Label, float]) -> Figure:
    """Strength of a sample's k-th strongest interaction, in units of tau: median and 10-90 % of samples, per game.

    Args:
        strengths, taus: as in :func:`strength_descending`.

    Example:
        >>> one = xr.DataArray([[4.0, 1.0, 0.25], [3.0, 0.5, 0.25]], {"rank": [1, 2, 3]}, ("sample", "rank"))
        >>> figure = strength_by_rank({Label("digits", "MLP-7"): one}, {Label("digits", "MLP-7"): 0.5})
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [7.0, 1.5, 0.5]
    """
    figure, axes = panels(len(strengths), sharey=True)
    curves = {}
    for axis, (label, strength) in zip(axes, strengths.items(), strict=True):
        colour = colours_of([label.network])[label.network]
        relative = strength.transpose("sample", "rank") / taus[label]
        low, middle, high = np.quantile(relative, [0.1, 0.5, 0.9], axis=0)
        bounds = {"bound": ["low", "estimate", "high"], "rank": strength["rank"].values}
        curves[label] = xr.DataArray(np.stack([low, middle, high]), bounds, ("bound", "rank"))
        axis.fill_between(strength["rank"], low, high, color=colour, alpha=0.25, linewidth=0)
        axis.plot(strength["rank"], middle, color=colour)
        axis.axhline(1, color="black", linestyle="--", linewidth=1)
        axis.set(title=two_lines(label), xlabel="rank within the sample", xscale="log", yscale="log", ylim=(1e-3, None))
        axis.xaxis.set_major_formatter("{x:g}")
    label_left(axes, r"strength / $\tau$")
    return described(
        figure,
        "Strength of a sample's interactions by rank, in units of tau, median over samples",
        curves,
    )


@in_style
def salient_count_rows(
    counts: Mapping[str, Mapping[Label, tuple[float, float, float]]], paper: Mapping[Label, float]
) -> Figure:
    """Mean number of salient interactions per sample, with intervals, beside the paper's number: a row for each game.

    Args:
        counts: for every rule of tau and every game (mean, low, high).
        paper: the paper's number for every game that it gives one for.

    Example:
        >>> label = Label("MNIST", "MLP-7")
        >>> figure = salient_count_rows({"of each sample": {label: (20.0, 18.0, 22.0)}}, {label: 21.8})
        >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
        ['MLP-7, MNIST']
    """
    labels = list(next(iter(counts.values())))
    figure, axis = plt.subplots(figsize=(7, 0.4 * len(labels) + 1.1))
    for k, (rule, by_game) in enumerate(counts.items()):
        position = np.arange(len(labels)) + 0.24 * (k - (len(counts) - 1) / 2)
        mean, low, high = np.array([by_game[label] for label in labels]).T
        errors = [mean - low, high - mean]
        axis.errorbar(mean, position, xerr=errors, fmt="os"[k], color=COLOURS[k], capsize=3, label=rule)
    for row, label in enumerate(labels):
        if label in paper:
            axis.plot([paper[label]] * 2, [row - 0.4, row + 0.4], color="black", linestyle=":", label="paper")
    axis.set_yticks(range(len(labels)), [plain(label) for label in labels])
    axis.set(xlabel="salient interactions per sample, mean and 95 % interval", xlim=(0, None))
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(False, axis="y")
    legend_above(figure)
    return described(
        figure,
        f"Salient interactions per sample; the paper has {words_of(paper)}",
        {
            (label, rule): xr.DataArray([low, mean, high], {"bound": ["low", "estimate", "high"]}, ("bound",))
            for rule, by_game in counts.items()
            for label, (mean, low, high) in by_game.items()
        },
    )


@in_style
def matching_errors(errors: Mapping[Label, xr.DataArray], salient_shares: Mapping[Label, float]) -> Figure:
    """Lemma 3.4: error of matching all 2^n masked outputs with only the strongest interactions, a panel per data set.

    Args:
        errors: for every game :func:`metrics.matching_error` (share, sample); share = interactions left / all.
        salient_shares: for every game the mean share of interactions that are salient, marked by a dot.

    Example:
        >>> label, share = Label("MNIST", "MLP-7"), [0.01, 0.1, 1.0]
        >>> error = xr.DataArray([[0.9, 0.8], [0.2, 0.1], [0.0, 0.0]], {"share": share}, ("share", "sample"))
        >>> len(matching_errors({label: error}, {label: 0.1}).axes[0].lines)  # the curve and the dot
        2
    """
    games, curves = by_dataset(errors), {}
    salient = {label: 100 * share for label, share in salient_shares.items()}
    colours = colours_of(label.network for label in errors)
    figure, axes = panels(len(games), height=2.9, sharey=True)
    for axis, (dataset, labels) in zip(axes, games.items(), strict=True):
        for label in labels:
            colour = colours[label.network]
            curves[label] = (100 * with_interval(resampled_means(errors[label]))).transpose("bound", "share")
            low, mean, high = curves[label].values
            share, at = 100 * errors[label]["share"].values, salient[label]
            axis.plot(share, mean, color=colour, label=plain(label.network))
            axis.fill_between(share, low, high, color=colour, alpha=0.2, linewidth=0)
            axis.plot(at, np.interp(at, share, mean), "o", color=colour, markeredgecolor="white", markersize=7)
        axis.set(title=plain(dataset), xlabel="strongest interactions (% of all)", xscale="log")
        axis.xaxis.set_major_formatter("{x:g}")
    axes[0].set_ylim(bottom=0)  # of all panels, now that all lines are there
    label_left(axes, "error of the matched outputs\n(% of the output range)")
    legend_above(figure)
    return described(
        figure,
        f"Error of the matched outputs, in % of the output range; salient are {words_of(salient, '%')}",
        curves,
    )
