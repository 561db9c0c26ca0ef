# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Section 3.3, first half: Which interactions generalise to other networks?
#
# **The claim.** If several networks that were trained for the same task encode the same interaction, the paper calls it
# well generalised. It compares the salient interactions of two networks on the same samples, order by order, and finds
# that "low-order interactions extracted from different DNNs usually exhibited higher IoU values"
# ({cite}`cheng2024layerwise`, Sec. 3.3, Fig. 4; Fig. 8 for OR).
#
# **What this chapter does.** It takes every pair of networks of a data set and computes the intersection over union of
# their sets, Eq. (9). Then it asks what such a number means: how much two sets of that size have in common by chance,
# how much the *same* network shares with itself when it is trained again or when its output is read with a little noise,
# and whether the trend is still there when every order has equally many interactions.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter 04_generalization -p games "[mnist/mlp7, mnist/vgg11]"`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # all pairs of them; empty for all that the profile has
layers: list[str] = []  # such as [mlp7/linear5]; the others are those of App. M.3
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
tau_ratio: float = 0.05  # salient above this share of the largest strength of layer and sample, from 0 to 1
set_size: int = 5  # interactions of each order in sets of equal size, from 1 to 1000
noise_samples: int = 20  # extracted again with noise, from 1 to 100000
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the noise and of the bootstrap of all intervals, at least 0

# %% tags=["hide-input"]
import time

import xarray as xr
from IPython.display import Markdown

from lkutils import metrics, uncertainty
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import generalization
from lkutils.claims.verdicts import judge
from lkutils.figures import generalization as figures
from lkutils.generalization import (
    against_mirrored_order,
    mean_over_samples,
    overlap_of_sets,
    signed_sets,
    strongest_of_order,
    unsigned,
)
from lkutils.paper.pairs import NOISE_RATIO, open_pairs

# %%
started = time.perf_counter()
check_given("04_generalization", globals())
study = open_pairs(
    profile,
    games,
    layers=layers,
    samples=samples,
    noise_samples=noise_samples,
    kappa_ratio=kappa_ratio,
    gap=gap,
    seed=seed,
)

# %% [markdown]
# ## The networks and their layers
#
# Networks are not compared at their output but in one layer each, "close to the output" (App. M.3): a linear probe was
# trained on the features of that layer, and interactions explain its log-odds. Both networks of a pair see the same
# samples, cut into the same players. Another seed means the same network trained anew, with other initial weights and
# another order of samples; it is there for some networks only.


# %%
def salient_sets(part: xr.DataArray) -> xr.DataArray:
    tau = metrics.salience_threshold(part, tau_ratio)  # of each sample (footnote 7)
    return signed_sets(part, metrics.salient(part, tau))


sets = {label: salient_sets(part) for label, part in study.interactions.items()}

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Layer",
        "Probe's accuracy",
        "Samples",
        "$n$",
        "Salient AND",
        "Salient OR",
        "Other seeds",
    ],
    [
        [
            label,
            game["layer"].item(),
            f"{game['probe_accuracy'].item():.2%}",
            game.sizes["sample"],
            game.attrs["n_players"],
            *(
                f"{sets[label].sel(kind=kind).sum(['sign', 'coalition']).mean():.1f}"
                for kind in generalization.IOU
            ),
            ", ".join(other.network for other in study.seeds[label]) or None,
        ]
        for label, game in study.games.items()
    ],
)

# %% [markdown]
# An interaction is salient when it is stronger than $\tau$, a share of the largest strength in the same layer and sample
# (footnote 7). The columns give how many there are per sample.

# %% tags=["hide-input"]
Markdown(f"The largest certified gap of the extraction is **{study.worst_gap:.2%}**.")

# %% [markdown]
# ## IoU by order (Fig. 4 and 8)
#
# $A^m$ holds the salient interactions of order $m$ of one network on one sample, $B^m$ those of the other. The IoU is
# $|A^m \cap B^m| / |A^m \cup B^m|$, and the figure shows its mean over samples.
#
# Two empty sets have no IoU: the sample is left out of that order. If one set is empty, the IoU is 0, although the
# networks do not disagree about any interaction: one of them just has none. The bars count both cases, because at high
# orders they are most of what there is.

# %%
shared = {
    pair: overlap_of_sets(unsigned(sets[a]), unsigned(sets[b]))
    for pair, (a, b) in study.pairs.items()
}
compared = {pair: mean_over_samples(found, seed) for pair, found in shared.items()}

# %% mystnb={"figure": {"caption": "Reproduces Fig. 4 of the paper. IoU of the salient AND interactions of two networks by order, mean over samples with 95 % interval; dotted: what random sets of the same sizes would have. Hollow points: too few samples (fewer than ten) for an interval. Below: in how many samples both networks have salient interactions of this order, only one has (IoU 0), or none has (left out).", "name": "fig-4-iou"}} tags=["hide-input"]
figures.iou_by_order(compared, "and")

# %% mystnb={"figure": {"caption": "Reproduces Fig. 8 of the paper: as {numref}`fig-4-iou`, for OR interactions. They begin at order 2, since one player alone counts as AND (App. M.4).", "name": "fig-8-iou"}} tags=["hide-input"]
figures.iou_by_order(compared, "or")

# %% [markdown]
# ## Beyond chance
#
# There are only $n$ interactions of order 1, so two networks that use half of them each share a third of their union
# whatever they have learned: the dotted lines. Of order $n/2$ there are hundreds, and chance gives next to nothing. The
# corrected IoU, (IoU - chance) / (1 - chance), is 0 for random sets and 1 for equal ones. Where all sets of these sizes
# are equal, as at order $n$, it says nothing and the sample is left out.
#
# The next figures show it in three ways: for the sets above; with *agreeing signs*, where an interaction is shared only
# if it speaks for the label in both networks or against it in both; and for sets of *equal size*, the strongest few of
# each order in each network, salient or not, where no order has an advantage by being stronger. Order $n$, of which there
# is a single one, has no such sets.

# %%
signed = {
    pair: overlap_of_sets(sets[a], sets[b]) for pair, (a, b) in study.pairs.items()
}
strongest = {
    label: unsigned(signed_sets(part, strongest_of_order(part, set_size)))
    for label, part in study.interactions.items()
}
equal = {
    pair: overlap_of_sets(strongest[a], strongest[b])
    for pair, (a, b) in study.pairs.items()
}
equal = {
    pair: found.where(found["order"] < found.sizes["order"])
    for pair, found in equal.items()
}
variants = {"": shared, "agreeing signs": signed, "sets of equal size": equal}


def interval(numbers: xr.DataArray) -> xr.DataArray:
    return uncertainty.with_interval(uncertainty.resampled_means(numbers, seed=seed))


def corrected(kind: str) -> dict:
    return {
        pair: {
            name or "salient sets": interval(by_pair[pair]["corrected"].sel(kind=kind))
            for name, by_pair in variants.items()
        }
        for pair in study.pairs
    }


# %% mystnb={"figure": {"caption": "AND: corrected IoU by order, 0 being chance and 1 equal sets, mean over samples with 95 % interval. Three ways: the salient sets of the figures above; the same with agreeing signs; the strongest few of each order in either network. Hollow: fewer than ten samples, no interval. If low orders generalise better, lines fall from left to right.", "name": "fig-4-corrected"}} tags=["hide-input"]
figures.lines_by_order(corrected("and"), "corrected IoU")

# %% mystnb={"figure": {"caption": "OR: corrected IoU by order, as in {numref}`fig-4-corrected`.", "name": "fig-8-corrected"}} tags=["hide-input"]
figures.lines_by_order(corrected("or"), "corrected IoU")

# %% [markdown]
# ## Order $m$ against order $n - m$
#
# The paper argues that low orders do not win for being few: "for each $m < n/2$, there are the same number
# $\binom{n}{m}$ of potential combinations for both $m$-order interactions and $(n-m)$-order interactions". That is so,
# but chance depends on how many of them are *salient*, which is not the same number. So here is the difference of the
# two orders in each sample that has an IoU for both, raw and corrected.


# %%
def mirrored(pair: object, number: str, kind: str) -> xr.DataArray:
    return interval(against_mirrored_order(shared[pair][number].sel(kind=kind)))


differences = {
    pair: {
        f"{words}, {name}": mirrored(pair, number, kind)
        for kind, words in generalization.KINDS.items()
        for number, name in (("iou", "raw"), ("corrected", "corrected"))
    }
    for pair in study.pairs
}

# %% mystnb={"figure": {"caption": "IoU of order $m$ minus IoU of order $n - m$, mean with 95 % interval over the samples that have both. Above 0 the low order is shared more. Hollow: fewer than ten such samples, no interval; no point: none.", "name": "fig-4-mirrored"}} tags=["hide-input"]
figures.lines_by_order(differences, "order m minus n - m")

# %% [markdown]
# ## What is a high IoU?
#
# Each network is now compared with four others, from what should be most alike to what should be least alike:
#
# - *noise of 1 %*: the same output again, after normal noise with a standard deviation of 1 % of
#   $|v(x_N) - v(x_\emptyset)|$ was added to every $v(x_T)$; the extraction itself may take other interactions then;
# - *another seed*: the same network trained anew, where we have one;
# - *other networks*: the mean of its pairs in the figures above;
# - *another sample*: its own interactions on the next sample, whose player $i$ is another patch or word.
#
# A curve of other networks that reaches that of another seed is as high as it can get. And where noise of 1 % alone
# brings the IoU down, a low IoU of two networks says little about what they have learned.


# %%
def mean_of(overlaps: list[xr.Dataset]) -> xr.DataArray:
    return interval(
        xr.concat([one["corrected"] for one in overlaps], "other", join="outer").mean(
            "other"
        )
    )


def anchors(label: object, kind: str) -> dict:
    own = unsigned(sets[label]).sel(kind=kind)
    partners = [
        b if a == label else a for a, b in study.pairs.values() if label in (a, b)
    ]
    others = {
        f"noise of {NOISE_RATIO:.0%}": [salient_sets(study.noisy[label])],
        "another seed": list(map(salient_sets, study.seeds[label].values())),
        "other networks": [sets[partner] for partner in partners],
        "another sample": [sets[label].roll(sample=1)],
    }
    return {
        name: mean_of(
            [overlap_of_sets(own, unsigned(each).sel(kind=kind)) for each in some]
        )
        for name, some in others.items()
        if some
    }


# %% mystnb={"figure": {"caption": "AND: corrected IoU of a network's salient interactions with those of the same output after noise of 1 % (first samples only), of the same network from another seed (where there is one), of the other networks of the data set, and of the same network on another sample; mean over samples with 95 % interval.", "name": "fig-4-anchors"}} tags=["hide-input"]
figures.lines_by_order(
    {label: anchors(label, "and") for label in study.games}, "corrected IoU"
)

# %% mystnb={"figure": {"caption": "OR: corrected IoU with the same four, as in {numref}`fig-4-anchors`.", "name": "fig-8-anchors"}} tags=["hide-input"]
figures.lines_by_order(
    {label: anchors(label, "or") for label in study.games}, "corrected IoU"
)

# %% [markdown]
# ## What we found
#
# Low orders are those below $n/2$, high orders those above it. For each sample we take the mean IoU over its low orders
# minus that over its high orders, in samples that have both. Low orders generalise better where this is above zero with
# its whole interval, raw *and* corrected; if only raw, it holds, but not beyond chance. This rule was written down before
# any of the numbers was known.

# %% tags=["hide-input"]
verdicts = {
    (kind, setting): judge(
        claim,
        {
            pair: generalization.low_minus_high(found.sel(kind=kind))
            for pair, found in by_pair.items()
        },
        setting,
        seed,
    )
    for kind, claim in generalization.IOU.items()
    for setting, by_pair in variants.items()
}
show(list(verdicts.values()))

# %% tags=["hide-input"]
Markdown(
    "\n".join(f"- {generalization.finding(verdict)}" for verdict in verdicts.values())
)

# %% [markdown]
# *Too few* means that hardly any sample has a salient interaction above $n/2$ in either network, as the bars of
# {numref}`fig-4-iou` and {numref}`fig-8-iou` show. Then nothing is known about high orders, and what falls from left to
# right falls among the low ones. Where
# only one network has any, the IoU is 0 for want of interactions, not because two networks disagree. Sets of equal size
# do not have this weakness, but count interactions that are not salient. And for OR their raw IoU is not fair to low
# orders: order 1 is missing among them (App. M.4), while its mirror image $n - 1$, in which chance gives most, is among
# the high ones.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, study.worst_gap)
