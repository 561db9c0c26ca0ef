"""The claim of Sec. 3.3 that interactions of low order generalise better, and what it is judged by (Fig. 4 and 8).

Low orders are those below n/2 and high orders those above it, of which there are equally many coalitions. Large sets
meet by chance, and sets of low order are larger shares of all that there are. So two numbers are asked for: the IoU as
it is, and how far it is above what chance gives, (IoU - chance) / (1 - chance).
"""

from __future__ import annotations

import xarray as xr

from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.verdicts import Verdict, by_dataset

KINDS = {"and": "AND", "or": "OR"}


def low_minus_high(shared: xr.Dataset) -> xr.Dataset:
    """What the claim needs from each sample: mean over its low orders minus mean over its high orders.

    Args:
        shared: `lkutils.generalization.overlap_of_sets` (..., sample, order) of one kind. Orders in which the sample
            has no IoU are in neither mean.

    Returns:
        ``iou`` and ``corrected`` (..., sample), NaN for samples without an IoU in any low or in any high order.

    Example:
        >>> iou = xr.DataArray([[0.9, 0.7, 0.1, np.nan]], {"order": [1, 2, 3, 4]}, ("sample", "order"))
        >>> low_minus_high(xr.Dataset({"iou": iou, "corrected": iou}))["iou"].round(6).values
        array([0.8])
    """
    numbers, half = shared[["iou", "corrected"]], shared.sizes["order"] / 2
    low, high = (numbers.sel(order=which).mean("order") for which in (shared.order < half, shared.order > half))
    return low - high


def low_orders_shared(kind: str, quotation: str, section: str, figure: str) -> Claim:
    """The claim for one kind of interactions."""
    return Claim(
        id=f"claim-low-orders-shared-{kind}",
        words="Low-order interactions are shared by networks trained for the same task more than high-order ones "
        f"({KINDS[kind]})",
        quotation=quotation,
        section=section,
        figure=figure,
        chapter="04_generalization",
        rule=Rule(
            (
                Expected("IoU of two networks, low minus high orders", lambda means: means.iou, above=0),
                Expected("the same beyond chance, low minus high orders", lambda means: means.corrected, above=0),
            ),
            set_before=True,
        ),
        put_to=("pair of networks", "pairs of networks"),
    )


IOU_AND = low_orders_shared(
    "and",
    "low-order interactions extracted from different DNNs usually exhibited higher IoU values",
    "Sec. 3.3",
    "Fig. 4",
)
IOU_OR = low_orders_shared("or", "Low-order interactions usually exhibited higher IoU values", "App. I.1", "Fig. 8")
IOU = {"and": IOU_AND, "or": IOU_OR}


def finding(verdict: Verdict) -> str:
    """In how many pairs low orders generalise better, and in which they do so in the raw IoU only.

    Args:
        verdict: of `IOU_AND` or `IOU_OR`, on pairs of networks.
    """
    raw_only = [
        label
        for label, (raw, _) in verdict.measured.items()
        if raw.outcome == "yes" and verdict.outcomes[label] != "yes"
    ]
    words = f"**{verdict.title}**: yes in {len(verdict.where('yes'))} of {len(verdict.measured)} pairs."
    if raw_only:
        words += f" It holds, but not beyond chance, in {len(raw_only)}: {by_dataset(raw_only)}."
    return words
