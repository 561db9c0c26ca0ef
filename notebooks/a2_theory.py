# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Appendices C, F, G and H: what is proven, and is that what our code computes?
#
# **The claims.** "The OR interaction $I_\text{or}(S|x)$ can be considered as a specific AND interaction", when masked and
# unmasked states are exchanged (App. C, Eq. 13). The output on every masked sample "can be decomposed into effects of AND
# interactions and OR interactions" (Theorem 3.3, App. F). And it "can be universally matched by a small set of salient
# interactions" (Lemma 3.4, App. G; {cite}`cheng2024layerwise`). App. H lists the metrics.
#
# **What this chapter does.** The first two are identities: they hold for every table of numbers, so that nothing about
# networks can be learned from them, but our code can be wrong. So one side of each is computed term by term from the
# definition, without the fast transforms that all other chapters use, on the outputs of real networks. Beside each error
# stand those that plausible mistakes give, to show that it would be seen. The lemma is different: its proof rests on
# conditions that a network may or may not meet, and these are measured. At the end is the table of all metrics, made
# from the code.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter a2_theory -p dealt_samples 20`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # such as [mnist/mlp7]; empty for all that the profile has
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
dealt_samples: int = 10  # whose outputs are dealt anew, at least 1
dealt_gap: float = 0.02  # certified distance of these extractions from the sparsest ones, from 1e-9 to 0.5
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of random splits, of the deal and of the bootstrap, at least 0

# %% tags=["hide-input"]
import time

import numpy as np
import torch
from IPython.display import Markdown

import lkutils as lk
from lkutils import metrics
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import formulas, theory
from lkutils.claims.verdicts import judge
from lkutils.figures import theory as figures
from lkutils.paper.shipped import CACHES, open_study

# %%
started = time.perf_counter()
check_given("a2_theory", globals())
choices = {"samples": samples, "tau_ratio": tau_ratio}
choices |= {"kappa_ratio": kappa_ratio, "gap": gap}
study = open_study(profile, games, layers=["output"], **choices)
values = {
    label: game["values"].sel(layer="output", drop=True).astype(float)
    for label, game in study.games.items()
}
first_of_dataset = {label.dataset: label for label in reversed(values)}
chosen = [label for label in values if label in first_of_dataset.values()]

# %% [markdown]
# ## By the definition
#
# All that the library does with tables of $2^n$ outputs goes through two fast transforms. The definitions below do not:
# for every $S$ they multiply the output of *every* $T$ by its weight and add, $4^n$ products for each sample.


# %%
def alternating(S, T):
    """The weights of Eq. 1: (-1)^(|S| - |T|) where T is part of S, else 0."""
    sign = 1 - 2 * ((np.bitwise_count(S).astype(int) - np.bitwise_count(T)) % 2)
    return np.where(T & ~S == 0, sign, 0)


v = next(iter(values.values())).values[:1]
everyone = v.shape[-1] - 1
eq_1 = theory.summed(v, alternating)
eq_2 = -theory.summed(v, lambda S, T: alternating(S, everyone ^ T))
Markdown(
    f"Largest difference from the library on the first sample: AND {abs(eq_1 - lk.and_interactions(v).numpy()).max():.0e}"
    f" and OR {abs(eq_2 - lk.or_interactions(v).numpy())[:, 1:].max():.0e} log-odds, where the largest output is "
    f"{abs(v).max():.1f}."
)

# %% [markdown]
# ## OR is AND with masking inverted (App. C)
#
# *In two sentences.* An OR of $S$ acts as soon as one player of $S$ is visible, that is, always but when all of $S$ is
# masked. If masked is called visible and the other way round, it is an AND of $S$ with the opposite sign, so whatever is
# proven for AND, such as sparsity, holds for OR.
#
# *The check.* Left is Eq. (2), term by term; right is minus the AND interactions of the swapped game. All $S$ but the
# empty one, whose entry the library uses for $v(x_\emptyset)$. Largest difference over all samples and $S$, in units of
# the output range $E_x|v(x_N) - v(x_\emptyset)|$:

# %%
swapped = {label: theory.or_as_and(v) for label, v in values.items()}

# %% tags=["hide-input"]
names = {
    "difference": "**Eq. 13**",
    "library": "Eq. 2 by the library",
    "minus forgotten": "*minus forgotten*",
    "nothing swapped": "*nothing swapped*",
    "sign of T alone": "*$(-1)^{\\lvert T \\rvert}$ alone*",
}
table(
    ["Network", *names.values()],
    [
        [label, *(f"{found[name].max().item():.0e}" for name in names)]
        for label, found in swapped.items()
    ],
)

# %% [markdown]
# Errors can be exactly zero: outputs are stored with 24 bits and added up with 53.
#
# The table swaps the *entries* of the game. Masking itself can be swapped too: the baseline as the input, and the input
# as the baseline. A small network with random weights, masked both ways:

# %%
torch.manual_seed(seed)
network = torch.nn.Sequential(
    torch.nn.Linear(8, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2)
).double()
x, b = 3 * torch.randn(5, 8).double(), torch.randn(8).double()
players = lk.players.columns([f"feature {k}" for k in range(8)])


def played(inputs, baseline):
    return lk.coalition_values(
        lambda z: network(z)[None], inputs, 1, players, baseline, n_players=8
    )[0].numpy()


as_usual, inverted = played(x, b), played(b.expand(5, 8), x)
found = theory.or_by_definition(as_usual.astype(float))[:, 1:]
right = abs(found + lk.and_interactions(inverted).numpy()[:, 1:]).max()
wrong = abs(found + lk.and_interactions(as_usual).numpy()[:, 1:]).max()
Markdown(
    f"Largest difference: **{right:.0e}** log-odds with masking inverted, {wrong:.1f} without (outputs are kept in "
    "float32)."
)

# %% [markdown]
# ## Every output is the sum of its interactions (Theorem 3.3, App. F)
#
# *In two sentences.* Split the outputs into two parts in any way, with nothing of the constant $v(x_\emptyset)$ in the
# second, and take the AND interactions of the first and the OR interactions of the second. Then the AND interactions
# inside $T$ and the OR interactions that $T$ touches add up to $v(x_T)$, for each of the $2^n$ coalitions $T$.
#
# *The check.* Interactions and sums term by term, for two splits: the one that the extraction found, and one at random.
# Beside it what comes out when the minus of Eq. (2) is forgotten, when an OR acts only where all of $S$ is visible, when
# the first player is the lowest bit on the way there and the highest on the way back, and when the theorem's condition
# $v_\text{or}(x_\emptyset) = 0$ is broken.

# %%
random = np.random.default_rng(seed)
decomposed = {}
for label, v in values.items():
    of_and = study.interactions[label].isel(layer=0, drop=True) * [[[1.0]], [[0.0]]]
    found_split = metrics.matched_values(of_and) - v / 2
    random_split = v.copy(data=random.normal(scale=float(v.std()), size=v.shape))
    decomposed[label] = {
        name: theory.decomposition(v, gamma)
        for name, gamma in (("found", found_split), ("random", random_split))
    }

# %% tags=["hide-input"]
names = {
    "difference": "**Theorem 3.3**",
    "library": "by the library",
    "minus of Eq. 2 forgotten": "*minus forgotten*",
    "OR of S inside T": "*OR of $S \\subseteq T$*",
    "players counted backwards": "*players backwards*",
    "v_or(empty) not 0": "*condition broken*",
}
table(
    ["Network", "Split", *names.values()],
    [
        [label, split, *(f"{errors[name].max().item():.0e}" for name in names)]
        for label, by_split in decomposed.items()
        for split, errors in by_split.items()
    ],
)

# %% [markdown]
# Largest over all samples and coalitions, in output ranges. That the *extracted* interactions leave no more than
# $\kappa$ is checked in the chapter on [sparsity](01_sparsity.ipynb).
#
# ## A small set suffices (Lemma 3.4, App. G)
#
# *In two sentences.* If a network answers smoothly as players are masked, most of its interactions are next to nothing,
# and the few that are left match all $2^n$ outputs. By App. C the same holds for OR.
#
# This is no identity: a table of $2^n$ numbers can need $2^n$ interactions. The proof ({cite}`ren2024where`) has three
# conditions; the one on derivatives cannot be read from outputs, the other two can. Let $u(m)$ be the mean of
# $v(x_T) - v(x_\emptyset)$ over all coalitions of $m$ players. It must not fall as $m$ grows, and there must be a power
# $p$, as small as can be, with $u(m') \ge (m'/m)^p \, u(m)$ for all $m' \le m$.

# %%
smooth = {label: theory.smoothness(v) for label, v in values.items()}

# %% mystnb={"figure": {"caption": "The conditions of App. G. Mean output over all coalitions of the same size, less that of the empty one, in output ranges: a line for each sample, the mean over samples in black. Where lines never fall, the first condition is met; a line below zero meets neither.", "name": "fig-a2-smooth"}} tags=["hide-input"]
figures.mean_by_size(
    {
        label: theory.mean_by_size(v) / metrics.output_range(v)
        for label, v in values.items()
    }
)

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Samples",
        "Mean output never falls",
        "There is a power $p$",
        "Median of $p$",
    ],
    [
        [
            label,
            found.sizes["sample"],
            f"{found['monotone'].mean().item():.0%}",
            f"{found['power'].notnull().mean().item():.0%}",
            f"{found['power'].median().item():.1f}",
        ]
        for label, found in smooth.items()
    ],
)

# %% [markdown]
# How much of the sparsity is in the sizes alone? The outputs of a sample are dealt anew among the coalitions of the same
# size: $u(m)$, $v(x_\emptyset)$ and $v(x_N)$, and with them $\kappa$, stay as they were, but who is visible no longer
# matters. If few interactions sufficed for any table of that kind, the lemma would say nothing about networks.

# %%
dealt = {}
for label in chosen:
    first = values[label].isel(sample=slice(dealt_samples))
    anew = theory.dealt_anew(first, seed).expand_dims(layer=["output"])
    dealt[label] = theory.sparsity_of(
        study.found[label].isel(sample=slice(dealt_samples)),
        lk.interactions(
            anew.to_dataset(name="values"),
            kappa_ratio=kappa_ratio,
            gap=dealt_gap,
            caches=CACHES,
        ),
        tau_ratio,
    )

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Salient interactions",
        "after dealing",
        "Sum of strengths (log-odds)",
        "after dealing",
    ],
    [
        [
            label,
            *(
                f"{found[name].mean().item():.1f}"
                for name in ("count", "dealt_count", "strength", "dealt_strength")
            ),
        ]
        for label, found in dealt.items()
    ],
)

# %% [markdown]
# ## The metrics (App. H)
#
# Every metric with its formula, what it says, and the function that computes it. The last two columns are read from the
# functions themselves; $I$ stands for AND or OR interactions, each by itself.

# %% tags=["hide-input"]
table(
    ["Metric", "Formula", "What it is", "Computed by", "In App. H"],
    [
        [
            Markdown(f"${metric.symbol}$"),
            Markdown(f"${metric.formula}$"),
            metric.meaning,
            Markdown(f"`{metric.name}`"),
            "yes" if metric.in_table else None,
        ]
        for metric in formulas.METRICS
    ],
)

# %% [markdown]
# Those of Fig. 3 and 4 are computed a second time here, interaction by interaction as the formulas say, on all layers,
# samples and orders. Largest difference of the two ways, in output ranges; beside it the difference from the next
# sample's, to show what an error would look like.

# %%
by_layer = open_study(
    profile,
    [study.games[label].attrs["name"] for label in chosen],
    **choices,
)
rows = []
for label, salient in by_layer.salient.items():
    for kind in ("and", "or"):
        library, formula = formulas.metrics_by_formula(salient.sel(kind=kind))
        rows.append([label, kind.upper()])
        for other in (0, 1):
            differences = [
                abs(library[name] - formula[name].roll(sample=other)).max().item()
                for name in library
            ]
            rows[-1] += [f"{difference:.0e}" for difference in differences]

# %% tags=["hide-input"]
table(
    ["Network", "Kind", *library, *(f"*{name}, next sample*" for name in library)], rows
)

# %% [markdown]
# ## What we found

# %% tags=["hide-input"]
verdicts = [
    judge(theory.OR_IS_AND, swapped, seed=seed),
    *(
        judge(
            theory.ADDS_UP,
            {label: found[split] for label, found in decomposed.items()},
            f"{split} split",
            seed,
        )
        for split in ("found", "random")
    ),
    judge(theory.SMOOTH, smooth, seed=seed),
    judge(theory.MORE_THAN_SIZES, dealt, seed=seed),
]
show(verdicts)

# %% [markdown]
# An identity that holds to rounding says that the code is right, not that networks are simple. Whether a *small* set
# suffices is a question to networks; how small it is, and what it leaves unexplained, is in the chapter on
# [sparsity](01_sparsity.ipynb).
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, study.worst_gap)
