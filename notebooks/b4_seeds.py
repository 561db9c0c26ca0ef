# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Beyond the paper: Another seed
#
# **The claims** of the paper are about networks such as "MLP-7 on MNIST": an architecture and a data set. Each figure
# shows one network that was trained once. The intervals in our chapters say what *other samples* would have given; they
# say nothing of what *another training* would have given.
#
# **What this chapter does.** It takes networks that were trained several times, from other initial weights and in another
# order of samples, computes two of the book's numbers for each of them on the same samples, and gives both intervals:
# over samples, and over seeds.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter b4_seeds -p seeds 2`.

# %% tags=["parameters"]
profile: str = "paper"  # the games that exist; "smoke": small ones made from scratch
games: list[str] = []  # such as [mnist/mlp7]; empty for all with several seeds
seeds: int = 0  # the first so many of each network, not 1; 0 for all, under smoke two; from 0 to 1000
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap that gives the intervals over samples, at least 0

# %% tags=["hide-input"]
import time

from IPython.display import Markdown

from lkutils import metrics, uncertainty
from lkutils.book.facts import run_facts
from lkutils.book.markdown import escape, table
from lkutils.book.parameters import check_given
from lkutils.claims import layers
from lkutils.figures import generalization as figures_generalization
from lkutils.figures import layers as figures_layers
from lkutils.games import Label
from lkutils.paper.seeds import (
    common_samples,
    games_by_network,
    interval_over_seeds,
    of_all_seeds,
)
from lkutils.paper.shipped import open_study

# %%
started = time.perf_counter()
check_given("b4_seeds", globals())
studies = {
    name: open_study(
        profile,
        names,
        samples=samples,
        tau_ratio=tau_ratio,
        kappa_ratio=kappa_ratio,
        gap=gap,
    )
    for name, names in games_by_network(profile, games, seeds).items()
}

# %% [markdown]
# ## The networks
#
# A network that was trained anew may get a sample wrong that the first one got right. Such samples are left out, so that
# all seeds of a network are compared on the same ones.

# %% tags=["hide-input"]
salient = {next(iter(s.games)): common_samples(s.salient) for s in studies.values()}
table(
    ["Network", "Seeds", "Samples", "Accuracy from each seed"],
    [
        [
            label,
            len(parts),
            next(iter(parts.values())).sizes["sample"],
            ", ".join(
                f"{game.attrs['network_accuracy']:.2%}" for game in study.games.values()
            ),
        ]
        for (label, parts), study in zip(salient.items(), studies.values(), strict=True)
    ],
)

# %% [markdown]
# ## Two intervals for one number
#
# **Over samples**: of the first seed's network, by the bootstrap of the other chapters. **Over seeds**: the mean over
# $s$ seeds and $t_{s-1}$ times its standard error, with Student's $t$, because seeds are few. With two seeds
# $t = 12.7$, with three $4.3$, with ten $2.3$: two seeds give an interval, but hardly ever a narrow one. It assumes that
# the number scatters normally over seeds, which so few of them cannot show.
#
# The mean order of the salient interactions of each layer, weighed by strength, is the number by which
# [an earlier chapter](02_layers.ipynb) judges whether early layers encode simpler interactions.

# %% tags=["hide-input"]
statistics = {
    label: [layers.layer_statistics(part) for part in parts.values()]
    for label, parts in salient.items()
}
orders = {}
for label, parts in statistics.items():
    first, *_ = (uncertainty.resampled_means(part, seed=seed) for part in parts)
    each = [layers.mean_order(part.mean("sample")) for part in parts]
    orders[label] = {
        "over samples": uncertainty.with_interval(layers.mean_order(first)),
        f"over {len(parts)} seeds": interval_over_seeds(of_all_seeds(each)),
    }

# %% mystnb={"figure": {"caption": "Mean order of the salient interactions of each layer: of the first seed's network with its 95 % interval over samples, and the mean over seeds with its 95 % interval over seeds. See which band is wider: where it is that over seeds, another training changes the number more than other samples do.", "name": "fig-seeds-order"}} tags=["hide-input"]
figures_layers.by_depth(
    {
        Label(label.dataset, f"{label.network}, {what}"): number
        for label, numbers in orders.items()
        for what, number in numbers.items()
    },
    "mean order",
)

# %% [markdown]
# The strength of each order in the output (Eq. 6, normalised) is the last line of Fig. 3.

# %% tags=["hide-input"]
strengths = {}
for label, parts in salient.items():
    outputs = [
        metrics.strength(part.isel(layer=-1)).sum("kind") for part in parts.values()
    ]
    first = uncertainty.resampled_means(outputs[0], seed=seed)
    strengths[label] = {
        "over samples": uncertainty.with_interval(first),
        "over seeds": interval_over_seeds(
            of_all_seeds([part.mean("sample") for part in outputs])
        ),
    }

# %% mystnb={"figure": {"caption": "Strength of the salient interactions of each order in the network's output, AND and OR together, normalised: of the first seed's network with its 95 % interval over samples, and the mean over seeds with its 95 % interval over seeds. See whether the bars over seeds are longer; those that leave the panel are longer than it is high.", "name": "fig-seeds-strength"}} tags=["hide-input"]
figures_generalization.lines_by_order(strengths, "strength")

# %% [markdown]
# ## What we found
#
# For each network and number, the share of layers or orders in which the interval over seeds is the wider one. This
# comparison was written down before any of the numbers was known. It is no verdict on a claim of the paper.

# %% tags=["hide-input"]


def wider(numbers: dict, things: str) -> str:
    samples, seeds = (
        number.sel(bound="high", drop=True) - number.sel(bound="low", drop=True)
        for number in numbers.values()
    )
    known = samples.notnull() & seeds.notnull()
    if not known.any():
        return f"0 of 0 {things} (there are too few samples for an interval over them)"
    ratio = (seeds / samples.where(samples > 0)).where(known).median().item()
    count, all_known = ((seeds > samples) & known).sum().item(), known.sum().item()
    return f"{count} of {all_known} {things} (median ratio {ratio:.1f})"


Markdown(
    "\n".join(
        f"- **{escape(label)}**: the interval over seeds is wider than that over samples in {wider(orders[label], 'layers')} for "
        f"the mean order, and in {wider(strengths[label], 'orders')} for the strength in the output."
        for label in orders
    )
)

# %% [markdown]
# Where it is wider, a sentence about the architecture needs more seeds, not more samples. `python -m lkutils game
# --dataset mnist --network mlp7 --seed 3` trains another one, and [the workflow](../scaling.md) as many as its config
# file names.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, max(study.worst_gap for study in studies.values()))
