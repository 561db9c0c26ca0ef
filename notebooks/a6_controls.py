# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Appendices D and E: What do probes and masked states do by themselves?
#
# **The claims.** Everything in this book is seen through two instruments. Intermediate layers are read by linear
# probes, and "the probing classifiers approach is not without its drawbacks" ({cite}`cheng2024layerwise`, App. D). And
# inputs are masked by a baseline value, where "this current method of masking may introduce substantial bias" (App. E).
# The paper discusses both in words.
#
# **What this chapter does.** It changes one thing at a time in one network, MLP-7, and repeats Fig. 2 and Fig. 3:
#
# - *untrained*: the network has its initial weights; the probes of its layers are trained as usual;
# - *random labels*: the network is trained, but its probes are fitted to the training labels in a random order, from
#   which nothing can be learned;
# - *masked by zero*: a masked patch is black instead of the mean image;
# - *masked by blur*: a masked patch shows the image itself under a strong blur (standard deviation a sixth of its side).
#
# A claim that is seen in the untrained network as well says nothing of what training does. One that is seen with probes
# of random labels says nothing of what layers know. And one that changes with the masked state depends on that choice.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter a6_controls -p layer linear6`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games of MNIST; "smoke": those of small digits, made from scratch
layer: str = "linear4"  # whose interactions are shown in the form of Fig. 2
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
tau_ratio: float = 0.05  # salient above this share of the largest strength of layer and sample, from 0 to 1
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import time

from IPython.display import Markdown

from lkutils import metrics, uncertainty
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.claims import controls, layers, tracking
from lkutils.claims.verdicts import judge_all, matrix
from lkutils.figures import changes as figures
from lkutils.figures import sparsity as figures_sparsity
from lkutils.follow import with_ratios
from lkutils.paper.experiments import CONTROLS
from lkutils.paper.shipped import open_study

# %%
started = time.perf_counter()
check_given("a6_controls", globals())
main = {"paper": "mnist/mlp7", "smoke": "digits/mlp7"}[profile]
study = open_study(
    profile,
    [main, *(f"{main}.{control}" for control in CONTROLS)],
    samples=samples,
    tau_ratio=tau_ratio,
    kappa_ratio=kappa_ratio,
    gap=gap,
)
Markdown(
    f"The largest certified gap over all layers, samples and games is **{study.worst_gap:.2%}**."
)

# %% tags=["hide-input"]
table(
    [
        "Game",
        "Network's accuracy",
        f"Probe of {layer}",
        "Mean $v(x_N)$",
        "Mean $v(x_\\emptyset)$",
    ],
    [
        [
            label.network,
            f"{game.attrs['network_accuracy']:.1%}",
            f"{game['probe_accuracy'].sel(layer=layer).item():.1%}",
            *(
                f"{game['values'].sel(layer=layer, coalition=which).mean().item():.1f}"
                for which in (game.sizes["coalition"] - 1, 0)
            ),
        ]
        for label, game in study.games.items()
    ],
)

# %% [markdown]
# Log-odds are those of the true label, in the probe of one layer: with all players, and with none of them. If the second
# is above zero, the background alone speaks for the label.

# %% [markdown]
# ## Fig. 2 under control
#
# Are interactions sparse because of what was learned?

# %% mystnb={"figure": {"caption": "The form of Fig. 2 for one layer of MLP-7 and its controls: strength of a sample's $k$-th strongest interaction, in units of $\\tau$, the median over samples and the range from the 10th to the 90th percentile. Above the dashed line interactions are salient. Sparse games fall steeply.", "name": "fig-a6-rank"}} tags=["hide-input"]
of_layer = {
    label: found.sel(layer=layer) for label, found in study.interactions.items()
}
strengths = {label: metrics.sorted_strength(found) for label, found in of_layer.items()}
taus = {label: study.tau[label].sel(layer=layer).mean().item() for label in of_layer}
figures_sparsity.strength_by_rank(strengths, taus)

# %% tags=["hide-input"]
counts = {
    label: uncertainty.with_interval(
        uncertainty.resampled_means(
            metrics.salient(found, study.tau[label].sel(layer=layer)).sum(
                ["kind", "coalition"]
            ),
            seed=seed,
        )
    )
    for label, found in of_layer.items()
}
table(
    ["Game", "Samples", "Salient interactions of a sample", "95 % interval"],
    [
        [
            label.network,
            study.games[label].sizes["sample"],
            f"{count.sel(bound='estimate').item():.1f}",
            f"{count.sel(bound='low').item():.1f} to {count.sel(bound='high').item():.1f}",
        ]
        for label, count in counts.items()
    ],
)

# %% [markdown]
# ## Fig. 3 under control
#
# Every game is compared with its own last layer: what the network itself says.

# %%
parts = {label: metrics.track(salient) for label, salient in study.salient.items()}
followed = {label: with_ratios(part, seed) for label, part in parts.items()}

# %% mystnb={"figure": {"caption": "The form of Fig. 3(a) for MLP-7 and its controls. Strength of AND interactions that a layer shares with the output (grey), that the output has forgotten (orange, downwards) and that are new in the output (blue), by order and layer, normalised, mean over samples.", "name": "fig-a6-tracking"}} tags=["hide-input"]
figures.tracking(followed, "and")

# %% mystnb={"figure": {"caption": "The form of Fig. 3(b) for MLP-7 and its controls: completeness and redundancy of AND interactions by layer, a line for each order, with 95 % intervals over samples; orders with less than 1 % of the output's strength are left out.", "name": "fig-a6-ratios"}} tags=["hide-input"]
figures.ratios(followed, "and")

# %% [markdown]
# ## What we found
#
# The claims of Sec. 3.2.2, each by its own rule (they are on [the page of claims](../claims.md)), put to MLP-7 and to its
# controls. Read a row from left to right: the first column is the book's verdict, the others say what it is worth.

# %% tags=["hide-input"]
by_layer = {
    label: layers.layer_statistics(salient) for label, salient in study.salient.items()
}
about_layers = (layers.EARLY_LESS_HIGH_ORDER, layers.LATER_LIKE_OUTPUT)
verdicts = judge_all(about_layers, by_layer, seed=seed)
about_parts = (*tracking.TRACKING_AND, *tracking.TRACKING_OR)
verdicts += judge_all(about_parts, parts, seed=seed)
table(*matrix(verdicts))

# %% tags=["hide-input"]
Markdown(controls.findings(verdicts, *study.games))

# %% [markdown]
# Most rules ask for a direction only, and that is how a control can pass them: where next to nothing is shared with the
# output, a little more in later layers is still a rise. So here is the size, completeness of AND and OR interactions of
# all orders together, in the first and in the last third of the layers, with 95 % intervals.


# %% tags=["hide-input"]
def completeness(label: object, which: str) -> str:
    means = uncertainty.resampled_means(parts[label].sum("kind"), seed=seed)
    low, middle, high = uncertainty.with_interval(
        tracking.completeness_of(means, which)
    ).values
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


table(
    ["Game", "Completeness of low layers", "of high layers"],
    [
        [label.network, completeness(label, "low"), completeness(label, "high")]
        for label in parts
    ],
)

# %% [markdown]
# One network on one data set: this says how the instruments can deceive, not how often they do.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, study.worst_gap)
