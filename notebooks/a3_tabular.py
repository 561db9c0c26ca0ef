# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Appendix I.2: Do tables change the picture?
#
# **The claims.** The paper trains MLP-7 on two tables, follows the interactions of their attributes through its layers,
# and finds what it found of images and sentences ({cite}`cheng2024layerwise`, App. I.2, Fig. 10):
#
# 1. "DNNs encode stronger low-order (simple) interactions than high-order (complex) interactions";
# 2. "The early and middle layers usually had already learned most target interactions that were finally used by DNNs.
#    Moreover, extremely high-order interactions are learned in later layers, but the learning is unstable";
# 3. "DNNs quickly learn all target interactions without learning many redundant interactions".
#
# **What this chapter does.** It rebuilds Fig. 10. The text of App. I.2 speaks of AND interactions, the caption of Fig. 10
# of OR, so both are shown, and each sentence is put to both. "Without many redundant interactions" is judged in two
# ways: redundancy compares what a layer will lose with the strength of the *output*, which can be large where the layer
# is weak; so what it will lose is compared with the layer's *own* strength, too. That the learning of extremely high
# orders is unstable is not tested, since there is no noise on tables here.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter a3_tabular -p tau_ratio 0.1`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # such as [census/mlp7]; empty for all tables of the profile
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
orders: list[int] = []  # at least 1; empty: those with 1 % of the output's strength
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
tau_per_sample: bool = True  # the largest strength of each layer and sample (footnote 7), or of all samples (App. M.4)
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import time

from IPython.display import Markdown

import lkutils as lk
from lkutils import metrics
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import tabular
from lkutils.claims.verdicts import judge_all
from lkutils.figures import changes as figures
from lkutils.paper.shipped import game_names, open_study

# %%
started = time.perf_counter()
check_given("a3_tabular", globals())
study = open_study(
    profile,
    games or game_names(profile, tables=True),
    samples=samples,
    tau_ratio=tau_ratio,
    tau_per_sample=tau_per_sample,
    kappa_ratio=kappa_ratio,
    gap=gap,
)
Markdown(
    f"The largest certified gap over all layers, samples and networks is **{study.worst_gap:.2%}**."
)

# %% [markdown]
# ## The tables and their players
#
# The paper says which data sets these are, and no more. Here, each attribute is a player. Numbers are standardised by
# the training rows; a category is one-hot, and its columns are masked together. Rows with a missing value are left out,
# and of the larger class so many that both are equally frequent. Of the census (UCI Adult) the players are twelve of 14
# attributes: without the number of people that a row stands for, and without the degree of education in words, which is
# there as a number. Of the TV-news commercials they are ten features (UCI numbers 1, 2, 4, 6, 8, 10, 12, 14, 16 and
# 4124), of two of the five channels, BBC and NDTV: the others were not at hand. [The page on data](../data.md) has more.
#
# Games are played on test rows that the network classifies correctly:

# %% tags=["hide-input"]
rows = [
    [
        label,
        game.sizes["sample"],
        game.attrs["n_players"],
        f"{game.attrs['network_accuracy']:.1%}",
        ", ".join(
            f"{share:.0%}" for share in game["probe_accuracy"].values[:-1].tolist()
        ),
    ]
    for label, game in study.games.items()
]
table(
    ["Network", "Rows", "Players", "Test accuracy", "Accuracy of the probes by layer"],
    rows,
)

# %% [markdown]
# ### What a masked attribute shows
#
# Of a number it is the mean. The mean of one-hot columns is a person of every occupation at once, whom no network has
# seen, so a masked category shows the most frequent one. This has a price: a row that *has* the most frequent category
# does not change when that is masked, and the attribute is in no interaction of this row. The other choice is a game of
# its own, `census/mlp7.mean`: the same network and rows, but for categories the frequencies in training. It stands beside
# as "masked by means".
#
# The share of rows in which masking an attribute changes no output of any layer:

# %% tags=["hide-input"]
idle = {
    label: tabular.without_effect(game["values"]).mean("sample")
    for label, game in study.games.items()
}
rows = [
    [
        label,
        f"{float(share.sum()):.1f} of {share.size}",
        ", ".join(
            f"{name} {part:.0%}"
            for name, part in zip(
                study.games[label]["player_name"].values,
                share.values.tolist(),
                strict=True,
            )
            if part
        )
        or None,
    ]
    for label, share in idle.items()
]
table(["Network", "Players without effect, mean", "In which share of rows"], rows)

# %% [markdown]
# ### What interactions of a table look like
#
# The strongest interactions of the first row of the first table in the output, and what they are in the layers before,
# in log-odds:

# %% tags=["hide-input"]
first, found = next(iter(study.found.items()))
strongest = lk.top(found, found["sample"].values[0], k=8)
numbers = strongest.columns[3:]
table(
    ["Kind", "Attributes", *numbers],
    [
        [kind.upper(), players, *(f"{effect:+.2f}" for effect in effects)]
        for kind, players, _, *effects in strongest.values.tolist()
    ],
)

# %% [markdown]
# ## From interactions to parts
#
# As in [the chapter on tracking](03_tracking.ipynb): salient interactions, normalised, in three parts (Eq. 6-8), and
# their ratios to the output's strength.

# %%
followed = {
    label: lk.follow(found, tau_ratio=tau_ratio, tau_per_sample=tau_per_sample)
    for label, found in study.found.items()
}
parts = {label: metrics.track(salient) for label, salient in study.salient.items()}

# %% [markdown]
# ## AND interactions (the text of App. I.2)
#
# A row for each table, a column for each order, a step for each probed layer. If the paper is right, grey has most of a
# panel's height from the middle on, and there is little orange.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 10(a) of the paper as its text describes it. Strength of AND interactions that a layer shares with the output (grey), that the output has forgotten (orange, downwards) and that are new in the output (blue), by order and layer, normalised, mean over rows. The number above a panel is the output's strength of that order, the one below it the most that a layer has and the output has forgotten; orders in which no layer has 1 % of the output's strength are left out.", "name": "fig-10a-and"}} tags=["hide-input"]
figures.tracking(followed, "and", orders or None)

# %% mystnb={"figure": {"caption": "Reproduces Fig. 10(b) of the paper as its text describes it. Completeness and redundancy of AND interactions by layer, a line for each order, with 95 % bootstrap intervals over rows; orders with less than 1 % of the output's strength are left out.", "name": "fig-10b-and"}} tags=["hide-input"]
figures.ratios(followed, "and", orders or None)

# %% [markdown]
# ## OR interactions (the caption of Fig. 10)

# %% mystnb={"figure": {"caption": "Reproduces Fig. 10(a) of the paper as its caption describes it: as the figure of AND interactions above, for OR interactions, of which there is none of order 1 (App. M.4).", "name": "fig-10a-or"}} tags=["hide-input"]
orders_of_or = [order for order in orders if order > 1] or None
figures.tracking(followed, "or", orders_of_or)

# %% mystnb={"figure": {"caption": "Reproduces Fig. 10(b) of the paper as its caption describes it. Completeness and redundancy of OR interactions by layer, a line for each order, with 95 % bootstrap intervals over rows; orders with less than 1 % of the output's strength are left out.", "name": "fig-10b-or"}} tags=["hide-input"]
figures.ratios(followed, "or", orders_of_or)

# %% [markdown]
# ## Redundant, measured in two ways
#
# Both ratios have what will be forgotten on top. Redundancy has the output's strength below, the other the layer's own.
# They differ where a layer is stronger or weaker than the output. All orders together, thirds of the probed layers, with
# 95 % intervals:

# %% tags=["hide-input"]
redundant = {label: tabular.redundant(part, seed) for label, part in parts.items()}


def with_bounds(number) -> str:
    """A number with its interval, as a cell of a table."""
    low, estimate, high = number.values.tolist()
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]"


table(
    ["Network", "Kind", "Layers", "Completeness", "Redundancy", "Forgotten share"],
    [
        [
            label,
            kind.upper(),
            layers,
            *map(with_bounds, ratios.sel(kind=kind, layers=layers).values()),
        ]
        for label, ratios in redundant.items()
        for kind in ratios["kind"].values.tolist()
        for layers in ratios["layers"].values.tolist()
    ],
)

# %% [markdown]
# ## What we found
#
# Each sentence, of AND and of OR interactions, with the most frequent category as baseline. "Quickly" asks that the low
# layers, the first third, have more than half of the output's strength; "without many redundant" that in the middle
# layers redundancy and the forgotten share are both below a half.

# %% tags=["hide-input"]
claims = (*tabular.TABULAR_AND, *tabular.TABULAR_OR)
show(judge_all(claims, parts, seed=seed))

# %% [markdown]
# The rules were set before there was a game of a table. The intervals are over rows of one trained network each.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, study.worst_gap)
