"""All claims of the paper that numbers or a proof can contradict, in the paper's order, tested or not (``CLAIMS``).

What goes beyond the paper stands apart (``BEYOND``).

Not listed are definitions, results that the paper cites from others, and what it says about meaning or use. A claim
that no chapter tests yet has its rule all the same, written down before its numbers are known; the chapter that tests
it gives the functions.
"""

from __future__ import annotations

from collections.abc import Mapping

from lkutils.claims import attribution, extraction, noise_ratio, theory
from lkutils.claims.attribution import ALIGNED, MORE_PRECISE, SHAPLEY
from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.generalization import IOU_AND, IOU_OR
from lkutils.claims.kappa import KAPPA_ROBUST
from lkutils.claims.layers import ADJACENT_LAYERS, EARLY_LESS_HIGH_ORDER, LATER_LIKE_OUTPUT
from lkutils.claims.noise_ratio import NOISE_RATIO
from lkutils.claims.sparsity import FEW_SALIENT, SALIENT_COUNT, SMALL_SET_MATCHES, UNIVERSAL_MATCHING
from lkutils.claims.stability import STABLE_AND, STABLE_OR
from lkutils.claims.tabular import TABULAR_AND, TABULAR_OR
from lkutils.claims.theory import OR_IS_AND
from lkutils.claims.tracking import PARTS_ADD_UP, READINGS, TRACKING_AND, TRACKING_OR
from lkutils.claims.verdicts import Verdict, from_data
from lkutils.games import Label


def untested(
    name: str,
    words: str,
    quotation: str,
    section: str,
    figure: str,
    tests: tuple[Expected, ...],
    networks: tuple[Label, ...] | None = None,
    seen: str = "",
) -> Claim:
    """A claim that no chapter tests yet; ``seen`` says what was known of its numbers when the rule was written."""
    rule = Rule(tests, set_before=not seen, changed=seen)
    return Claim(f"claim-{name}", words, quotation, section, figure, None, rule, networks)


RESNET20 = (Label("MNIST", "ResNet-20"), Label("CIFAR-10", "ResNet-20"))
FIGURES = "When the rule was written, the figures of chapters 01 to 03 had been seen, which hint at the numbers."


# ---- Sec. 3.2.1 to 3.3 -----------------------------------------------------------------------------------------------

OTHERS_SMALL = untested(
    "others-small",
    "Interactions that are not salient have very small effects",
    "All other interactions exhibited very small effects",
    "Sec. 3.2.1",
    "Fig. 2",
    (Expected("strength of the median interaction over tau", below=0.1),),
    seen=FIGURES,
)
NO_EXTREME_ORDERS = untested(
    "no-extreme-orders",
    "Almost no interactions of the highest four orders are learned",
    "almost no interactions of extremely high orders were learned",
    "Sec. 3.2.2",
    "Fig. 3",
    (Expected("share of the highest four orders in the strength of the output", below=0.01),),
    seen=FIGURES,
)
EXTREME_ORDERS_LATE = untested(
    "extreme-orders-late",
    "Extremely high orders are learned in later layers, but not stably",
    "extremely high-order interactions are learned in later layers, but the learning is unstable",
    "Sec. 3.2.2",
    "Fig. 3(b)",
    (
        Expected("completeness of the highest quarter of orders, high minus middle layers", above=0),
        Expected("stability of the highest quarter of orders over that of all", below=1),
    ),
    seen=FIGURES,
)
RESNET20_NOTHING_NEW = untested(
    "resnet20-nothing-new",
    "ResNet-20: later layers forget redundant high orders and gain nothing new",
    "later layers usually exclusively forgot redundant high-order interactions without encoding new interactions",
    "Sec. 3.3",
    "Fig. 3, 4, 5",
    (
        Expected("share of high orders in what is forgotten after the high layers", above=0.5),
        Expected("strength that is new after the high layers over the output's", below=0.1),
    ),
    RESNET20,
    seen=FIGURES,
)

# ---- Appendices ------------------------------------------------------------------------------------------------------

HIGH_LAYERS_SETTLED = untested(
    "late-layers-settled",
    "MLP-7 and VGG-11 on CIFAR-10: high layers do not change the interactions much",
    "High layers did not change the interactions significantly",
    "App. K",
    "",
    (Expected("similarity of the first and the last high layer", above=0.5),),
    (Label("CIFAR-10", "MLP-7"), Label("CIFAR-10", "VGG-11")),
    seen=FIGURES,
)

# ---- the paper's order -----------------------------------------------------------------------------------------------

CLAIMS: tuple[Claim, ...] = (
    ADJACENT_LAYERS,
    UNIVERSAL_MATCHING,
    SMALL_SET_MATCHES,
    FEW_SALIENT,
    SALIENT_COUNT,
    OTHERS_SMALL,
    EARLY_LESS_HIGH_ORDER,
    LATER_LIKE_OUTPUT,
    PARTS_ADD_UP,
    NO_EXTREME_ORDERS,
    *TRACKING_AND[:4],
    EXTREME_ORDERS_LATE,
    *TRACKING_AND[4:],
    IOU_AND,
    STABLE_AND,
    RESNET20_NOTHING_NEW,
    MORE_PRECISE,
    SHAPLEY,
    ALIGNED,
    OR_IS_AND,
    *TRACKING_OR,
    IOU_OR,
    STABLE_OR,
    *TABULAR_AND,
    *TABULAR_OR,
    KAPPA_ROBUST,
    *READINGS[:4],
    HIGH_LAYERS_SETTLED,
    *READINGS[4:],
    NOISE_RATIO,
)

# What the abstract and the experiments of Sec. 3 are about: the rows of the book's first page.
MAIN: tuple[Claim, ...] = (
    ADJACENT_LAYERS,
    SMALL_SET_MATCHES,
    FEW_SALIENT,
    EARLY_LESS_HIGH_ORDER,
    LATER_LIKE_OUTPUT,
    *(claim for claim in TRACKING_AND if claim.id != "claim-high-orders-incomplete-and"),
    IOU_AND,
    STABLE_AND,
)

BEYOND: tuple[Claim, ...] = (*extraction.BEYOND, *attribution.BEYOND, *theory.BEYOND, *noise_ratio.BEYOND)


def find_claim(name: str) -> Claim:
    """The claim with this id.

    Raises:
        KeyError: there is none.

    Example:
        >>> find_claim("claim-salient-count").place
        'Sec. 3.2.1, Fig. 2'
    """
    return {claim.id: claim for claim in (*CLAIMS, *BEYOND)}[name]


def read_verdict(data: Mapping) -> Verdict:
    """A verdict from what an executed chapter holds of it, `lkutils.claims.verdicts.as_data`.

    Raises:
        KeyError: no claim has its id.
    """
    return from_data(data, find_claim(data["claim"]))
