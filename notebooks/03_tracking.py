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
orders: list[int] = []  # at least 1; empty: those with 1 % of the output's strength
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
tau_per_sample: bool = True  # the largest strength of each layer and sample (footnote 7), or of all samples (App. M.4)
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import time
from collections import Counter

from IPython.display import Markdown

from lkutils import metrics
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import floor, high_orders, tracking
from lkutils.claims import orders as claimed_orders
from lkutils.claims.judging import OUTCOMES
from lkutils.claims.verdicts import judge, judge_all
from lkutils.figures import changes as figures
from lkutils.figures.style import sentence
from lkutils.follow import with_ratios
from lkutils.paper.again import extracted_again
from lkutils.paper.shipped import open_study

# %%
started = time.perf_counter()
check_given("03_tracking", globals())
study = open_study(
    profile,
    games,
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
# ## From games to parts
#
# As in the chapters before: the sparsest interactions of each layer and sample, divided by the layer's output range
# (footnote 8), and of these the salient ones, above $\tau$ of each layer and sample (footnote 7). The noise $\delta$
# that the extraction took off, up to $\kappa$ for each coalition, is in none of them (Eq. 5).
#
# The three parts of Eq. (7) follow for each sample, layer and order. They add up to the strengths of Eq. (6), as Eq. (8)
# says:

# %%
parts = {label: metrics.track(salient) for label, salient in study.salient.items()}
errors = []
for label, salient in study.salient.items():
    part, strength = parts[label], metrics.strength(salient)
    in_output = strength.isel(layer=-1)
    errors.append(float(abs(part.overlap + part.forget - strength).max()))
    errors.append(float(abs(part.overlap + part.new - in_output).max()))
Markdown(
    f"Largest error of Eq. (8) over all networks, layers, samples and orders: **{max(errors):.0e}** output ranges."
)

# %% [markdown]
# All means are over samples. Their uncertainty is that of a bootstrap: samples drawn anew, with replacement, and
# everything computed from them again.

# %%
followed = {label: with_ratios(part, seed) for label, part in parts.items()}

# %% [markdown]
# How small a difference between layers can mean anything? The output of each network is taken apart twice more: after
# normal noise of 1 % of $|v(x_N) - v(x_\emptyset)|$ was added to every value, a quarter of what $\kappa$ lets the
# extraction take off anyway; and from a random start, which leads to another decomposition of the same values that is
# as sparse up to the gap. Compared with the output as if it were a layer, each ought to have completeness 1 and
# redundancy 0.

# %%
itself = {
    label: floor.against_itself(
        study.interactions[label].isel(layer=-1, drop=True),
        extracted_again(game, kappa_ratio=kappa_ratio, gap=gap, seed=seed),
        tau_ratio,
        tau_per_sample,
    )
    for label, game in study.games.items()
}
floors = {label: with_ratios(part, seed) for label, part in itself.items()}

# %% [markdown]
# ## AND interactions (Fig. 3)
#
# A row for each network, a column for each order, a step for each probed layer. Grey and blue together are always the
# output's strength, the top of each panel; grey and orange together are the layer's own. If the paper is right, grey
# grows at the cost of blue from early on, and orange swells in the middle and shrinks at the end. Panels have their own
# scales, given above and below them; that low orders are stronger is in the scales.

# %% [markdown]
# {numref}`fig-3a-tracking` shows one network of each data set, the one with the highest test accuracy; the others are
# folded away below it, and so in all figures of this page.

# %% tags=["hide-input"]
accuracy = {
    label: game.attrs["network_accuracy"] for label, game in study.games.items()
}
best = {label.dataset: label for label in sorted(accuracy, key=accuracy.get)}
telling = {label: part for label, part in followed.items() if label in best.values()}
others = {label: part for label, part in followed.items() if label not in telling}


def drawn(draw, *given):
    """The others, where there are any."""
    if not others:
        return sentence("All networks are in the figure above.")
    return draw(others, *given)


# %% mystnb={"figure": {"caption": "Reproduces Fig. 3(a) of the paper. Strength of AND interactions that a layer shares with the output (grey), that the output has forgotten (orange, downwards) and that are new in the output (blue), by order and layer, normalised, mean over samples. The number above a panel is the output's strength of that order, the one below it the most that a layer has and the output has forgotten; orders in which no layer has 1 % of the output's strength are left out.", "name": "fig-3a-tracking"}} tags=["hide-input"]
figures.tracking(telling, "and", orders or None)

# %% mystnb={"figure": {"caption": "The other networks: AND interactions that are shared (grey), forgotten (orange) and new (blue), as in {numref}`fig-3a-tracking`.", "name": "fig-3a-others"}} tags=["hide-input", "hide-output"]
drawn(figures.tracking, "and", orders or None)

# %% [markdown]
# The same as ratios to the output's strength of that order, with their uncertainty. Where the output has next to
# nothing of an order, its ratios are large and unsure; such orders are left out. Diamonds on the right are the output
# against itself, after noise and from another start: a layer that is no further from 1 or 0 than they are cannot be
# told from the output.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 3(b) of the paper. Completeness and redundancy of AND interactions by layer, a line for each order, with 95 % bootstrap intervals over samples; orders with less than 1 % of the output's strength are left out. Diamonds: the output against itself after noise of 1 % and from another start. See whether low orders are complete early, and whether redundancy rises before it falls.", "name": "fig-3b-ratios"}} tags=["hide-input"]
figures.ratios(telling, "and", orders or None, floors)

# %% mystnb={"figure": {"caption": "The other networks: completeness and redundancy of AND interactions, as in {numref}`fig-3b-ratios`.", "name": "fig-3b-others"}} tags=["hide-input", "hide-output"]
drawn(figures.ratios, "and", orders or None, floors)

# %% [markdown]
# ## OR interactions (Fig. 7)
#
# The same for OR. There is no OR of order 1: one player alone is counted as AND (App. M.4).

# %% mystnb={"figure": {"caption": "Reproduces Fig. 7(a) of the paper: as {numref}`fig-3a-tracking`, for OR interactions.", "name": "fig-7a-tracking"}} tags=["hide-input"]
orders_of_or = [order for order in orders if order > 1] or None
figures.tracking(telling, "or", orders_of_or)

# %% mystnb={"figure": {"caption": "The other networks: OR interactions that are shared (grey), forgotten (orange) and new (blue), as in {numref}`fig-7a-tracking`.", "name": "fig-7a-others"}} tags=["hide-input", "hide-output"]
drawn(figures.tracking, "or", orders_of_or)

# %% mystnb={"figure": {"caption": "Reproduces Fig. 7(b) of the paper. Completeness and redundancy of OR interactions by layer, a line for each order, with 95 % bootstrap intervals over samples; orders with less than 1 % of the output's strength are left out. Diamonds: the output against itself after noise of 1 % and from another start. See whether low orders are complete early, and whether redundancy rises before it falls.", "name": "fig-7b-ratios"}} tags=["hide-input"]
figures.ratios(telling, "or", orders_of_or, floors)

# %% mystnb={"figure": {"caption": "The other networks: completeness and redundancy of OR interactions, as in {numref}`fig-7b-ratios`.", "name": "fig-7b-others"}} tags=["hide-input", "hide-output"]
drawn(figures.ratios, "or", orders_of_or, floors)

# %% [markdown]
# ## Order by order
#
# The output alone first. There are as many coalitions of $m$ players as of $n - m$, so orders below $n/2$ are compared
# with those above it fairly, each possible interaction counting the same. How many samples go the other way, and is
# there an order $m$ that is weaker than order $n - m$ in most of them?

# %% tags=["hide-input"]
table(
    [
        "Network",
        "Kind",
        "Low orders' share of strength",
        "Samples with stronger high orders",
        "$m$ weaker than $n - m$",
    ],
    claimed_orders.at_the_output(parts),
)

# %% [markdown]
# Redundancy "first rises and then falls": of each order with 1 % of the output's strength, *both* where it rises from
# low to middle layers and falls from there to high ones, each with its whole interval; *contradicted* where one of the
# two goes the other way with its whole interval.

# %% tags=["hide-input"]
changes = {
    (label, kind): claimed_orders.rise_and_fall(part.sel(kind=kind), seed)
    for label, part in parts.items()
    for kind in ("and", "or")
}
Markdown(claimed_orders.tally(changes))

# %% tags=["hide-input", "hide-output"]
table(*claimed_orders.rows_of_orders(changes))

# %% [markdown]
# ## The floor
#
# Claims of Sec. 3.2.2 are about differences between low, middle and high layers, all orders together. The table has
# these differences, and the floor under them: what the output lacks of itself (completeness) or has in excess
# (redundancy), the larger of noise and another start. A difference below its floor is no finding, even where its
# interval lies on one side of 0: samples are many, but each is read with that error.

# %% tags=["hide-input"]
differences = {
    (label, kind): floor.differences(part.sel(kind=kind), itself[label].sel(kind=kind))
    for label, part in parts.items()
    for kind in ("and", "or")
}
Markdown(floor.told(differences))

# %% tags=["hide-input", "hide-output"]
table(*floor.numbers(differences, itself))

# %% [markdown]
# Of the output against itself: completeness and redundancy.

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
to_the_letter = {
    label: tracking.counted_to_the_letter(study.interactions[label], salient)
    for label, salient in study.salient.items()
}

# %% tags=["hide-input"]
header = ["Network", "Missed by Eq. (8) to the letter", "Opposite signs"]
header += ["Completeness of middle layers (AND), as here"]
header += ["$\\tau$ the other way", "mean of ratios"]
rows = []
for label, found in to_the_letter.items():
    ways = tracking.completeness_by_choice(
        study.interactions[label], tau_ratio, tau_per_sample
    )
    rows.append(
        [
            label,
            f"{1 - float(found.counted.sum() / found.strength.sum()):.1%}",
            f"{tracking.opposite_signs(study.salient[label]):.1%}",
            *(f"{way:.2f}" for way in ways.values()),
        ]
    )
table(header, rows)

# %% [markdown]
# ## What we found
#
# First the sentences of Sec. 3.2.2, for AND (Fig. 3) and for OR (Fig. 7). A claim of two halves, such as "first rise and
# then fall", is judged as one.

# %% tags=["hide-input"]
general = [judge(tracking.PARTS_ADD_UP, to_the_letter, seed=seed)]
claims = (
    high_orders.NO_EXTREME_ORDERS,
    *tracking.TRACKING_AND,
    *tracking.TRACKING_OR,
)
general += judge_all(claims, parts, seed=seed)
show(general)

# %% [markdown]
# ## Each network's own way (App. K)
#
# App. K says of "most DNNs" that low and middle layers fit the target interactions "at the cost of encoding lots of
# redundant interactions", which "would be removed in high layers". And it has a reading of single networks: on MNIST
# target interactions are learned quickly; ResNet-20's high layers mainly forget high orders; MLP-7 and VGG-11 on
# CIFAR-10 learn late, but nothing redundant; transformers learn in the middle with much that is redundant. Each reading
# is a list of statements, all of which must be so, on AND and OR interactions together. So is what Sec. 3.3 says of
# ResNet-20: that later layers forget redundant high orders and add nothing.
#
# The paper's transformers are pretrained and then fine-tuned, as MiniLM is, a small BERT that the paper does not have. A
# verdict on a network with a dagger (†) says whether the reading holds for the architecture, trained on SST-2 alone.
# XLNet is only in Sec. 3.3 of the paper; it is put to what App. K says of most networks.

# %% tags=["hide-input"]
readings = (*tracking.READINGS, high_orders.RESNET20_NOTHING_NEW)
each = judge_all(readings, parts, seed=seed)
show(each)

# %% tags=["hide-input"]
tally = Counter(
    outcome for verdict in [*general, *each] for outcome in verdict.outcomes.values()
)
Markdown(
    f"A claim was put to a network {tally.total()} times on this page: "
    + ", ".join(f"*{outcome}* {tally[outcome]} times" for outcome in OUTCOMES)
    + "."
)

# %% [markdown]
# The intervals are over samples of one trained network each; how much another training run would change is not in them.
# With so many intervals of 95 % some are off by chance: of those whose statistic lies exactly at its limit, one in
# twenty.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, study.worst_gap)
