# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Section 3.2.2, second half: What do layers keep, forget and gain?
#
# **The claims.** Compare the salient interactions of layer $l$ with those of the output, $L$, order by order: part of
# their strength is shared (*overlap*), part of layer $l$'s will be gone (*forget*), and part of the output's is still to
# come (*new*; Eq. 7). *Completeness* is the share of the output's strength that a layer has already, *redundancy* the
# strength that it will lose, over the same. From these the paper reads ({cite}`cheng2024layerwise`, Sec. 3.2.2):
#
# 1. "DNNs usually encode stronger low-order (simple) interactions than high-order (complex) interactions";
# 2. "the early and middle layers usually had already learned most target interactions", and "unlike low-order
#    interactions, high-order interactions do not reach high completeness even in later layers";
# 3. redundancy values "first rise and then fall through layers, which indicates that the utility of later layers of
#    DNNs was mainly to remove redundant interactions".
#
# **What this chapter does.** It rebuilds Fig. 3 for AND and Fig. 7 for OR interactions, puts a number with an interval
# to each sentence, and then to what App. K says about each single network.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter 03_tracking -p tau_ratio 0.1`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # such as [mnist/mlp7]; empty for all that the profile has
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
orders: list[int] = []  # such as [1, 2]; empty: all but the highest four, as the paper
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
tau_per_sample: bool = True  # the largest strength of each layer and sample (footnote 7), or of all samples (App. M.4)
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, from 0 to 1 (App. J)
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 1
resamples: int = 2000  # of the bootstrap for 95 % intervals, from 100 to 100000
seed: int = 0  # of these draws

# %% tags=["hide-input"]
import time
from collections import Counter

import xarray as xr
from IPython.display import Markdown

from lkutils import metrics, uncertainty
from lkutils.book import facts
from lkutils.claims import layers as claims_layers
from lkutils.claims import tracking as claims_tracking
from lkutils.claims import verdicts as claims
from lkutils.figures import tracking as figures_tracking
from lkutils.games import interactions as interactions_of
from lkutils.paper.shipped import CACHES, game_names, load_games

started = time.perf_counter()
played = load_games(games or game_names(profile))

# %% [markdown]
# ## From games to parts
#
# As in the chapters before: the sparsest interactions of each layer and sample, divided by the layer's output range
# (footnote 8), and of these the salient ones, above $\tau$ of each layer and sample (footnote 7).

# %%
extracted = {
    name: interactions_of(game, kappa_ratio=kappa_ratio, gap=gap, caches=CACHES)
    for name, game in played.items()
}
interactions = {
    name: found["interactions"][:, :, : samples or None]
    for name, found in extracted.items()
}
kept = {
    name: metrics.salient_part(found, tau_ratio, tau_per_sample)
    for name, found in interactions.items()
}
worst_gap = max(found["gap"].max().item() for found in extracted.values())
Markdown(
    f"The largest certified gap over all layers, samples and networks is **{worst_gap:.2%}**."
)

# %% [markdown]
# The three parts of Eq. (7), for each sample, layer and order. They add up to the strengths of Eq. (6), as Eq. (8)
# says:

# %%
parts = {name: metrics.track(found) for name, found in kept.items()}
strengths = {name: metrics.strength(found) for name, found in kept.items()}
error = max(
    float(abs(part.overlap + part.forget - strengths[name]).max())
    + float(abs(part.overlap + part.new - strengths[name].isel(layer=-1)).max())
    for name, part in parts.items()
)
Markdown(
    f"Largest error of Eq. (8) over all networks, layers, samples and orders: **{error:.0e}** output ranges."
)

# %% [markdown]
# All means are over samples. Their uncertainty is that of a bootstrap: samples drawn anew, with replacement, and
# everything computed from them again.

# %%
means = {
    name: uncertainty.resampled_means(part, resamples, seed)
    for name, part in parts.items()
}
shown = {
    name: [
        order
        for order in part["order"].values.tolist()
        if order in (orders or range(1, part.sizes["order"] - 3))
    ]
    for name, part in parts.items()
}


def of_kind(kind: str) -> dict[str, xr.Dataset]:
    return {name: part.sel(kind=kind).mean("sample") for name, part in parts.items()}


def ratios(ratio, kind: str) -> dict[str, xr.DataArray]:
    return {
        name: uncertainty.with_interval(ratio(mean.sel(kind=kind)))
        for name, mean in means.items()
    }


# %% [markdown]
# ## AND interactions (Fig. 3)
#
# A row for each network, a column for each order, a bar for each probed layer. Grey and blue together are always the
# output's strength, the top of each panel; grey and orange together are the layer's own. If the paper is right, grey
# grows at the cost of blue from early on, and orange swells in the middle and shrinks at the end. Panels have their own
# scales, to be read on their left; that low orders are stronger is in the scales.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 3(a) of the paper. Strength of AND interactions that a layer shares with the output (grey), that the output has forgotten (orange, downwards) and that are new in the output (blue), by order and layer, normalised, mean over samples.", "name": "fig-3a-tracking"}} tags=["hide-input"]
figures_tracking.tracked(of_kind("and"), shown)

# %% [markdown]
# The same as ratios to the output's strength of that order, with their uncertainty. Where the output has next to
# nothing of an order, its ratios are large and unsure.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 3(b) of the paper. Completeness and redundancy of AND interactions by layer, a line for each order, with 95 % bootstrap intervals over samples.", "name": "fig-3b-ratios"}} tags=["hide-input"]
figures_tracking.ratios(
    ratios(metrics.completeness, "and"), ratios(metrics.redundancy, "and"), shown
)

# %% [markdown]
# ## OR interactions (Fig. 7)
#
# The same for OR. There is no OR of order 1: one player alone is counted as AND (App. M.4).

# %% mystnb={"figure": {"caption": "Reproduces Fig. 7(a) of the paper: as the figure of AND interactions above, for OR interactions.", "name": "fig-7a-tracking"}} tags=["hide-input"]
shown_or = {
    name: [order for order in some if order > 1] for name, some in shown.items()
}
figures_tracking.tracked(of_kind("or"), shown_or)

# %% mystnb={"figure": {"caption": "Reproduces Fig. 7(b) of the paper. Completeness and redundancy of OR interactions by layer, a line for each order, with 95 % bootstrap intervals over samples.", "name": "fig-7b-ratios"}} tags=["hide-input"]
figures_tracking.ratios(
    ratios(metrics.completeness, "or"), ratios(metrics.redundancy, "or"), shown_or
)

# %% [markdown]
# ## What our choices change
#
# The paper leaves four things open, and here is what each of them does to the numbers:
#
# - *Salient in one layer only.* Eq. (7) to the letter lets such an interaction keep what it has, below $\tau$, in the
#   output; then Eq. (8) does not add up. We take nothing of it as shared. The table has the share of a layer's strength
#   that would be missed.
# - *Opposite signs.* Nothing is shared then, and the interaction is forgotten *and* new. The table has the share of
#   strength, among interactions that are salient in both, that is treated so.
# - *Which $\tau$.* That of each layer and sample (footnote 7), or one for all samples of a layer (App. M.4).
# - *Ratio of means or mean of ratios.* The mean of each sample's ratio gives samples with weak interactions more weight.
#
# A fifth, how long the probes are trained, can change a layer's redundancy more than all of these; [the page on
# data](../data.md) has an example.

# %%
rows = []
for name, found in kept.items():
    ways = claims_tracking.completeness_by_choice(
        interactions[name], tau_ratio, tau_per_sample
    ).values()
    missed = claims_tracking.missed_to_the_letter(interactions[name], found)
    rows.append(
        f"| {name} | {missed:.1%} | {claims_tracking.opposite_signs(found):.1%} | "
        + " | ".join(f"{way:.2f}" for way in ways)
        + " |"
    )
header = (
    "| Game | Missed by Eq. (8) to the letter | Opposite signs | Completeness of middle layers (AND), as here "
    "| $\\tau$ the other way | mean of ratios |\n|---|---:|---:|---:|---:|---:|\n"
)
Markdown(header + "\n".join(rows))

# %% [markdown]
# ## What we found
#
# First the sentences of Sec. 3.2.2, for AND and for OR, each put to all networks of a data set.

# %% tags=["hide-input"]
general = claims.Verdicts(
    verdict
    for kind in ("and", "or")
    for verdict in claims_layers.judge_all(claims_tracking.tracking_claims(kind), means)
)
general

# %% [markdown]
# ## Each network's own way (App. K)
#
# App. K says of "most DNNs" that low and middle layers fit the target interactions "at the cost of encoding lots of
# redundant interactions", which "would be removed in high layers". And it has a reading of single networks: on MNIST
# target interactions are learned quickly; ResNet-20's high layers mainly forget high orders; MLP-7 and VGG-11 on
# CIFAR-10 learn late, but nothing redundant; transformers learn in the middle with much that is redundant. Each reading
# is a list of statements, and each of them is tested, on AND and OR interactions together.
#
# The paper's transformers are pretrained and then fine-tuned. A verdict on one that is marked "(scratch)" therefore says
# whether the reading holds for the architecture, trained on SST-2 alone. XLNet is only in Sec. 3.3 of the paper; it is
# put to what App. K says of most networks.

# %% tags=["hide-input"]
each = claims.Verdicts(claims_tracking.readings(means))
each

# %% tags=["hide-input"]
tally = Counter(verdict.verdict for verdict in [*general, *each])
Markdown(
    f"Of {tally.total()} verdicts on this page, "
    + ", ".join(
        f"{count} say that the claim **{word}**" for word, count in tally.items()
    )
    + "."
)

# %% [markdown]
# How each verdict follows from its numbers was fixed before the numbers were known:

# %% tags=["hide-input"]
Markdown(claims.Verdicts([*general, *each]).rules())

# %% [markdown]
# The intervals are over samples of one trained network each; how much another training run would change is not in them.
#
# ## Run facts

# %% tags=["hide-input"]
facts.run_facts(started, worst_gap)
