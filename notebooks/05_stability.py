# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Section 3.3, second half: Which interactions survive noise on the input?
#
# **The claim.** A little noise on the input changes every interaction a little. The paper compares the mean effect of an
# interaction over many draws of the noise with its standard deviation, order by order, and finds that "the relative
# stability decreased along with the order $m$" ({cite}`cheng2024layerwise`, Sec. 3.3, Fig. 5; Fig. 9 for OR).
#
# **What this chapter does.** It computes Eq. (10) for every network on images, and asks where the trend comes from. High
# orders are also weaker, and a weak interaction is less stable to the same noise. They add up more outputs, so that any
# noise on outputs grows with the order by arithmetic alone. And if interactions are extracted afresh for every draw, then
# some of the change is the extraction's, not the network's. All three can be told apart.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter 05_stability -p games "[mnist/mlp7]" -p draws 10`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # of networks on images; empty for all that have noise
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
draws: int = 0  # the first so many with noise; 0 for all, from 0 to 100000
tau_ratio: float = 0.05  # salient above this share of the sample's largest, from 0 to 1
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap of all intervals, at least 0

# %% tags=["hide-input"]
import itertools
import time

import xarray as xr
from IPython.display import Markdown

from lkutils import metrics, stability, uncertainty
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims.stability import KINDS, STABLE, medians
from lkutils.claims.verdicts import judge
from lkutils.figures import stability as figures
from lkutils.paper.noisy import open_noisy, open_variants

# %%
started = time.perf_counter()
check_given("05_stability", globals())
chosen = {
    "samples": samples,
    "draws": draws,
    "kappa_ratio": kappa_ratio,
    "gap": gap,
}
noisy = open_noisy(profile, games, **chosen)
variants = open_variants(profile, **chosen)

# %% [markdown]
# ## The noise and the networks
#
# Noise $\epsilon \sim \mathcal{N}(0, \sigma^2)$ is added to every pixel *before* masking; the baseline stays clean. The
# paper takes $\sigma = 0.02$ and training samples, but does not say on which scale. Here pixels go from 0 to 1 before the
# usual normalisation. Each network is read in the one layer of App. M.3, and only samples are taken that it classifies
# correctly.

# %% tags=["hide-input"]
table(
    ["Network", "Layer", "Samples", "Draws", "$n$", r"$\sigma$", r"$\sigma$ of $v$"],
    [
        [
            label,
            game["layer"].item(),
            game.sizes["sample"],
            game.sizes["draw"] - 1,
            game.attrs["n_players"],
            f"{game.attrs['sigma']:g}",
            f"{stability.deviation_over_draws(noisy.values[label]).mean().item():.3f}",
        ]
        for label, game in noisy.games.items()
    ],
)

# %% [markdown]
# The last column is the standard deviation of the log-odds $v^{(l)}(x_T)$ over the draws, mean over samples and
# coalitions: what of the noise reaches the layer.

# %% tags=["hide-input"]
Markdown(f"The largest certified gap of the extraction is **{noisy.worst_gap:.2%}**.")

# %% [markdown]
# ## Stability by order (Fig. 5 and 9)
#
# For every interaction $S$ that is salient on the *clean* sample (footnote 7), Eq. (10) takes $|E| / \sqrt{Var}$ over the
# draws, each extracted afresh. Its mean over interactions has a heavy tail: an interaction that hardly varies over
# twenty draws has a denominator near zero, and a few of them decide the mean. So the median over the interactions of a
# sample is the main statistic here, and the paper's mean stands beside it; both are then averaged over samples.
#
# Without any effect the ratio is not zero either: with twenty draws of pure noise its median is the dotted line.


# %%
def salient(found: xr.DataArray) -> xr.DataArray:
    clean = found.isel(draw=0, drop=True)
    return metrics.salient(clean, metrics.salience_threshold(clean, tau_ratio))


def interval(numbers: xr.DataArray) -> xr.DataArray:
    return uncertainty.with_interval(uncertainty.resampled_means(numbers, seed=seed))


ratios = {
    label: stability.stability_ratio(found, salient(found))
    for label, found in noisy.interactions.items()
}
by_order = {label: stability.by_order(ratio) for label, ratio in ratios.items()}


def of_kind(kind: str) -> dict:
    return {
        label: {
            "median over interactions": interval(part["median"].sel(kind=kind)),
            "mean over interactions (the paper's)": interval(
                part["mean"].sel(kind=kind)
            ),
        }
        for label, part in by_order.items()
    }


no_effect = {
    label: {
        "no effect": part["order"] * 0.0
        + stability.no_effect(noisy.games[label].sizes["draw"] - 1)["median"]
    }
    for label, part in by_order.items()
}

# %% mystnb={"figure": {"caption": "Reproduces Fig. 5 of the paper. Stability of the salient AND interactions by order: median and mean over the interactions of a sample, then mean over samples with 95 % interval. Dotted: the median if there were no effect at all. Hollow points: too few samples (fewer than ten) have salient interactions of this order. Logarithmic axis.", "name": "fig-5-stability"}} tags=["hide-input"]
figures.by_order(of_kind("and"), "mean / deviation", no_effect)

# %% mystnb={"figure": {"caption": "Reproduces Fig. 9 of the paper: as {numref}`fig-5-stability`, for OR interactions. They begin at order 2, since one player alone counts as AND (App. M.4).", "name": "fig-9-stability"}} tags=["hide-input"]
figures.by_order(of_kind("or"), "mean / deviation", no_effect)

# %% tags=["hide-input"]
constant = sum(int(part["without_variance"].sum()) for part in by_order.values())
counted = sum(int(part["n_salient"].sum()) for part in by_order.values())
Markdown(
    f"Of {counted:,} salient interactions, **{constant / counted:.2%}** have no variance over the draws and no ratio; "
    "they are in neither statistic."
)

# %% [markdown]
# ## What the extraction adds
#
# The sparsest interactions of two almost equal games can differ by more than the games do: an effect jumps from one
# interaction to a neighbour. That counts as instability in Eq. (10), but it is not the network's. So the same outputs are
# explained in three ways:
#
# - *extracted afresh*: the sparsest interactions of every draw, as the paper does;
# - *extraction kept*: $\gamma$ and $\delta$ of the clean sample for all draws, so that interactions change by what $v$
#   changes by, and nothing else;
# - *plain AND*: the interactions of Eq. (1) of $v$ itself, without any extraction (and without OR).

# %%
ways = {"extracted afresh": noisy.interactions}
ways["extraction kept"] = {
    label: stability.without_new_extraction(
        noisy.values[label], found.isel(draw=0, drop=True)
    )
    for label, found in noisy.interactions.items()
}
ways["plain AND"] = {
    label: stability.harsanyi(values) for label, values in noisy.values.items()
}
needed = {
    way: {
        label: medians(
            stability.stability_ratio(part, salient(part)),
            part.isel(draw=0, drop=True),
        )
        for label, part in found.items()
    }
    for way, found in ways.items()
}


def in_three_ways(kind: str) -> dict:
    return {
        label: {
            way: interval(parts[label]["median"].sel(kind=kind))
            for way, parts in needed.items()
            if kind in parts[label]["kind"]
        }
        for label in noisy.games
    }


# %% mystnb={"figure": {"caption": "AND: median stability by order of the same outputs explained in three ways, mean over samples with 95 % interval. Where the first line is far below the second, most of the instability is the extraction's.", "name": "fig-5-extraction"}} tags=["hide-input"]
figures.by_order(in_three_ways("and"), "mean / deviation", no_effect)

# %% mystnb={"figure": {"caption": "OR: as {numref}`fig-5-extraction`, in two ways.", "name": "fig-9-extraction"}} tags=["hide-input"]
figures.by_order(in_three_ways("or"), "mean / deviation", no_effect)

# %% [markdown]
# ## Noise by arithmetic
#
# An AND interaction of order $m$ is a sum of $2^m$ outputs with signs. If the noise of every output were independent, with
# variance $s^2$, its variance would be $2^m s^2$: high orders would be less stable whatever the network has learned. The
# dotted line is that, with the $s$ that was measured. A network is smooth, so neighbouring outputs move together; how far
# below the line the plain AND interactions lie is the network's own doing.


# %%
def deviation(found: xr.DataArray) -> xr.DataArray:
    of_salient = stability.deviation_over_draws(found).where(salient(found))
    return interval(stability.by_order(of_salient)["median"].sel(kind="and"))


deviations = {
    label: {way: deviation(found[label]) for way, found in ways.items()}
    for label in noisy.games
}
independent = {
    label: {"independent noise": stability.independent_deviation(values).mean("sample")}
    for label, values in noisy.values.items()
}

# %% mystnb={"figure": {"caption": "Standard deviation of the salient AND interactions over the draws, in log-odds: median over the interactions of a sample, mean over samples with 95 % interval. Dotted: what noise of the same size would give if it were independent in every output.", "name": "fig-5-deviation"}} tags=["hide-input"]
figures.by_order(deviations, "deviation (log-odds)", independent)

# %% [markdown]
# ## Among interactions of equal strength
#
# Each line is a bin of strengths, as shares of the strongest interaction of the same sample. What falls within a line
# does not fall for want of strength.


# %%
def in_bins(label: object, kind: str) -> dict:
    clean = noisy.interactions[label].isel(draw=0, drop=True)
    binned = stability.by_order(stability.in_strength_bins(ratios[label], clean))
    edges = stability.STRENGTH_EDGES
    return {
        f"{low:.0%} to {high:.0%}": interval(
            binned["median"].sel(strength=low, kind=kind)
        )
        for low, high in itertools.pairwise(edges)
    }


# %% mystnb={"figure": {"caption": "AND: median stability by order within bins of equal strength (share of the strongest interaction of the sample), each draw extracted afresh; mean over samples with 95 % interval.", "name": "fig-5-strength"}} tags=["hide-input"]
figures.by_order(
    {label: in_bins(label, "and") for label in noisy.games}, "mean / deviation"
)

# %% mystnb={"figure": {"caption": "OR: the same as in {numref}`fig-5-strength`.", "name": "fig-9-strength"}} tags=["hide-input"]
figures.by_order(
    {label: in_bins(label, "or") for label in noisy.games}, "mean / deviation"
)

# %% [markdown]
# ## Other samples, another scale
#
# The paper adds noise to training samples, and says nothing of the scale of $\sigma$. For one network, here is the same on
# test samples, and with $\sigma = 0.02$ on the scale of the network's inputs, where the standard deviation of the data set
# is 1 and the noise is therefore smaller.

# %%
other = {
    label: medians(
        stability.stability_ratio(found, salient(found)), found.isel(draw=0, drop=True)
    )
    for label, found in variants.interactions.items()
}

# %% mystnb={"figure": {"caption": "Median stability of the salient interactions of MLP-7 by order, each draw extracted afresh: on training samples as above, on test samples, and with less noise; mean over samples with 95 % interval.", "name": "fig-5-variants"}} tags=["hide-input"]
figures.by_order(
    {
        label: {
            words: interval(part["median"].sel(kind=kind))
            for kind, words in KINDS.items()
        }
        for label, part in other.items()
    },
    "mean / deviation",
)

# %% [markdown]
# ## What we found
#
# The claim is seen in a network where the logarithm of the median stability falls with the order, with its whole interval,
# *and* falls among interactions of equal strength. For the second, strengths count as equal within a factor of 1.25 in the
# same sample. This rule was written down before any of the numbers was known; so were the three ways of explaining an
# output, to each of which it is put.

# %% tags=["hide-input"]
put_to = [
    (kind, way)
    for kind in KINDS
    for way in needed
    if (kind, way) != ("or", "plain AND")
]
verdicts = [
    judge(
        STABLE[kind],
        {label: part.sel(kind=kind) for label, part in needed[way].items()},
        way,
        seed,
    )
    for kind, way in put_to
]
show(verdicts)

# %% [markdown]
# How steep are the trends, and where do they come from? The table has the change of the logarithm for each order: first as
# it is, then at equal strength. Independent noise in all outputs alone would give $-\log(2) / 2 = -0.35$ at equal
# strength.

# %% tags=["hide-input"]
slopes = {
    (kind, way): verdict.measured
    for verdict, (kind, way) in zip(verdicts, put_to, strict=True)
}
table(
    ["Network", *(f"{KINDS[kind]}, {way}" for kind, way in slopes)],
    [
        [
            label,
            *(
                " / ".join(f"{test.estimate:.2f}" for test in of[label])
                for of in slopes.values()
            ),
        ]
        for label in noisy.games
    ],
)

# %% [markdown]
# Three things are in the trend of Fig. 5, and they can be told apart by reading the table from left to right.
#
# - *Strength.* Where the first number of a cell is well below zero and the second is not, high orders are unstable for
#   being weak, not for being of high order.
# - *The extraction.* Where the first number is below zero with every draw extracted afresh and not with the extraction
#   kept, what jumps from draw to draw is the choice among almost equally sparse explanations, not the network.
# - *The network.* What is left, at equal strength and without a new extraction, is how the network passes noise on. The
#   deviations lie far below the dotted lines, because the noise moves neighbouring outputs together; but those of plain
#   AND interactions of MLP-7 grow nearly as steeply as the line, and those of the ResNets do not.
#
# The table has few networks: a noise game of a network on $n = 12$ players is 1.7 million forward passes. Others are made
# with `python -m lkutils game --dataset cifar10 --network vgg11 --draws 20`, and this page then shows them as well.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, noisy.worst_gap)
