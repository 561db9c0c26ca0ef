"""The claim of App. L that noise does not put high orders at a disadvantage, and what it leaves open (Fig. 12)."""

from __future__ import annotations

import numpy as np
import xarray as xr

from lkutils import stability
from lkutils.claims.claim import Claim, Expected, Rule

EQUAL = 1.25  # largest over smallest, below which medians count as the same


def ratios(image: xr.DataArray, noise: xr.DataArray) -> xr.DataArray:
    """Norm of the noise on the pixels of S over that of the image, for every S, sample and draw (App. L).

    Args:
        image: norm on each player (sample, player).
        noise: norm on each player (sample, draw, player).

    Returns:
        The ratio (sample, draw, coalition), without unit; NaN where the image is zero, and for the empty coalition.

    Example:
        >>> image = xr.DataArray([[3.0, 4.0]], dims=("sample", "player"))
        >>> ratios(image, (image * 0.1).expand_dims("draw", 1)).round(2).values
        array([[[nan, 0.1, 0.1, 0.1]]])
    """
    n = image.sizes["player"]

    def of_draw(image: np.ndarray, noise: np.ndarray) -> np.ndarray:
        return stability.noise_ratio(image, noise, np.arange(n), n).values  # a player is as good as one pixel

    return xr.apply_ufunc(
        of_draw,
        image,
        noise,
        input_core_dims=[["player"], ["player"]],
        output_core_dims=[["coalition"]],
        vectorize=True,
    ).assign_coords(coalition=np.arange(2**n))


def medians(own: xr.DataArray, values: xr.DataArray) -> xr.Dataset:
    """What both claims need from each sample.

    Args:
        own: `ratios` (sample, draw, coalition).
        values: v(x_T) in log-odds (sample, draw, coalition), draw 0 clean.

    Returns:
        ``own``, the median over the coalitions of an order of the ratio of own pixels, mean over draws, and
        ``reaching``, the median deviation of plain AND interactions (Eq. 1) over draws, in log-odds (sample, order).

    Example:
        >>> own = xr.DataArray([[[np.nan, 0.1, 0.3, 0.2]]] * 2, dims=("sample", "draw", "coalition"))
        >>> values = xr.DataArray([[[0.0] * 4, [0.0, 1, 1, 1], [0.0] * 4]] * 2, dims=("sample", "draw", "coalition"))
        >>> found = medians(own, values)
        >>> found["own"].values[0], found["reaching"].values[0].round(2)
        (array([0.2, 0.2]), array([0.71, 0.71]))
    """
    plain = stability.harsanyi(values).sel(kind="and", drop=True)
    parts = {
        "own": stability.by_order(own)["median"].mean("draw"),
        "reaching": stability.by_order(stability.deviation_over_draws(plain))["median"],
    }
    return xr.Dataset({name: part.reset_coords(drop=True) for name, part in parts.items()})


def largest_over_smallest(medians: xr.DataArray) -> xr.DataArray:
    """Largest over smallest number of all orders.

    Example:
        >>> largest_over_smallest(xr.DataArray([2.0, 3.0, 4.0], dims="order")).item()
        2.0
    """
    smallest = medians.min("order")
    return medians.max("order") / smallest.where(smallest > 0)


NOISE_RATIO = Claim(
    id="claim-noise-ratio-constant",
    words="The share of noise in an interaction's input does not depend on its order",
    quotation="the median values for different orders interactions is basically the same",
    section="App. L",
    figure="Fig. 12",
    chapter="a5_noise_ratio",
    rule=Rule(
        (
            Expected(
                "largest over smallest median noise ratio of all orders",
                lambda means: largest_over_smallest(means["own"]),
                below=EQUAL,
            ),
        ),
        set_before=True,
    ),
)

NOISE_REACHES_ALIKE = Claim(
    id="claim-noise-reaches-alike",
    words="The noise that reaches an interaction does not depend on its order",
    quotation="",
    section="App. L",
    figure="",
    chapter="a5_noise_ratio",
    rule=Rule(
        (
            Expected(
                "largest over smallest median deviation of plain AND interactions of all orders",
                lambda means: largest_over_smallest(means["reaching"]),
                below=EQUAL,
            ),
        ),
        set_before=True,
    ),
)

BEYOND = (NOISE_REACHES_ALIKE,)
