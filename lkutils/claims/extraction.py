"""What the certified optimum says about the paper's procedure and its numbers: one function per claim."""

from __future__ import annotations

import xarray as xr

from lkutils import uncertainty
from lkutils.claims.verdicts import FAILS, HOLDS, PARTLY, Verdict, mean_with_interval, subject


def recovers(setting: str, iou: xr.DataArray, seed: int = 0) -> Verdict:
    """Sec. 3.1: the sparsest AND-OR interactions are the primitives that the output is made of.

    Args:
        setting: how the interactions were extracted.
        iou: intersection over union of the salient and the planted interactions (players, sample).
        seed: of the bootstrap.
    """
    _, low, high, words = mean_with_interval(iou.mean("players"), digits=2, seed=seed)
    players = " and ".join(str(n) for n in iou["players"].values)
    return Verdict(
        claim=f"Extracted interactions are those that a game is made of (Sec. 3.1), by {setting}",
        subject=f"planted games, n = {players}",
        measured=f"intersection over union {words.replace('samples', 'games each')}",
        paper="",
        verdict=HOLDS if low > 0.8 else PARTLY if high > 0.5 else FAILS,
        rule="The planted interactions are found when the whole interval of the intersection over union is above 0.8, "
        "partly when it reaches above 0.5.",
    )


def reaches_optimum(dataset: str, excess: xr.DataArray, seed: int = 0) -> Verdict:
    """Sec. 3.1 and 3.2.2: descent on gamma and delta yields the sparsest interactions. The best setting is judged.

    Args:
        dataset: name of the data set.
        excess: sum of strengths over that of the certified extraction (setting, network, sample).
        seed: of the bootstrap.
    """
    best = excess.isel(setting=excess.mean(["network", "sample"]).argmin("setting"))
    mean, _, high, words = mean_with_interval(best.mean("network"), digits=2, seed=seed)
    return Verdict(
        claim="Learning $\\gamma$ and $\\delta$ by subgradient descent gives the sparsest interactions (Sec. 3.1)",
        subject=subject(dataset, excess),
        measured=f"{words}: sum of strengths over the certified one, with the best setting ({best.setting.item()})",
        paper="",
        verdict=HOLDS if high < 1.05 else PARTLY if mean < 1.5 else FAILS,
        rule="Descent reaches the sparsest interactions when the whole interval of the ratio lies below 1.05, partly "
        "when its mean is below 1.5; the best of all settings that were tried is judged.",
    )


def count_is_settled(dataset: str, counts: xr.DataArray, rule_name: str, seed: int = 0) -> Verdict:
    """Sec. 3.2.1 gives one number of salient interactions per data set: does it depend on the procedure's settings?

    Args:
        dataset: name of the data set.
        counts: number of salient interactions (setting, network, sample).
        rule_name: which tau was used, in words.
        seed: of the bootstrap.
    """
    means = uncertainty.resampled_means(counts.mean("network"), seed=seed)
    smallest = means.min("setting")
    low, ratio, high = uncertainty.with_interval(means.max("setting") / smallest.where(smallest > 0)).values
    return Verdict(
        claim="The number of salient interactions does not depend on how the sum of strengths is minimised, with "
        f"$\\tau$ from the {rule_name}",
        subject=subject(dataset, counts),
        measured=f"largest over smallest number, {counts.sizes['setting']} settings: {ratio:.1f} "
        f"[{low:.1f}, {high:.1f}], {counts.sizes['sample']} samples",
        paper="one number",
        verdict=HOLDS if high < 1.25 else PARTLY if ratio < 2 else FAILS,
        rule="The number does not depend on the procedure when the largest is at most 1.25 times the smallest over all "
        "settings with the whole interval, partly when it is less than twice.",
    )
