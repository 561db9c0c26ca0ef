# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Appendix B: What do interactions say that attributions do not?
#
# **The claims.** The paper compares interactions with two methods that give one number for each input variable, the
# Shapley value and Integrated Gradients ({cite}`cheng2024layerwise`, App. B, Fig. 6), from three perspectives:
#
# 1. "our method can provide a more precise explanation than attribution methods";
# 2. the Shapley value "can be rewritten as a re-allocation of AND-OR interactions",
#    $\phi(i) = \sum_{S \ni i} \frac{1}{\lvert S \rvert} (I_\text{and}(S) + I_\text{or}(S))$;
# 3. where features have no receptive field, as in an MLP, "we can only use interactions": those "used for computing a
#    high-layer feature can also be aligned with interactions for computing a low-layer feature".
#
# **What this chapter does.** It explains the same inputs in all three ways, side by side, for a convolutional network and
# a transformer, with the same players, the same baseline and the same output $v$, the log-odds. Then it puts numbers to
# the three perspectives. Integrated Gradients need the network itself; they were computed once, and are shipped.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter a1_attribution -p shown 4`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # with attributions; empty for a CNN and a transformer
samples: int = 0  # the first so many of each game; 0 for all, from 0 to 100000
shown: int = 2  # samples of each network that are drawn, from 1 to 6
interactions_shown: int = 3  # for each of them, from 1 to 4
low_layer: str = "linear2"  # of MLP-7, where those of the high layer are looked for
high_layer: str = "linear5"  # of MLP-7, whose interactions are looked for
shapiq_samples: int = 3  # of each game, that shapiq explains too, from 1 to 1000
tau_ratio: float = 0.05  # an interaction is salient above this share of the largest strength, from 0 to 1
kappa_ratio: float = 0.04  # noise allowed in each output, as a share of |v(x_N) - v(x_empty)|, at least 0 and below 1
gap: float = 0.005  # certified distance of the extraction from the sparsest one, relative, from 1e-9 to 0.5
seed: int = 0  # of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import time

import numpy as np
import shapiq
import xarray as xr
from IPython.display import Markdown

import lkutils as lk
from lkutils import metrics, uncertainty
from lkutils.attribution import rank_correlation, shapley_by_definition
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims import attribution as claims
from lkutils.claims.verdicts import judge
from lkutils.figures import attribution as figures
from lkutils.figures import extraction as figures_extraction
from lkutils.figures.attribution import ExplainedImage, ExplainedSentence
from lkutils.paper import pictures
from lkutils.paper.attribution import explained_games, open_attributions
from lkutils.paper.shipped import CACHES, label_of, open_study

# %%
started = time.perf_counter()
check_given("a1_attribution", globals())
choices = {"tau_ratio": tau_ratio, "kappa_ratio": kappa_ratio, "gap": gap}
explained = [
    open_attributions(name, samples) for name in games or explained_games(profile)
]
explained = {label_of(one.game): one for one in explained}
found = {
    label: lk.interactions(one.game, kappa_ratio=kappa_ratio, gap=gap, caches=CACHES)
    for label, one in explained.items()
}
values = {
    label: one.game["values"].isel(layer=0, drop=True).astype(float)
    for label, one in explained.items()
}
interactions = {
    label: part["interactions"].isel(layer=0, drop=True)
    for label, part in found.items()
}

# %% [markdown]
# ## The three methods
#
# *Interactions* are the sparsest ones of the network's output, as in all chapters. *Shapley values* are computed from
# the table of all $2^n$ outputs, by their definition: what a player adds to the output, on average over all orders in
# which players can become visible. *Integrated Gradients* follow a straight line from a baseline to the input and add up
# the gradient; what falls on the variables of one player (the pixels of a patch, the embedding of a word) is summed.
#
# The line can begin in two places. If only the players are at their baseline $b_i$, it joins $x_\emptyset$ and $x_N$, and
# the sums explain exactly what Shapley values explain, $v(x_N) - v(x_\emptyset)$. If the background is at its baseline
# too, as is usual, part of the sum falls on the background. We have both, and compare the first.

# %%
integrated = {
    label: one.attributions["integrated"].sel(path="players", drop=True)
    for label, one in explained.items()
}
shapley = {
    label: integrated[label].copy(data=shapley_by_definition(v.values))
    for label, v in values.items()
}
methods = {
    label: {
        "Shapley values": shapley[label],
        "Integrated Gradients": integrated[label],
    }
    for label in explained
}

# %% [markdown]
# Completeness: the sums over all players and the background should be the difference of the outputs at the two ends.
# The integral is a sum of finitely many gradients, so it is not exact.

# %% tags=["hide-input"]
rows = []
for label, one in explained.items():
    part = one.attributions
    change = part["end"] - part["start"]
    error = abs(part["integrated"].sum("player") + part["background"] - change)
    share = uncertainty.with_interval(
        uncertainty.resampled_means(
            claims.background_share(part.sel(path="everything")), seed=seed
        )
    )
    low, middle, high = (100 * share).values
    everything = (
        part["background"].sel(path="everything").mean()
        / change.sel(path="everything").mean()
    )
    rows.append(
        [
            label,
            part.attrs["steps"],
            *(
                f"{(error.sel(path=path).mean() / abs(change.sel(path=path)).mean()).item():.2%}"
                for path in part["path"].values
            ),
            f"{everything.item():.0%}",
            f"{middle:.0f} % [{low:.0f}, {high:.0f}]",
            f"{part.attrs['difference_from_game']:.1g}",
            "own" if "values" in part else "the game's",
        ]
    )
table(
    [
        "Network",
        "Steps",
        "Error, players from $b$",
        "Error, everything from $b$",
        "Background's share of the change",
        "of all sizes",
        "Difference from game",
        "Outputs",
    ],
    rows,
)

# %% [markdown]
# Errors are means over samples, over the mean change $\lvert v(x) - v(\text{start}) \rvert$. The background's shares are
# those of the line on which everything begins at $b$: of the whole change, where parts of opposite sign cancel, and of
# the sum of all sizes, $\lvert$background$\rvert + \sum_i \lvert$player $i\rvert$, with its 95 % interval. *Difference
# from game* is the largest difference of the network's log-odds from the shipped game, in output ranges. A network that
# was trained again differs a little; then its own outputs are the table from which interactions and Shapley values are
# computed here.
#
# ## Side by side (Fig. 6)
#
# Red speaks for the label, blue against it. Attributions colour each player; an interaction is a *set* of players, with
# one number.


# %%
def sample_of(label: object, sample: int) -> dict:
    """What explains one sample, by all methods."""
    by_method = {
        name: part.sel(sample=sample).values for name, part in methods[label].items()
    }
    strongest = figures.strongest(
        interactions[label].sel(sample=sample), interactions_shown
    )
    return {"attributions": by_method, "interactions": strongest}


def title_of(label: object, sample: int) -> str:
    game = explained[label].game
    name = pictures.class_name(game, game["label"].sel(sample=sample).item())
    return f"{label.network}\n{label.dataset}, {name}"


images, sentences = [], []
for label, one in explained.items():
    for sample in one.game["sample"].values[:shown].tolist():
        parts, game = sample_of(label, sample), one.game
        if "y" in game["players"].dims:
            parts["interactions"] = [
                (S, figures.written((kind, S, effect)))
                for kind, S, effect in parts["interactions"]
            ]
            players = game["players"].sel(sample=sample).values
            image = pictures.image_of(game, sample)
            images.append(
                ExplainedImage(title_of(label, sample), players, **parts, image=image)
            )
        else:
            n = shapley[label].sizes["player"]
            words = pictures.words_of(game, sample) or [f"word {k}" for k in range(n)]
            text = pictures.sentence_of(game, sample) or f"sample {sample}"
            title = title_of(label, sample).replace("\n", ", ")
            sentences.append(ExplainedSentence(f"{title}: {text}", words, **parts))

# %% mystnb={"figure": {"caption": "Reproduces Fig. 6 of the paper on image patches. Each row is an image with its players, the Shapley value and the Integrated Gradients of each patch (red for the label, blue against it, one scale in each row), and the strongest interactions with their effects in log-odds. Where the data set is not at hand, the patches alone are drawn. Attributions say which patches matter; interactions say together with which others.", "name": "fig-6-images"}} tags=["hide-input"]
figures.explained_images(images)

# %% mystnb={"figure": {"caption": "The same for sentences: Shapley value and Integrated Gradients of each word, and the strongest interactions (& for AND, | for OR), in log-odds of the label. See whether a word's bar is due to the word alone or to sets it belongs to.", "name": "fig-6-words"}} tags=["hide-input"]
figures.explained_sentences(sentences)

# %% [markdown]
# ## Do the two attributions agree?
#
# Rank correlation (Spearman) of the two over the players of each sample: 1 for the same order, 0 for none. Beside it how
# often both name the same player as the strongest, and the correlation with interactions of order 1 alone, which are what
# a player does without any other.

# %%
correlation = {
    label: xr.Dataset(
        {
            "correlation": rank_correlation(shapley[label], integrated[label]),
            "same_first": (
                abs(shapley[label]).argmax("player")
                == abs(integrated[label]).argmax("player")
            ).astype(float),
            "order_one": rank_correlation(
                shapley[label],
                shapley[label].copy(
                    data=interactions[label]
                    .sum("kind")
                    .transpose("sample", "coalition")
                    .values[:, 1 << np.arange(shapley[label].sizes["player"])]
                ),
            ),
        }
    )
    for label in explained
}

# %% mystnb={"figure": {"caption": "Shapley value and Integrated Gradients of every player of every sample, in log-odds. Dotted: equal. Both sum to the same difference of outputs in each sample.", "name": "fig-6-agreement"}} tags=["hide-input"]
figures.agreement(
    {label: (shapley[label], integrated[label]) for label in explained},
    ("Shapley value", "Integrated Gradients"),
)

# %% tags=["hide-input"]
rows = []
for label, part in correlation.items():
    means = uncertainty.resampled_means(part, seed=seed).map(uncertainty.with_interval)
    rows.append([label])
    for name in ("correlation", "same_first", "order_one"):
        low, middle, high = means[name].values
        rows[-1].append(f"{middle:.2f} [{low:.2f}, {high:.2f}]")
table(
    [
        "Network",
        "Rank correlation",
        "Same strongest player",
        "Rank correlation, Shapley value and order 1",
    ],
    rows,
)

# %% [markdown]
# ## Who explains more? (first perspective)
#
# "More precise" can be measured: an explanation should say what the network answers when some of the players are masked.
# An attribution has only one thing to say, that the output of $T$ is $v(x_\emptyset)$ and the sum of the numbers of the
# players in $T$; interactions say it by Eq. (4). Here is how far each is from all $2^n$ outputs. Salient interactions are
# more numbers than there are players. So there is a fair match as well, with *as many interactions as players*, and as a
# reference the *best sum*, the closest that any numbers of the players and a constant can come.

# %%
precision = {
    label: claims.matching_errors(
        values[label], interactions[label], methods[label], tau_ratio
    )
    for label in explained
}
compared = [
    "salient interactions",
    "n interactions",
    "best sum",
    "Shapley values",
    "Integrated Gradients",
]

# %% mystnb={"figure": {"caption": "Error of matching all $2^n$ masked outputs, in output ranges (root mean square, mean over samples with 95 % interval; logarithmic axis). Further left is better. The upper two rows are interactions, the lower three give one number to each player.", "name": "fig-6-precision"}} tags=["hide-input"]
figures_extraction.by_setting(
    {
        f"{label.network}\n{label.dataset}": {
            "error": uncertainty.with_interval(
                uncertainty.resampled_means(
                    part[compared].to_array("setting"), seed=seed
                )
            )
        }
        for label, part in precision.items()
    },
    "error (output ranges)",
)

# %% tags=["hide-input"]
table(
    ["Network", "$n$", "Salient interactions", *compared],
    [
        [
            label,
            shapley[label].sizes["player"],
            f"{part['n_salient'].mean().item():.1f}",
            *(f"{part[name].mean().item():.3f}" for name in compared),
        ]
        for label, part in precision.items()
    ],
)

# %% [markdown]
# ## Shapley values from interactions (second perspective)
#
# The identity holds for any table of outputs. It is checked on the outputs of all games: on the right the definition,
# straight from $v$ and from $v - \delta$, which is what the extracted interactions explain; on the left the sums of
# $I(S) / \lvert S \rvert$, for the AND interactions of $v$ and for the extracted AND and OR interactions. `shapiq`, which
# shares no code with us, computes the same from $v$. Largest differences over samples and players, in output ranges;
# beside them what mistakes would give.


# %%
def by_shapiq(v: np.ndarray) -> np.ndarray:
    """The Shapley values of one table of outputs, by shapiq."""
    n = len(v).bit_length() - 1
    exact = shapiq.ExactComputer(
        game=lambda T: v[np.asarray(T).astype(int) @ (1 << np.arange(n))], n_players=n
    )
    sv = exact("SV")
    return np.array([sv[(i,)] for i in range(n)])


study = open_study(profile, games, layers=["output"], samples=samples, **choices)
identity, of_shapiq = {}, {}
for label, game in study.games.items():
    v = game["values"].sel(layer="output", drop=True).astype(float)
    extracted = study.interactions[label].isel(layer=0, drop=True)
    identity[label] = claims.identity_errors(v, extracted)
    scale = metrics.output_range(v).item()
    of_shapiq[label] = max(
        abs(by_shapiq(one) - shapley_by_definition(one)).max() / scale
        for one in v.values[:shapiq_samples]
    )

# %% tags=["hide-input"]
names = {
    "extracted": "**AND-OR, extracted**",
    "harsanyi": "**AND alone**",
    "efficiency": "Efficiency",
}
mistakes = {
    "shared by all n": "*shared by all $n$*",
    "OR subtracted": "*OR subtracted*",
    "players counted backwards": "*players backwards*",
}
table(
    ["Network", *names.values(), "shapiq", *mistakes.values(), "Noise $\\delta$"],
    [
        [
            label,
            *(f"{errors[name].max().item():.0e}" for name in names),
            f"{of_shapiq[label]:.0e}",
            *(f"{errors[name].max().item():.0e}" for name in mistakes),
            f"{errors['noise'].max().item():.3f}",
        ]
        for label, errors in identity.items()
    ],
)

# %% [markdown]
# *Efficiency*: Shapley values sum to $v(x_N) - v(x_\emptyset)$. The last column is no error but what the noise $\delta$,
# which the extraction takes off, changes in a Shapley value at most.
#
# ## A layer without receptive fields (third perspective)
#
# In an MLP every neuron sees the whole image, so an attribution to a neuron of a hidden layer has no place on it. The
# probe of the layer has interactions between patches all the same. Below, the strongest interactions of a high layer of
# MLP-7, with the effects that the same sets have in a low one.

# %%
mlp = "mnist/mlp7" if profile == "paper" else "digits/mlp7"
of_mlp = open_study(profile, [mlp], samples=samples, **choices)
((mlp_label, salient),) = of_mlp.salient.items()
salient = salient.sel(layer=[low_layer, high_layer])
aligned = {mlp_label: claims.alignment(salient, low_layer, high_layer)}

# %% mystnb={"figure": {"caption": "MLP-7 at an intermediate layer (third perspective of App. B). Left the Shapley values of its probe, then the strongest interactions of the high layer; above each its effect there and, on the line below, that of the same set in the low layer (both normalised by the layer's output range; 0 where not salient).", "name": "fig-6-layer"}} tags=["hide-input"]
game = of_mlp.games[mlp_label]
images = []
for sample in game["sample"].values[:shown].tolist():
    of_sample = salient.sel(sample=sample)
    v = game["values"].sel(layer=high_layer, sample=sample).values.astype(float)
    chosen = figures.strongest(of_sample.sel(layer=high_layer), interactions_shown)
    low = of_sample.sel(layer=low_layer)
    drawn = [
        (
            S,
            f"{figures.KIND_NAMES[kind]}, order {S.bit_count()}\n{effect:+.2f}\n"
            f"low: {low.sel(kind=kind, coalition=S).item():+.2f}",
        )
        for kind, S, effect in chosen
    ]
    label = game["label"].sel(sample=sample).item()
    images.append(
        ExplainedImage(
            f"MLP-7, {high_layer}\n{mlp_label.dataset}, {label}",
            game["players"].sel(sample=sample).values,
            {"Shapley": shapley_by_definition(v)},
            drawn,
            pictures.image_of(game, sample),
        )
    )
figures.explained_images(images)

# %% tags=["hide-input"]
means = uncertainty.resampled_means(aligned[mlp_label], seed=seed)
shares = {
    name: uncertainty.with_interval(means[name]).values
    for name in ("shared", "other_sample")
}
Markdown(
    f"Of the strength of salient interactions of {high_layer}, {low_layer} has "
    f"**{shares['shared'][1]:.0%}** [{shares['shared'][0]:.0%}, {shares['shared'][2]:.0%}] as well; on another image, "
    f"whose patches are others, {shares['other_sample'][1]:.0%}."
)

# %% [markdown]
# ## What we found
#
# Rules and limits were written before the numbers were seen, but for the identity.

# %% tags=["hide-input"]
verdicts = [
    judge(claims.SHAPLEY, identity, seed=seed),
    judge(claims.MORE_PRECISE, precision, seed=seed),
    judge(claims.ALIGNED, aligned, seed=seed),
    judge(claims.RANKED_ALIKE, correlation, seed=seed),
]
show(verdicts)

# %% [markdown]
# That interactions match better than a sum of single players is to be expected where players act together; the fair match
# shows whether it is due to the sets or to having more numbers. It does not say that people understand sets better, which
# is a question that no table of outputs answers.
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started, max(float(part["gap"].max()) for part in found.values()))
