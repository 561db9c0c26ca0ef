"""The figures of Sec. 3.2.1: how many interactions are salient, and whether they suffice (Fig. 2)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lkutils.figures.style import COLOURS, in_style, label_left, panels
from lkutils.uncertainty import bootstrap_interval


@in_style
def strength_descending(strengths: Mapping[str, xr.DataArray], taus: Mapping[str, float]) -> Figure:
    """Fig. 2: |I(S|x)| of all AND and OR interactions of all samples, in descending order, one panel per game.

    The inset enlarges the strongest of them.

    Args:
        strengths: for every game :func:`metrics.sorted_strength` of one layer (sample, rank), in log-odds.
        taus: for every game the threshold of salience, in log-odds.
    """
    figure, axes = panels(len(strengths))
    for axis, (name, strength) in zip(axes, strengths.items(), strict=True):
        pooled = -np.sort(-strength.values, axis=None)
        salient = int((pooled > taus[name]).sum())
        close = axis.inset_axes((0.36, 0.36, 0.62, 0.58), xlim=(0, 2.5 * salient / 1000), ylim=(0, 5 * taus[name]))
        for part in (axis, close):
            part.plot(np.arange(1, pooled.size + 1) / 1000, pooled, color=COLOURS[0])
            part.axhline(taus[name], color=COLOURS[1], linestyle="--", linewidth=1)
        close.fill_between(
            np.arange(1, salient + 1) / 1000, pooled[:salient], color=COLOURS[0], alpha=0.25, linewidth=0
        )
        words = rf"$\tau$ = {taus[name]:.2f}" + f"\nabove it {salient / pooled.size:.1%}"
        close.text(0.96, 0.92, words, transform=close.transAxes, ha="right", va="top", color=COLOURS[1], fontsize=8)
        close.tick_params(labelsize=6)
        axis.set(title=name, xlabel="interactions (thousands)", ylim=(0, None), xlim=(0, None))
    label_left(axes, "strength $|I(S|x)|$ (log-odds)")
    return figure


@in_style
def strength_by_rank(strengths: Mapping[str, xr.DataArray], taus: Mapping[str, float]) -> Figure:
    """Strength of a sample's k-th strongest interaction, in units of tau: median and 10-90 % of samples, per game.

    Args:
        strengths, taus: as in :func:`strength_descending`.
    """
    figure, axes = panels(len(strengths), sharey=True)
    for axis, (name, strength) in zip(axes, strengths.items(), strict=True):
        relative = strength.transpose("sample", "rank") / taus[name]
        low, middle, high = np.quantile(relative, [0.1, 0.5, 0.9], axis=0)
        axis.fill_between(strength["rank"], low, high, color=COLOURS[0], alpha=0.25, linewidth=0)
        axis.plot(strength["rank"], middle, color=COLOURS[0])
        axis.axhline(1, color=COLOURS[1], linestyle="--", linewidth=1)
        axis.set(title=name, xlabel="rank within the sample", xscale="log", yscale="log", ylim=(1e-3, None))
    label_left(axes, r"strength / $\tau$")
    return figure


@in_style
def salient_counts(
    counts: Mapping[str, Mapping[str, tuple[float, float, float]]], paper: Mapping[str, float]
) -> Figure:
    """Mean number of salient interactions per sample, with intervals, beside the paper's number.

    Args:
        counts: for every rule of tau and every game (mean, low, high).
        paper: the paper's number for every game that it gives one for.
    """
    names = list(next(iter(counts.values())))
    figure, axis = plt.subplots(figsize=(7, 0.45 * len(names) + 1.1))
    for k, (rule, by_game) in enumerate(counts.items()):
        position = np.arange(len(names)) + 0.24 * (k - (len(counts) - 1) / 2)
        mean, low, high = np.array([by_game[name] for name in names]).T
        axis.errorbar(
            mean, position, xerr=[mean - low, high - mean], fmt="os"[k], color=COLOURS[k], capsize=3, label=rule
        )
    for row, name in enumerate(names):
        if name in paper:
            axis.plot([paper[name]] * 2, [row - 0.4, row + 0.4], color="black", linestyle=":", label="paper")
    handles, labels = axis.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    axis.legend(
        unique.values(), unique.keys(), loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.5 / len(names)), ncols=3
    )
    axis.set_yticks(range(len(names)), names)
    axis.set(xlabel="salient interactions per sample, mean and 95 % interval", xlim=(0, None))
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(False, axis="y")
    return figure


@in_style
def matching_errors(errors: Mapping[str, xr.DataArray], salient_shares: Mapping[str, float]) -> Figure:
    """Lemma 3.4: error of matching all 2^n masked outputs with only the strongest interactions kept.

    Args:
        errors: for every game :func:`metrics.matching_error` (share, sample); share = interactions kept / all.
        salient_shares: for every game the mean share of interactions that are salient.
    """
    datasets = list(dict.fromkeys(name.split("/")[0] for name in errors))
    figure, axes = panels(len(datasets), height=2.9, sharey=True)
    for axis, dataset in zip(axes, datasets, strict=True):
        of_dataset = [name for name in errors if name.startswith(f"{dataset}/")]
        for color, name in zip(COLOURS, of_dataset, strict=False):
            mean = 100 * errors[name].mean("sample")
            low, high = (100 * bootstrap_interval(errors[name])).transpose("bound", "share").values
            share, at = 100 * mean["share"], 100 * salient_shares[name]
            axis.plot(share, mean, color=color, label=name.removeprefix(f"{dataset}/"))
            axis.fill_between(share, low, high, color=color, alpha=0.2, linewidth=0)
            axis.plot(at, np.interp(at, share, mean), "o", color=color, markeredgecolor="white", markersize=7)
        axis.set(title=dataset, xlabel="strongest kept (% of all)", xscale="log", ylim=(0, None))
        axis.legend()
    label_left(axes, "error of the matched outputs\n(% of the output range)")
    return figure
