"""The claim of Sec. 3.3 that interactions of low order are more stable to noise, and what it is judged by (Fig. 5, 9).

Low orders are also stronger, and a strong interaction is more stable to the same noise. So two numbers are asked for:
the trend as it is, and the trend among interactions of equal strength.
"""

from __future__ import annotations

import xarray as xr

from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.stability import by_order, slope_on_order, slope_parts_at_equal_strength
from lkutils.uncertainty import FEWEST

KINDS = {"and": "AND", "or": "OR"}


def medians(ratios: xr.DataArray, clean: xr.DataArray) -> xr.Dataset:
    """What the claim needs from each sample: the median stability of each order, and the slope at equal strength.

    Args:
        ratios: `lkutils.stability.stability_ratio` (kind, sample, coalition).
        clean: interactions of the clean input, of the same axes.

    Returns:
        ``median`` (kind, sample, order), NaN for orders that fewer than ten samples have; ``products`` and ``spread``
        (kind, sample) of `lkutils.stability.slope_parts_at_equal_strength`.

    Example:
        >>> clean = xr.DataArray(np.ones((1, 10, 4)), {"kind": ["and"]}, ("kind", "sample", "coalition"))
        >>> found = medians(clean * 3, clean).sel(kind="and")
        >>> found["median"].mean("sample").values, found["spread"].mean().item()
        (array([3., 3.]), 2.0)
    """
    median = by_order(ratios)["median"]
    parts = slope_parts_at_equal_strength(ratios, clean)
    return parts.assign(median=median.where(median.count("sample") >= FEWEST))


def slope_at_equal_strength(means: xr.Dataset) -> xr.DataArray:
    """Change of the logarithm of the stability for each order, where no bin mixes strengths or samples."""
    return means["products"] / means["spread"].where(means["spread"] > 0)


def low_orders_stable(kind: str, quotation: str, section: str, figure: str) -> Claim:
    """The claim for one kind of interactions."""
    return Claim(
        id=f"claim-low-orders-stable-{kind}",
        words=f"Low-order interactions are more stable to small noise than high-order ones ({KINDS[kind]})",
        quotation=quotation,
        section=section,
        figure=figure,
        chapter="05_stability",
        rule=Rule(
            (
                Expected(
                    "slope of the logarithm of the median stability on the order",
                    lambda means: slope_on_order(means["median"]),
                    below=0,
                ),
                Expected(
                    "the same slope among interactions of equal strength",
                    slope_at_equal_strength,
                    below=0,
                ),
            ),
            set_before=True,
        ),
    )


STABLE_AND = low_orders_stable("and", "the relative stability decreased along with the order m", "Sec. 3.3", "Fig. 5")
STABLE_OR = low_orders_stable(
    "or", "The relative stability of OR interactions decreased along with the order m", "App. I.1", "Fig. 9"
)
STABLE = {"and": STABLE_AND, "or": STABLE_OR}
