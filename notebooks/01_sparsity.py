# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Section 3.2.1: Are interactions sparse?
#
# **The claim.** A network with $n$ input variables could use $2^n$ AND and $2^n$ OR interactions for each sample. The
# paper says that it uses few: "only about 21.8 AND/OR interactions in each sample of the MNIST dataset and about 45.6
# AND/OR interactions in each sample of the CIFAR-10 dataset made salient effects on the network output"
# ({cite}`cheng2024layerwise`, Fig. 2). All others "exhibited very small effects" (Sec. 3.2.1).
#
# **What this chapter does.** It takes the output of every network on all $2^n$ masked versions of each sample, extracts
# the sparsest AND-OR interactions that explain these outputs, and counts. On the way it checks the two statements that
# give interactions their meaning: together they match every masked output exactly (Theorem 3.3), and the salient ones
# alone nearly do (Lemma 3.4).

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter 01_sparsity -p tau_ratio 0.1`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # such as [mnist/mlp7]; empty for all that the profile has
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1 (App. M.4)
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, from 0 to 1 (App. J)
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 1
seed: int = 0  # of the bootstrap that gives the 95 % intervals

# %% tags=["hide-input"]
import time

import numpy as np
import xarray as xr
from IPython.display import Markdown

from lkutils import metrics
from lkutils.book import facts
from lkutils.claims import verdicts as claims
from lkutils.figures import sparsity as figures
from lkutils.games import interactions as interactions_of
from lkutils.paper.shipped import CACHES, game_names, load_games

started = time.perf_counter()
played = load_games(games or game_names(profile))

# %% [markdown]
# ## The games
#
# A *game* holds the log-odds $v(x_T)$ of the true label (footnote 3 of the paper) for every coalition $T$ of players
# that are shown, while the others are masked. Players are patches of the image: on MNIST ten patches of 3x3 pixels with
# the most ink, on CIFAR-10 twelve of 4x4 pixels from the centre, in a sentence of SST-2 its ten content words (App.
# M.1). All samples are test images or sentences that the networks classify correctly. Here we look at the networks' own
# output only; the layers before it come in the next chapters.
#
# The paper's transformers are pretrained. Where the table says "from scratch", and titles say "(scratch)", they are not:
# they have the original blocks and vocabulary, but are narrower and have seen nothing but SST-2's phrases.
# [Where the data come from](../data.md) tells how to use pretrained ones.

# %% tags=["hide-input"]
rows = [
    f"| {name} | {game.attrs['network_accuracy']:.2%} | {game.sizes['sample']} | {game.attrs['n_players']} "
    f"| {game.sizes['coalition']:,} | {game.attrs['weights']} |"
    for name, game in played.items()
]
header = (
    "| Game | Test accuracy | Samples | $n$ | Masked outputs per sample | Weights |\n"
    "|---|---:|---:|---:|---:|---|\n"
)
Markdown(header + "\n".join(rows))

# %% [markdown]
# ## Extraction
#
# The output is split into a part for AND and a part for OR, and a small noise $\delta_T$ with
# $|\delta_T| \le \kappa$ is taken off; among all such splits we want the one with the smallest
# $\sum_S |I_\text{and}(S)| + |I_\text{or}(S)|$ (Sec. 3.1 and 3.2.2). This is a linear programme, and its dual gives a
# lower bound of that sum. So every extraction comes with a certificate: the *gap* tells how far above the optimum the
# result can be at most.

# %%
extracted = {
    name: interactions_of(game, layers=["output"], kappa_ratio=kappa_ratio, gap=gap, caches=CACHES)
    for name, game in played.items()
}
interactions = {
    name: found["interactions"].sel(layer="output") for name, found in extracted.items()
}
outputs = {
    name: game["values"].sel(layer="output").astype(float)
    for name, game in played.items()
}

worst_gap = max(found["gap"].max().item() for found in extracted.values())
Markdown(
    f"The largest certified gap over all samples and networks is **{worst_gap:.2%}**."
)

# %% [markdown]
# ## Do they match every output? (Theorem 3.3)
#
# For all $2^n$ coalitions $T$ of a sample, the AND interactions inside $T$ and the OR interactions that $T$ touches
# should add up to the output, Eq. (3), once the noise $\delta_T$ is taken off. The table has the largest
# error over all samples and coalitions, and the largest noise that was taken off, both in units of the output range
# $E_x|v(x_N) - v(x_\emptyset)|$.


# %%
def in_output_ranges(name: str, error: xr.DataArray) -> xr.DataArray:
    return abs(error).max("coalition") / metrics.output_range(outputs[name])


deltas = {name: found["delta"].sel(layer="output") for name, found in extracted.items()}
largest_errors = {
    name: in_output_ranges(
        name, outputs[name] - deltas[name] - metrics.matched_values(interactions[name])
    )
    for name in played
}
rows = [
    f"| {name} | {largest_errors[name].max().item():.1e} | {in_output_ranges(name, deltas[name]).max().item():.3f} |"
    for name in played
]
Markdown(
    "| Game | Largest error | Largest noise |\n|---|---:|---:|\n" + "\n".join(rows)
)

# %% [markdown]
# ## The strength of all interactions (Fig. 2)
#
# Now all interactions of all samples, sorted by strength. An interaction is salient when it is stronger than $\tau$, a
# share of the largest strength over all samples of the network (App. M.4). If interactions are sparse, the curve falls
# to nearly nothing within a small fraction of its width.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 2 of the paper. Strength of all AND and OR interactions of all samples in descending order, one panel per network; the inset enlarges the strongest. The dashed line is $\\tau$ of App. M.4, and the shaded interactions above it are salient.", "name": "fig-2-strength"}} tags=["hide-input"]
strengths = {
    name: metrics.sorted_strength(found) for name, found in interactions.items()
}
taus = {
    name: metrics.salience_threshold(found, tau_ratio).item()
    for name, found in interactions.items()
}
figures.strength_descending(strengths, taus)

# %% [markdown]
# A curve like this always looks steep on linear axes, so the inset enlarges the strongest interactions. The next figure shows the same numbers sample by sample and on
# logarithmic axes: where the line crosses one, a sample runs out of salient interactions. What is right of it and how
# fast it falls tells whether the rest is "very small" or only smaller.

# %% mystnb={"figure": {"caption": "Strength of a sample's $k$-th strongest interaction, in units of $\\tau$: the median over samples and the range from the 10th to the 90th percentile. Above the dashed line interactions are salient.", "name": "fig-2-rank"}} tags=["hide-input"]
figures.strength_by_rank(strengths, taus)

# %% [markdown]
# ## How many are salient?
#
# The paper defines $\tau$ twice: as 0.05 of the largest strength over *all* samples (App. M.4), and of the largest
# strength of *each* sample (footnote 7). We count with both. The interval is a bootstrap over samples.

# %%
counts = metrics.count_salient(interactions, tau_ratio)

# %% mystnb={"figure": {"caption": "Mean number of salient interactions per sample under both definitions of $\\tau$, with 95 % bootstrap intervals. Dotted: the number that the paper gives for the data set.", "name": "fig-2-counts"}} tags=["hide-input"]
intervals = {
    rule: {
        name: claims.mean_with_interval(count, seed=seed)[:3]
        for name, count in by_game.items()
    }
    for rule, by_game in counts.items()
}
paper = {label: claims.PAPER_SALIENT.get(label.dataset) for label in played}
figures.salient_counts(
    intervals, {name: number for name, number in paper.items() if number is not None}
)

# %% [markdown]
# ## Do the strongest suffice? (Lemma 3.4)
#
# If the salient interactions are what the network uses, they alone should match all $2^n$ outputs, Eq. (4). We keep
# the strongest interactions of each sample, set all others to zero, and measure the error against the network's
# outputs, noise included. The error cannot fall to zero, because the noise stays unexplained.

# %%
by_rule = counts["largest of all samples (App. M.4)"]
totals = {name: strength.sizes["rank"] for name, strength in strengths.items()}
shares = xr.DataArray(np.geomspace(0.001, 1, 25), dims="share")
shares = shares.assign_coords(share=shares)


def error_curve(name: str) -> xr.DataArray:
    kept = [
        metrics.keep_strongest(interactions[name], max(1, round(share * totals[name])))
        for share in shares.values
    ]
    return xr.concat(
        [metrics.matching_error(outputs[name], part) for part in kept], shares
    )


errors = {name: error_curve(name) for name in played}
salient_errors = {
    name: metrics.matching_error(
        outputs[name],
        found.where((abs(found) > taus[name]) | (found["coalition"] == 0), 0.0),
    )
    for name, found in interactions.items()
}

# %% mystnb={"figure": {"caption": "Lemma 3.4: error of matching all $2^n$ masked outputs with only the strongest interactions, in units of the output range, mean over samples with 95 % interval. The dot marks the mean share of interactions that are salient.", "name": "fig-2-matching"}} tags=["hide-input"]
figures.matching_errors(
    errors, {name: by_rule[name].mean().item() / totals[name] for name in played}
)

# %% [markdown]
# ## What we found

# %% tags=["hide-input"]
verdicts = claims.Verdicts()
for dataset, errors_ in claims.by_dataset(largest_errors).items():
    claims.append(claims.universal_matching(dataset, errors_))
for rule, by_game in counts.items():
    for dataset, count in claims.by_dataset(by_game).items():
        claims.append(claims.salient_count(dataset, count, rule, seed))
for dataset, share in claims.by_dataset(
    {name: by_rule[name] / totals[name] for name in played}
).items():
    claims.append(claims.sparsity(dataset, share, seed))
for dataset, error in claims.by_dataset(salient_errors).items():
    claims.append(claims.few_suffice(dataset, error, seed))
verdicts

# %% tags=["hide-input"]
sentences = []
for rule, by_game in counts.items():
    for dataset, count in claims.by_dataset(by_game).items():
        mean, low, high, _ = claims.mean_with_interval(count.mean("network"), seed=seed)
        number = claims.PAPER_SALIENT.get(dataset)
        beside = (
            f"; the paper's number is {number}, so we count {mean / number:.1f} times as many"
            if number
            else ""
        )
        sentences.append(
            f"- **{dataset}**, $\\tau$ from the {rule}: **{mean:.1f}** salient interactions per sample "
            f"(95 % interval {low:.1f} to {high:.1f}, {count.sizes['sample']} samples, "
            f"{count.sizes['network']} network{'s' * (count.sizes['network'] > 1)}){beside}."
        )
Markdown("\n".join(sentences))

# %% [markdown]
# How each verdict follows from its number was fixed before the numbers were known:

# %% tags=["hide-input"]
Markdown(claims.rules())

# %% [markdown]
# The count depends on the two things that the definition leaves open: $\tau$, and how well the sum of strengths is
# minimised. A procedure that stops above the optimum finds other interactions, more of them or fewer; that is why the gap
# is certified here. Even the optimum need not be unique. The chapter on extraction measures both.
#
# ## Run facts

# %% tags=["hide-input"]
facts.run_facts(started, worst_gap)
