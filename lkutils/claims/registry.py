"""All claims of the paper that numbers or a proof can contradict, in the paper's order, tested or not (``CLAIMS``).

What goes beyond the paper stands apart (``BEYOND``).

Not listed are definitions, results that the paper cites from others, and what it says about meaning or use. A claim
that no chapter tests yet has its rule all the same, without functions.
"""

from __future__ import annotations

from collections.abc import Mapping

from lkutils.claims import attribution, extraction, noise_ratio, theory
from lkutils.claims.attribution import ALIGNED, MORE_PRECISE, SHAPLEY
from lkutils.claims.claim import Claim
from lkutils.claims.generalization import IOU_AND, IOU_OR
from lkutils.claims.high_orders import EXTREME_ORDERS_LATE, NO_EXTREME_ORDERS, RESNET20_NOTHING_NEW
from lkutils.claims.kappa import KAPPA_ROBUST
from lkutils.claims.layers import ADJACENT_LAYERS, EARLY_LESS_HIGH_ORDER, HIGH_LAYERS_SETTLED, LATER_LIKE_OUTPUT
from lkutils.claims.noise_ratio import NOISE_RATIO
from lkutils.claims.sparsity import FEW_SALIENT, OTHERS_SMALL, SALIENT_COUNT, SMALL_SET_MATCHES, UNIVERSAL_MATCHING
from lkutils.claims.stability import STABLE_AND, STABLE_OR
from lkutils.claims.tabular import TABULAR_AND, TABULAR_OR
from lkutils.claims.theory import OR_IS_AND
from lkutils.claims.tracking import PARTS_ADD_UP, READINGS, TRACKING_AND, TRACKING_OR
from lkutils.claims.verdicts import Verdict, from_data

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
