# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Appendix L: Is the noise on high orders larger?
#
# **The claim.** High orders are less stable to noise on the input (Sec. 3.3, Fig. 5). Is that because more noise falls on
# their pixels? The paper compares, for every interaction $S$, the noise on the pixels of $S$ with the image there,
# $\|x^S - x^S_\epsilon\|_2 / \|x^S\|_2$, finds that the "median ... values for different orders interactions is
# basically the same", and concludes that "the poor stability of the high order interaction is not due to its noise
# ratio" ({cite}`cheng2024layerwise`, App. L, Fig. 12).
#
# **What this chapter does.** It draws Fig. 12 and says why no other outcome was possible. Then it looks at what App. L
# leaves open: not the noise that falls on the pixels of $S$, but the noise that reaches the interaction $I(S)$.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter a5_noise_ratio -p games "[mnist/mlp7]"`.

# %% tags=["parameters"]
profile: str = "paper"  # the shipped games; "smoke": small ones made from scratch
games: list[str] = []  # of networks on images; empty for all that have noise
seed: int = 0  # of the bootstrap that gives the 95 % intervals, at least 0

# %% tags=["hide-input"]
import time

import numpy as np
import xarray as xr
from IPython.display import Markdown

from lkutils import stability, uncertainty
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.book.verdicts import show
from lkutils.claims.noise_ratio import (
    NOISE_RATIO,
    NOISE_REACHES_ALIKE,
    medians,
    ratios,
)
from lkutils.claims.verdicts import judge
from lkutils.figures import noise_ratio as figures
from lkutils.figures import stability as by_orders
from lkutils.paper.own_pixels import load_norms, ratio_names
from lkutils.paper.shipped import label_of, load_noise_game

# %%
started = time.perf_counter()
check_given("a5_noise_ratio", globals())
names = games or ratio_names(profile)
opened = {name: load_noise_game(name) for name in names}
labels = {name: label_of(game) for name, game in opened.items()}
values = {labels[name]: game["values"].isel(layer=0) for name, game in opened.items()}
norms = {labels[name]: load_norms(name) for name in names}
own = {label: ratios(part["image"], part["noise"]) for label, part in norms.items()}

# %% [markdown]
# ## Fig. 12: noise on the pixels of $S$
#
# The samples, players and draws are those of the chapter on stability: noise with $\sigma = 0.02$ on every pixel, where
# pixels go from 0 to 1. All $2^n - 1$ interactions are in the boxes.

# %% mystnb={"figure": {"caption": "Reproduces Fig. 12 of the paper. Norm of the noise over norm of the image on the pixels of S, by order: all interactions, samples and draws. Boxes hold the middle half, whiskers go from 5 to 95 %, the line is the median. Medians agree; boxes become narrower.", "name": "fig-12-noise-ratio"}} tags=["hide-input"]
figures.boxes(own)

# %% [markdown]
# The medians agree, and they had to. With $m$ players of $p$ numbers each, the noise has $mp$ independent entries of
# variance $\sigma^2$, so its norm is close to $\sigma\sqrt{mp}$. The norm of the image on the same pixels is
# $r\sqrt{mp}$, where $r$ is their root mean square. Numerator and denominator both grow like $\sqrt{m}$, and the ratio is
# $\sigma / r$ in every order, for every network, trained or not: no network is in it. (The paper says that the signal
# grows linearly in $m$; then the ratio would fall.) What does change is the spread: $r$ is a mean over more pixels in high
# orders, so their boxes are narrower.


# %% tags=["hide-input"]
def expected(label: object) -> float:
    image, noise = norms[label]["image"], norms[label]["noise"]
    return float(np.sqrt((noise**2).mean() / (image**2).mean()))


found = {label: medians(part, values[label]) for label, part in own.items()}
table(
    ["Network", "Order 1", "Half of $n$", "Order $n$", r"$\sigma / r$ of all players"],
    [
        [
            label,
            *(
                f"{part['own'].mean('sample').isel(order=k).item():.3f}"
                for k in (0, part.sizes["order"] // 2 - 1, -1)
            ),
            f"{expected(label):.3f}",
        ]
        for label, part in found.items()
    ],
)

# %% [markdown]
# Median ratio of three orders, mean over samples, beside $\sigma / r$ with $r$ from the pixels of all players and samples.
#
# ## Noise that reaches the interaction
#
# An AND interaction is a sum over the $2^m$ subsets of $S$, with signs (Eq. 1). If the noise of every output
# $v(x_T)$ were independent, with variance $s^2$, then the interaction's would have the variance $2^m s^2$: it would grow by
# a factor of $\sqrt{2}$ with every order, while the ratio of App. L stays where it is. Outputs of a network are not
# independent: $x_T$ and $x_{T'}$ share pixels, and what is common to all of them cancels in the signed sum. How much
# cancels can be measured: it is the standard deviation of $I_\text{and}(S)$ over the draws of the noise. Here that is done
# for plain AND interactions, of $v$ itself, where no extraction can add anything of its own, and for all $S$.


# %%
def interval(numbers: xr.DataArray) -> xr.DataArray:
    return uncertainty.with_interval(uncertainty.resampled_means(numbers, seed=seed))


reaching = {
    label: {"measured": interval(part["reaching"])} for label, part in found.items()
}
first = {
    label: part["measured"].sel(order=1, bound="estimate", drop=True)
    for label, part in reaching.items()
}
independent = {
    label: stability.independent_deviation(part).mean("sample")
    for label, part in values.items()
}
references = {
    label: {
        "independent noise": level,
        "as in order 1": level * 0 + first[label],
    }
    for label, level in independent.items()
}

# %% mystnb={"figure": {"caption": "Standard deviation of plain AND interactions over the draws, in log-odds: median over all interactions of an order, mean over samples with 95 % interval. Dotted: independent noise of the same size in every output, s 2^(m/2). Dashed: as much as in order 1, which is what equal medians in Fig. 12 suggest. Logarithmic axis.", "name": "fig-12-reaching"}} tags=["hide-input"]
by_orders.by_order(reaching, "deviation (log-odds)", references)

# %% tags=["hide-input"]
slopes = {}
for label, part in found.items():
    means = uncertainty.resampled_means(part["reaching"], seed=seed)
    slopes[label] = uncertainty.with_interval(stability.slope_on_order(means)).values
table(
    ["Network", r"$s$", "Growth for each order", "95 % interval", "Independent noise"],
    [
        [
            label,
            f"{np.sqrt((stability.deviation_over_draws(values[label]) ** 2).mean()).item():.3f}",
            f"{np.exp(middle):.2f}",
            f"{np.exp(low):.2f} to {np.exp(high):.2f}",
            f"{np.sqrt(2):.2f}",
        ]
        for label, (low, middle, high) in slopes.items()
    ],
)

# %% [markdown]
# $s$ is the standard deviation of an output over the draws, in log-odds. The growth is the factor by which the deviation
# of an interaction changes with every order; 1 would be what Fig. 12 suggests.
#
# ## What we found
#
# Both rules have the same limit, and both were written before any of their numbers was known.

# %% tags=["hide-input"]
verdicts = [
    judge(claim, found, "", seed) for claim in (NOISE_RATIO, NOISE_REACHES_ALIKE)
]
show(verdicts)

# %% tags=["hide-input"]
grown = [label for label, (low, _, _) in slopes.items() if low > 0]
Markdown(
    f"In {len(grown)} of {len(slopes)} networks the noise of an interaction grows with its order, with the whole "
    "interval of its slope. There App. L's conclusion does not follow from Fig. 12: equal noise on the pixels of $S$ "
    "does not mean equal noise in $I(S)$. How much of the poor stability of high orders that explains, and how much is "
    "left among interactions of equal strength, is in the chapter on stability."
)

# %% [markdown]
# ## Run facts
#
# Nothing is extracted in this chapter, so there is no gap.

# %% tags=["hide-input"]
run_facts(started)
