# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Beyond the paper: how sparse is the sparsest?
#
# **The claim.** The paper counts "sparsest AND-OR interactions" ({cite}`cheng2024layerwise`, Sec. 3.1): $\gamma_T$ and
# $\delta_T$ are "learned by minimizing" the sum of all strengths (Sec. 3.2.2). It does not say how well that
# minimisation succeeds. The code of the same laboratory for earlier papers does it by subgradient descent with a fixed
# number of steps.
#
# **What this chapter does.** The minimisation is a linear programme, so its optimum can be certified. The chapter shows
# why, on a game small enough to read; compares optimum and descent on games whose interactions are known and on the
# outputs of networks; and asks what that means for the paper's numbers.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed. Where a parameter is empty or 0, the profile has its own value, which is given first
# for the profile "paper" (10000 steps at the rates 1e-6, 1e-5, 3e-5 and 1e-4; 1e-5 and 10000 are the laboratory's). To
# run the chapter with others, give them on the command line, for example
# `python -m lkutils chapter b1_extraction -p players "[12]"`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch, and short descents
games: list[str] = []  # such as [mnist/mlp7]; empty: one of each data set, smoke: all
players: list[int] = []  # of planted games, from 6 to 12; empty: 8, 10, under smoke 6
planted: int = 0  # games for each number of players, from 0 to 1000; 0: 10, smoke: 3
learning_rates: list[float] = []  # of the descent, above 0; empty: 1e-6 to 1e-4, four
iterations: list[int] = []  # of the descent, at least 1; empty: 10000, under smoke 100
sgd_samples: int = 0  # of each game for the descent, from 0 to 1000; 0: 10, smoke: 3
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the planted games and of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import json
import time

import numpy as np
from IPython.display import Markdown

from lkutils import metrics
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import extraction
from lkutils.claims.sparsity import PAPER_SALIENT
from lkutils.claims.verdicts import judge
from lkutils.extraction import extract_interactions
from lkutils.figures import extraction as figures
from lkutils.figures.extraction import interval
from lkutils.paper import paths, procedures
from lkutils.paper.planted import planted_games
from lkutils.paper.procedures import BEST
from lkutils.paper.shipped import open_study

# %%
started = time.perf_counter()
check_given("b1_extraction", globals())
own = procedures.PROFILES[profile]
players = players or own["players"]
planted = planted or own["planted"]
learning_rates = learning_rates or own["learning_rates"]
iterations = iterations or own["iterations"]
sgd_samples = sgd_samples or own["sgd_samples"]

# %% [markdown]
# ## A linear programme
#
# Choosing $\gamma_T$ for all coalitions $T$ is the same as choosing all interactions, as long as they add up to the
# output (Eq. 3). So the task of Sec. 3.2.2 reads
#
# $$
# \min \sum_{S \ne \emptyset} |I_\text{and}(S)| + |I_\text{or}(S)|
# \quad\text{such that}
# $$
#
# $$
# v(x_T) = \sum_{S \subseteq T} I_\text{and}(S) + \sum_{S \cap T \ne \emptyset} I_\text{or}(S) + \delta_T,
# \quad |\delta_T| \le \kappa .
# $$
#
# Constraints are linear, and absolute values become linear by splitting each number into a positive and a negative
# part. A linear programme has no local optima, and it comes with a *dual* that bounds it from below. Take any numbers
# $y_T$ that sum to zero, with $|\sum_{T \supseteq S} y_T| \le 1$ and $|\sum_{T \cap S \ne \emptyset} y_T| \le 1$ for
# all $S \ne \emptyset$. Multiply the constraint of $T$ by $y_T$ and add them all up; each interaction is then
# multiplied by at most one:
#
# $$
# \sum_T y_T\, v(x_T) \;\le\; \sum_{S \ne \emptyset} |I_\text{and}(S)| + |I_\text{or}(S)| + \kappa \sum_T |y_T| .
# $$
#
# So $\sum_T y_T v(x_T) - \kappa \sum_T |y_T|$ is a lower bound for *every* decomposition, whoever found it. The *gap*
# is what a decomposition has above the bound, as a share. Duality says that the best $y$ closes it.
#
# ## A game of three players
#
# Players 1 and 2 have an OR of 3, players 0 and 1 together an AND that takes away 2, and the value of $\{0, 2\}$ is off
# by 0.03. What does the extraction make of it? The best $y$ is found by another solver, straight from the text above.

# %%
T = np.arange(2**3)
v = -2.0 * ((T & 0b011) == 0b011) + 3.0 * ((T & 0b110) != 0)
v[0b101] += 0.03
kappa = kappa_ratio * abs(v[-1] - v[0])
toy = extract_interactions(v, kappa_ratio, gap=1e-9)
y = procedures.dual_prices(v, kappa)
bound = v @ y - kappa * abs(y[1:]).sum()  # no noise at the empty coalition

# %% tags=["hide-input"]
members = ["".join(str(i) for i in range(3) if t >> i & 1) or "none" for t in T]
columns = (v, toy.delta, toy.and_, toy.or_, y)
table(
    ["Players", "$v$", "$\\delta$", "$I_\\text{and}$", "$I_\\text{or}$", "$y$"],
    [
        [name, *(f"{round(float(column[t]), 2) + 0.0:.2f}" for column in columns)]
        for t, name in enumerate(members)
    ],
    align="lrrrrr",
)

# %% tags=["hide-input"]
Markdown(
    f"The strengths sum to **{toy.objective:.4f}**. The bound from $y$ is **{bound:.4f}**: nobody can find a sum below "
    f"it, so the extraction is optimal. Our own certificate is {toy.lower_bound:.4f}, a gap of {toy.gap:.0e}. The "
    f"noise, at most $\\kappa$ = {kappa:.2f} for each value, took up what it could of the interactions: they come out a "
    "little weaker than they were put in. Which of them become weaker is not settled where several decompositions have "
    "the same sum; the sum is."
)

# %% [markdown]
# With twelve players the programme has more than 12,000 unknowns for each sample and layer: `lkutils.extraction` is made
# for that.
#
# ## The laboratory's procedure
#
# No code of this paper is public. That of the papers it builds on starts at $\gamma = \delta = 0$ and follows the
# subgradient of the same sum with momentum 0.9 and a learning rate that falls tenfold, clamps $\delta$, and takes the
# last step's result. Typical are a rate of 1e-5 and 10,000 steps. `extract_sgd` does the same, with fast transforms in
# place of dense matrices.
#
# A subgradient consists of signs, so a step has the same length however large $v$ is: outputs ten times larger need a
# rate ten times larger, large steps jump over zero for ever, and small ones have not arrived when the steps run out. To
# give the procedure its best, every sample also has the rate with the smallest final sum of a grid: the setting *SGD,
# best of grid*. Nobody who runs it with one rate does as well. Descents take minutes; those of the parameters above are
# shipped, others are computed when the chapter runs.
#
# ## Games whose interactions are known
#
# Thirty AND interactions of orders 1 to 6 and ten OR interactions of orders 2 to 6, with normal coefficients (standard
# deviation 1.5), make a game; white noise of 0.02 is added to every value. Which of the interactions does each
# procedure find? All salient ones, with $\tau$ from the largest of each game (footnote 7), are compared with the planted
# ones above the same $\tau$.

# %%
known = {n: planted_games(n, planted, seed=seed) for n in players}
recovered = procedures.decompose_planted(
    known, learning_rates, iterations, tau_ratio, kappa_ratio, gap
)

# %% mystnb={"figure": {"caption": "Planted games: sum of strengths over that of the certified extraction, number of salient interactions, and intersection over union of these with the planted ones, for the certified extraction and for descent. Mean over games with 95 % bootstrap interval, points only with fewer than ten games; the dotted line is the number of planted interactions above $\\tau$.", "name": "fig-b1-planted"}} tags=["hide-input"]
titles = {
    "excess": "sum over the optimum",
    "salient": "salient interactions",
    "iou": "intersection over union",
}
figures.by_setting(
    {
        title: {
            label.network: interval(part[name], seed)
            for label, part in recovered.items()
        }
        for name, title in titles.items()
    },
    marks={
        titles["salient"]: np.mean(
            [part["planted"].mean() for part in recovered.values()]
        )
    },
    mark="planted",
    shares=(titles["iou"],),
)

# %% [markdown]
# A procedure that reaches the optimum is at 1 in the left panel; one that finds the planted interactions and no others
# is on the dotted line in the middle and at 1 on the right. The optimum need not be at 1 on the right: noise and
# $\kappa$ hide weak interactions, and with few players there may be a sparser way to write the same output than the one
# that made it. The same in numbers, with the gap to the lower bound of the exact extraction, is folded below; recall is
# the share of planted interactions among the salient ones.

# %% tags=["hide-input", "hide-output"]
means = {
    (label, setting): part.drop_vars("best").sel(setting=setting).mean("sample")
    for label, part in recovered.items()
    for setting in part["setting"].values
}
table(
    [
        "Games",
        "Setting",
        "Sum of strengths",
        "Gap",
        "Salient",
        "Planted",
        "Recall",
        "IoU",
    ],
    [
        [
            label.network,
            setting,
            f"{mean.objective:.1f}",
            f"{mean['gap']:.1%}",
            f"{mean.salient:.1f}",
            f"{mean.planted:.1f}",
            f"{mean.recall:.2f}",
            f"{mean.iou:.2f}",
        ]
        for (label, setting), mean in means.items()
    ],
)

# %% [markdown]
# ## The networks' outputs
#
# Now the outputs of networks, whose interactions nobody knows. Descent is slow, so it is tried on one network of each
# data set, on the first samples only, and the optimum is shown on the same samples. (So its counts differ a little from
# those of the chapter on sparsity, which has all samples.)

# %%
study = open_study(
    profile,
    games or own["games"],
    layers=["output"],
    tau_ratio=tau_ratio,
    kappa_ratio=kappa_ratio,
    gap=gap,
)
outputs = {
    label: game["values"].sel(layer="output", drop=True).isel(sample=slice(sgd_samples))
    for label, game in study.games.items()
}
exact = {
    label: found.sel(layer="output", drop=True) for label, found in study.found.items()
}
both = procedures.decompose_outputs(
    outputs, exact, learning_rates, iterations, kappa_ratio
)

# %% mystnb={"figure": {"caption": "Sum of strengths over that of the certified extraction, for descent with several learning rates and with the best of them for each sample, on the outputs of networks. Mean over samples with 95 % bootstrap interval, points only with fewer than ten samples; 1 is the optimum up to the certified gap.", "name": "fig-b1-excess"}} tags=["hide-input"]
figures.by_setting(
    {
        str(label): {
            "descent": interval(part["excess"].drop_sel(setting="exact"), seed)
        }
        for label, part in both.items()
    },
    label="sum of strengths / optimum",
)

# %% tags=["hide-input", "hide-output"]
chosen = {
    label: part["best"].to_series().value_counts().to_dict()
    for label, part in both.items()
}
table(
    ["Network", "Best setting: number of samples"],
    [
        [
            label,
            ", ".join(f"{setting}: {count}" for setting, count in by_setting.items()),
        ]
        for label, by_setting in chosen.items()
    ],
)

# %% [markdown]
# ## Fig. 2 by every procedure
#
# Interactions in descending order, as in Fig. 2, on logarithmic axes: descents against the optimum. The dot is where a
# line falls below its own $\tau$, 0.05 of the strongest interaction of all samples (App. M.4). A line that is flatter
# has its output spread over more interactions.

# %% mystnb={"figure": {"caption": "Fig. 2 of the paper by certified extraction and by descent: strength of all interactions of all samples in descending order, one panel per network. Dots mark the number of salient interactions per sample.", "name": "fig-b1-strength"}} tags=["hide-input"]
interactions = {label: part["interactions"] for label, part in both.items()}
figures.strength_by_setting(
    {label: metrics.sorted_strength(part) for label, part in interactions.items()},
    {
        label: metrics.salience_threshold(part, tau_ratio, per_sample=False)
        for label, part in interactions.items()
    },
    list(next(iter(both.values()))["setting"].values),
)

# %% [markdown]
# The number of salient interactions under both definitions of $\tau$, beside the paper's number. If the number were a
# property of the network, all rows of a panel would agree.

# %% mystnb={"figure": {"caption": "Mean number of salient interactions per sample by every procedure, under both definitions of $\\tau$, with 95 % bootstrap interval, points only with fewer than ten samples. Dotted: the number that the paper gives for the data set.", "name": "fig-b1-counts"}} tags=["hide-input"]
counts = metrics.count_salient(interactions, tau_ratio)
figures.by_setting(
    {
        str(label): {
            rule: interval(by_game[label], seed) for rule, by_game in counts.items()
        }
        for label in both
    },
    label="salient interactions",
    marks={
        str(label): PAPER_SALIENT[label.dataset]
        for label in both
        if label.dataset in PAPER_SALIENT
    },
)

# %% [markdown]
# ## Is there only one sparsest decomposition?
#
# The certificate is about the sum of strengths, not about each interaction: several decompositions may have the same
# smallest sum. Our solver ends somewhere among them; the simplex method ends at a vertex, where as many
# interactions as possible are zero. Both are tried on the planted games with fewest players and on
# the networks' outputs with all but eight players always shown, which makes games small enough for simplex.

# %% tags=["hide-input"]
smallest = {f"planted, n = {min(players)}": known[min(players)]["values"]} | {
    str(label): procedures.with_others_present(values, 8)
    for label, values in outputs.items()
}
first = {name: values.isel(sample=slice(3)) for name, values in smallest.items()}
table(
    [
        "Game",
        "Our sum / simplex, largest",
        "Salient, ours",
        "Salient, simplex",
        "IoU",
    ],
    procedures.uniqueness(first, tau_ratio, kappa_ratio, gap),
)

# %% [markdown]
# Where the last column is far from 1, the sparsest decomposition is not unique, and neither is the number of salient
# interactions: Sec. 3.2.2 alone does not define it, however well it is solved.

# %% [markdown]
# ## What the certificate costs
#
# From `make bench`, whose tables are in `benchmarks/results.md`: how far from the optimum each procedure may be after
# so many seconds, and how the cost of the certified extraction grows with the number of players.

# %% tags=["hide-input"]
measured = json.loads(paths.MEASURED.read_text())
facts = ", ".join(f"{what} {value}" for what, value in measured["machine"].items())
Markdown(f"Measured with: {facts}.")

# %% mystnb={"figure": {"caption": "How far above the optimum each procedure is after so many seconds, on outputs of a shipped network: the mean over samples, shaded up to the worst sample.", "name": "fig-b1-time"}} tags=["hide-input"]
figures.gap_over_time(measured["tables"]["Extraction: gap over time"])

# %% mystnb={"figure": {"caption": "Time of the certified extraction for each planted game, and memory for ten of them together (four of 12 players, two of 13 and 14), by number of players.", "name": "fig-b1-cost"}} tags=["hide-input"]
figures.cost_over_players(measured["tables"]["Extraction: cost over players"])

# %% [markdown]
# ## What we found

# %% tags=["hide-input"]
verdicts = [
    judge(
        extraction.RECOVERS,
        {
            label: part.sel(setting=setting)[["iou"]]
            for label, part in recovered.items()
        },
        f"by {setting}",
        seed,
    )
    for setting in ("exact", BEST)
]
verdicts.append(
    judge(
        extraction.DESCENT_IS_SPARSEST,
        {label: part.sel(setting=BEST)[["excess"]] for label, part in both.items()},
        BEST,
        seed,
    )
)
for rule, by_game in counts.items():
    of_samples = {
        label: count.to_dataset(name="count") for label, count in by_game.items()
    }
    verdicts.append(
        judge(extraction.COUNT_IS_SETTLED, of_samples, f"tau: {rule}", seed)
    )
show(verdicts)

# %% [markdown]
# What this says about the paper's 21.8 and 45.6: a number of salient interactions is a number *of a network and of a
# procedure*, and without the learning rate, the number of steps and the rule of $\tau$ it cannot be compared with
# another. The certified optimum needs neither a rate nor a number of steps, and whoever solves the same programme finds
# the same sum of strengths, up to the gap; which interactions carry it can still differ where several decompositions are
# equally sparse. The paper's own networks and settings are not public, so we cannot say which part of a
# difference comes from them.
#
# ## Run facts

# %% tags=["hide-input"]
planted_gap = max(
    float(part["gap"].sel(setting="exact").max()) for part in recovered.values()
)
run_facts(started, max(study.worst_gap, planted_gap))
