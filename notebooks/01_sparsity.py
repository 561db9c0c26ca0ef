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
# give interactions their meaning: together they match every masked output (Theorem 3.3), and the salient ones alone
# nearly do (Lemma 3.4).

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter 01_sparsity -p tau_ratio 0.1`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # such as [mnist/mlp7]; empty for all that the profile has
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1 (App. M.4)
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import time

import numpy as np
import xarray as xr
from IPython.display import Markdown

from lkutils import metrics
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import sparsity
from lkutils.claims.verdicts import judge
from lkutils.figures import sparsity as figures
from lkutils.paper.shipped import open_study

# %%
started = time.perf_counter()
check_given("01_sparsity", globals())
study = open_study(
    profile,
    games,
    layers=["output"],
    tau_ratio=tau_ratio,
    tau_per_sample=False,
    kappa_ratio=kappa_ratio,
    gap=gap,
)
outputs = {
    label: game["values"].sel(layer="output").astype(float)
    for label, game in study.games.items()
}
interactions = {
    label: found.sel(layer="output") for label, found in study.interactions.items()
}

# %% [markdown]
# ## The games
#
# A *game* holds the log-odds $v(x_T)$ of the true label (footnote 3 of the paper) for every coalition $T$ of players
# that are shown, while the others are masked. Players are patches of the image: on MNIST ten patches of 3x3 pixels with
# the most ink, on CIFAR-10 twelve of 4x4 pixels from the centre, in a sentence of SST-2 its ten content words (App.
# M.1). All samples are test images or sentences that the networks classify correctly. Here we look at the networks' own
# output only; the layers before it come in the next chapters.
#
# The paper's transformers are pretrained, and so is MiniLM, a small BERT. Those with a dagger (†) are not: they have the
# original blocks and vocabulary, but are narrower and have seen nothing but SST-2's phrases. [Where the data come
# from](../data.md) tells how to use other pretrained ones.

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Test accuracy",
        "Samples",
        "$n$",
        "Masked outputs per sample",
        "Weights",
    ],
    [
        [
            label,
            f"{game.attrs['network_accuracy']:.2%}",
            game.sizes["sample"],
            game.attrs["n_players"],
            f"{game.sizes['coalition']:,}",
            game.attrs["weights"],
        ]
        for label, game in study.games.items()
    ],
)

# %% [markdown]
# Interactions explain what the players change, not what the network knows without them. The background that always
# stays visible, and the masked state itself, often give the true label already: then $v(x_\emptyset) > 0$. The table has
# how much the players change where that is so, and where it is not; $\kappa$ is a share of that change.

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Samples with $v(x_\\emptyset) > 0$",
        "Mean $|v(x_N) - v(x_\\emptyset)|$ of these",
        "of the others",
    ],
    sparsity.background_rows(outputs),
)

# %% [markdown]
# ## Extraction
#
# The output is split into a part for AND and a part for OR, and a small noise $\delta_T$ with
# $|\delta_T| \le \kappa$ is taken off; among all such splits we want the one with the smallest
# $\sum_S |I_\text{and}(S)| + |I_\text{or}(S)|$ (Sec. 3.1 and 3.2.2). This is a linear programme, and its dual gives a
# lower bound of that sum. So every extraction comes with a certificate: the *gap* tells how far above the optimum the
# result can be at most.

# %% tags=["hide-input"]
Markdown(
    f"The largest certified gap over all samples and networks is **{study.worst_gap:.2%}**."
)

# %% [markdown]
# ## Do they match every output? (Theorem 3.3)
#
# The AND interactions inside $T$ and the OR interactions that $T$ touches should add up to the output, Eq. (3), for
# each of the $2^n$ coalitions $T$ of a sample. Two things can be checked, and both can go wrong:
#
# - *Without noise* ($\kappa = 0$) they must match all outputs to rounding, whatever the outputs are and however they
#   are split. We take AND alone (Eq. 1), and the split $\tfrac{1}{2} v \pm \gamma$ of the extraction, with Eq. (1)
#   for one part and Eq. (2) for the other.
# - *With noise* the extracted interactions match the outputs but for $\delta_T$, which is by definition what they leave.
#   So the question is whether they leave no more than they may: $\max_T |\delta_T| \le \kappa$ in every sample.

# %%
matching = {
    label: sparsity.matching_statistics(
        outputs[label], interactions[label], kappa_ratio
    )
    for label in study.games
}
noise = {
    label: abs(outputs[label] - metrics.matched_values(interactions[label])).max()
    / metrics.output_range(outputs[label])
    for label in study.games
}

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Largest error, AND alone",
        "Largest error, AND and OR",
        "Largest noise, in $\\kappa$",
        "Largest noise",
    ],
    [
        [
            label,
            f"{found.harsanyi.max().item():.0e}",
            f"{found.split.max().item():.0e}",
            f"{found.noise.max().item():.4f}",
            f"{noise[label].item():.3f}",
        ]
        for label, found in matching.items()
    ],
)

# %% [markdown]
# Largest over all samples and coalitions; errors and the last column in units of the output range
# $E_x|v(x_N) - v(x_\emptyset)|$. A sample's $\kappa$ is a share of its own $|v(x_N) - v(x_\emptyset)|$, so that the last
# column may exceed the share. Errors can be exactly zero: outputs are stored with 24 bits and added up with 53.

# %% [markdown]
# ## The strength of all interactions (Fig. 2)
#
# Now all interactions of all samples, sorted by strength. An interaction is salient when it is stronger than $\tau$, a
# share of the largest strength over all samples of the network (App. M.4). On linear axes, which the paper has, any such
# curve looks like a corner; on logarithmic ones it shows how fast it falls, and whether what is not salient is "very
# small" or only smaller.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 2 of the paper, on logarithmic axes. Strength of all AND and OR interactions of all samples in descending order, one panel per network. The dashed line is $\\tau$ of App. M.4, and the shaded interactions above it are salient; strengths below a hundredth of it are not shown.", "name": "fig-2-strength"}} tags=["hide-input"]
strengths = {
    label: metrics.sorted_strength(found) for label, found in interactions.items()
}
taus = {label: tau.item() for label, tau in study.tau.items()}
figures.strength_descending(strengths, taus)

# %% [markdown]
# The next figure shows the same numbers sample by sample: where the line crosses one, a sample runs out of salient
# interactions.

# %% mystnb={"figure": {"caption": "Strength of a sample's $k$-th strongest interaction, in units of $\\tau$: the median over samples and the range from the 10th to the 90th percentile. Above the dashed line interactions are salient.", "name": "fig-2-rank"}} tags=["hide-input"]
figures.strength_by_rank(strengths, taus)

# %% [markdown]
# ## How many are salient?
#
# The paper defines $\tau$ twice: as 0.05 of the largest strength over *all* samples (App. M.4), and of the largest
# strength of *each* sample (footnote 7). We count with both. The interval is a bootstrap over samples.

# %%
salience = {
    rule: {
        label: sparsity.salience_statistics(
            outputs[label],
            found,
            metrics.salience_threshold(found, tau_ratio, per_sample),
            label,
        )
        for label, found in interactions.items()
    }
    for rule, per_sample in metrics.TAU_RULES.items()
}

# %% mystnb={"figure": {"caption": "Mean number of salient interactions per sample under both definitions of $\\tau$, with 95 % bootstrap intervals. Dotted: the number that the paper gives for the data set.", "name": "fig-2-counts"}} tags=["hide-input"]
intervals = {
    rule: {
        label: sparsity.mean_low_high(found["count"], seed)
        for label, found in by_label.items()
    }
    for rule, by_label in salience.items()
}
paper = {
    label: sparsity.PAPER_SALIENT[label.dataset]
    for label in study.games
    if label.dataset in sparsity.PAPER_SALIENT
}
figures.salient_count_rows(intervals, paper)

# %% [markdown]
# ## Do the strongest suffice? (Lemma 3.4)
#
# If the salient interactions are what the network uses, they alone should match all $2^n$ outputs, Eq. (4). We keep
# the strongest interactions of each sample, set all others to zero, and measure the error against the network's
# outputs, noise included. The error cannot fall to zero, because the noise stays unexplained.


# %%
def error_curve(label: object) -> xr.DataArray:
    total = strengths[label].sizes["rank"]
    shares = np.geomspace(0.001, 1, 25)
    errors = [
        metrics.matching_error(
            outputs[label],
            metrics.keep_strongest(interactions[label], max(1, round(share * total))),
        )
        for share in shares
    ]
    return xr.concat(errors, xr.IndexVariable("share", shares))


errors = {label: error_curve(label) for label in study.games}

# %% mystnb={"figure": {"caption": "Lemma 3.4: error of matching all $2^n$ masked outputs with only the strongest interactions, in units of the output range, mean over samples with 95 % interval. The dot marks the mean share of interactions that are salient ($\\tau$ of App. M.4).", "name": "fig-2-matching"}} tags=["hide-input"]
by_all_samples, _ = salience.values()
figures.matching_errors(
    errors,
    {label: found.share.mean().item() / 100 for label, found in by_all_samples.items()},
)

# %% [markdown]
# Number and error belong together: few interactions are easy to have if they need not explain much. So here is, with
# each of the paper's two thresholds, how many interactions are salient and what they alone explain: the error of
# Eq. (4), in % of the output range, and $R^2$, the share of the variance of $v(x_T)$ over all $T$ (1 is all of it; 0 or
# less is no better than a constant).

# %% tags=["hide-input"]
columns = {"count": 1, "error": 1, "explained": 2}  # digits
table(
    ["Network", *["Salient", "Error (%)", "$R^2$"] * 2],
    [
        [
            label,
            *(
                f"{by_label[label][name].mean().item():.{digits}f}"
                for by_label in salience.values()
                for name, digits in columns.items()
            ),
        ]
        for label in study.games
    ],
)

# %% [markdown]
# The first three columns with $\tau$ from the largest strength of all samples (App. M.4), the last three with that of
# each sample (footnote 7); means over samples. And as means over the networks of a data set, beside the paper's numbers
# (which are of MLP-7, VGG-11 and ResNet-20; our CIFAR-10 has ResNet-32 as well):

# %% tags=["hide-input"]
table(
    ["Data set", "$\\tau$ from", "Salient", "Paper", "Error (%)", "$R^2$", "Behind it"],
    sparsity.rows_by_dataset(salience, seed),
)

# %% [markdown]
# ## What we found

# %% tags=["hide-input"]
verdicts = [judge(sparsity.UNIVERSAL_MATCHING, matching, seed=seed)]
verdicts += [
    judge(claim, by_label, f"tau from the {rule}", seed)
    for claim in (*sparsity.SALIENCE, sparsity.OTHERS_SMALL)
    for rule, by_label in salience.items()
]
show(verdicts)

# %% tags=["hide-input"]
Markdown(sparsity.finding(salience))

# %% [markdown]
# The count also depends on how well the sum of strengths is minimised. A procedure that stops above the optimum finds
# other interactions, more of them or fewer; that is why the gap is certified here. Even the optimum need not be unique.
# The chapter on extraction measures both.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, study.worst_gap)
