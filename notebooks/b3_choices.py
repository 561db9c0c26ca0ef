# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Beyond the paper: What do the verdicts depend on?
#
# **The claim** that is tested here is our own: that the verdicts of the other chapters say something about networks. The
# paper leaves much open: which of its two thresholds $\tau$ is meant, how much noise $\kappa$ an extraction may leave, for
# how many epochs probes are trained. The other chapters choose one way each. Would another reader, with other choices as
# good as ours, have come to the same verdicts?
#
# **What this chapter does.** It judges the claims of Sec. 3.2 and App. K under *every combination* of such choices, each
# combination a *specification*, and shows all of them ({cite}`simonsohn2020specification` call this a specification
# curve). A verdict that stands in nearly all of them is a finding about networks. One that stands in half of them is a
# finding about choices.

# %% [markdown]
# ## Parameters
#
# Everything that can be changed, with the values of this page. To run the chapter with others, give them on the command
# line, for example `python -m lkutils chapter b3_choices -p games [mnist/mlp7]`.

# %% tags=["parameters"]
profile: str = "paper"  # what was kept of the shipped games; "smoke": of small ones made from scratch
games: list[str] = []  # such as [mnist/mlp7]; empty for all that choices are kept of
resamples: int = 400  # of the bootstrap of each specification, from 100 to 10000
seed: int = 0  # of that bootstrap, at least 0

# %% tags=["hide-input"]
import time

from IPython.display import Markdown, display

from lkutils.book import choices as kept
from lkutils.book.facts import run_facts
from lkutils.book.markdown import table
from lkutils.book.parameters import check_given
from lkutils.claims import choices
from lkutils.claims import standing as standings
from lkutils.figures import choices as figures

# %%
started = time.perf_counter()
check_given("b3_choices", globals())
networks = kept.open_choices(profile, games)

# %% [markdown]
# ## The choices
#
# - **Training and probes.** The network and its probes as shipped; the same network with probes trained eight times as
#   long, or fitted to the optimum of their loss with a penalty chosen on inputs that were held out; another seed of the
#   whole network. Not every network has them all (see the table). *Trained again* is a network with the settings of the
#   shipped one that came out otherwise, because sums in floating point depend on machine and threads: it differs by
#   more than its probes.
# - **Extraction.** The sparsest AND-OR interactions with $\kappa$ of 0, 0.04 or 0.1 of $|v(x_N) - v(x_\emptyset)|$, and
#   AND interactions alone, which need no optimisation (Eq. 1).
# - **Whose $\tau$.** A share of the largest strength of each sample (footnote 7), or of all samples of a layer (App. M.4).
# - **Ratio of $\tau$.** 0.02, 0.05 or 0.1.
# - **Samples.** All that are kept, their first half, or their second half.
#
# What the other chapters choose stands first. Of a game only what the rules read is kept, for its first samples; the
# command that makes it again is `python -m lkutils choices`.

# %% tags=["hide-input"]
table(
    ["Network", "Samples", "Training and probes", "Specifications"],
    [
        [
            label,
            next(iter(found.values())).sizes["sample"],
            "; ".join(found),
            3 * len(found) * next(iter(found.values()))["count"].isel(sample=0).size,
        ]
        for label, found in networks.items()
    ],
)

# %% tags=["hide-input"]
Markdown(kept.left_out(profile, games))

# %% [markdown]
# ## Every claim under every choice
#
# Claims, rules and limits are those of [the page of claims](../claims.md). The interval of each specification is a
# bootstrap over its samples. Where $\tau$ depends on all samples it is not computed again in each resample, so that these
# intervals are a little too narrow.

# %%
everything = [claim for family in choices.FAMILIES.values() for claim in family]
judgements = choices.specifications(everything, networks, resamples, seed)
claims = {
    family: [claim for claim in some if judgements[claim.id]]
    for family, some in choices.FAMILIES.items()
}


# %% tags=["hide-input"]
def curves(family: str) -> object:
    # Claims may share a statistic, which has a panel for each limit.
    found, limits = {}, {}
    for claim in claims[family]:
        for k, test in enumerate(claim.rule.tests):
            words = f"{test.words} ({test.limits})"
            limits[words] = (test.above, test.below)
            found.setdefault(words, {}).update(
                (label, one.isel(test=k).drop_vars("outcome").rename(each="outcome"))
                for label, one in judgements[claim.id].items()
            )
    found = {words: list(networks.values()) for words, networks in found.items()}
    return figures.curves(found, limits)


# %% mystnb={"figure": {"caption": "Statistics of the claims of Sec. 3.2.1 under every specification, in the order of the estimate, all networks together: what a limit (dashed) separates is a verdict. Blue lies on the claimed side with its whole interval, orange on the other.", "name": "fig-b3-sparsity"}} tags=["hide-input"]
curves("sparsity")

# %% mystnb={"figure": {"caption": "As {numref}`fig-b3-sparsity`, for the claims about single layers (Sec. 1 and 3.2.2).", "name": "fig-b3-layers"}} tags=["hide-input"]
curves("layers")

# %% mystnb={"figure": {"caption": "As {numref}`fig-b3-sparsity`, for the claims about how layers keep, forget and gain AND interactions (the paper's Fig. 3).", "name": "fig-b3-and"}} tags=["hide-input"]
curves("AND interactions")

# %% mystnb={"figure": {"caption": "As {numref}`fig-b3-sparsity`, for OR interactions (the paper's Fig. 7). AND interactions alone have no OR part: these specifications say nothing, and are left out.", "name": "fig-b3-or"}} tags=["hide-input"]
curves("OR interactions")

# %% mystnb={"figure": {"caption": "As {numref}`fig-b3-sparsity`, for what App. K says of single networks, AND and OR together.", "name": "fig-b3-readings"}} tags=["hide-input"]
curves("readings of App. K")

# %% [markdown]
# ## Which choice matters?
#
# A claim has one verdict for each network. Here is in how many specifications, in per cent, that verdict is the one which
# the book's own choices give (on the samples kept here), first by each single choice.

# %% tags=["hide-input"]
shown = [claim for some in claims.values() for claim in some]

# %% mystnb={"figure": {"caption": "In how many per cent of the specifications with a choice the verdict on a claim is the book's own, over all networks. A column that is paler than its neighbours is a choice that changes verdicts; the book's own choices are not at 100, because everything else varies with them.", "name": "fig-b3-choices"}} tags=["hide-input"]
figures.stands_by_choice(standings.shares_by_choice(shown, judgements))

# %% tags=["hide-input"]
standing = {
    claim.id: standings.standing(judgements[claim.id].values()) for claim in shown
}
display(
    table(
        [
            "Claim",
            "Specifications",
            "Verdict stands",
            "Reversed",
            *(f"... {words} alone changed" for words in standings.CHOSEN.values()),
        ],
        [
            [
                claim.words,
                f"{found.specifications:,}",
                f"{found.stands:.0%}",
                f"{found.reversed:.0%}",
                *(
                    f"{found.changing[axis]:.0%}" if axis in found.changing else None
                    for axis in standings.CHOSEN
                ),
            ]
            for claim in shown
            for found in [standing[claim.id]]
        ],
    ),
    metadata={
        "standing": {
            name: {"share": found.stands, "specifications": found.specifications}
            for name, found in standing.items()
        }
    },
)

# %% [markdown]
# *Stands*: the outcome (yes, no, unclear, too few) is the same in the same network. *Reversed*: yes became no, or no
# became yes. The last columns change one thing only and leave all others as the book has them.
#
# ## What we found

# %% tags=["hide-input"]
Markdown(standings.findings(shown, standing))

# %% [markdown]
# A specification is not a new experiment: all of them look at the same networks and the same samples, so that shares of
# them are no probabilities. Choices that were not tried are the players, the masked state
# ([Appendices D and E](a6_controls.ipynb)) and the laboratory's own procedure of extraction
# ([extraction](b1_extraction.ipynb)).
#
# ## Run facts

# %% tags=["hide-input"]
run_facts(started)
