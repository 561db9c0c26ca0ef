"""The claims of App. I.2 about two tables: those of Sec. 3.2.2, and that little is redundant, judged in two ways.

Their statistics are computed from means over samples of `lkutils.metrics.track`, as in `lkutils.claims.tracking`. The
text of App. I.2 speaks of AND interactions, the caption of Fig. 10 of OR: each claim is put to both.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lkutils.claims.claim import Claim, Expected, Rule
from lkutils.claims.layers import THIRDS, all_orders, layer_third
from lkutils.claims.tracking import LEARNED_EARLY, LEARNED_IN_THE_MIDDLE, LOW_ORDERS_STRONGER, of_kind, redundancy_of
from lkutils.games import Label
from lkutils.metrics import completeness, forgotten_share, redundancy
from lkutils.uncertainty import resampled_means, with_interval

CHAPTER = "a3_tabular"
TABLES = (Label("UCI census", "MLP-7"), Label("TV-news commercials", "MLP-7"))


# ---- statistics ------------------------------------------------------------------------------------------------------


def forgotten_share_of(means: xr.Dataset, which: str) -> xr.DataArray:
    """Share of a third of the layers' own strength that is forgotten, all orders together."""
    return forgotten_share(layer_third(all_orders(means), which))


def rise_of_highest_orders(means: xr.Dataset) -> xr.DataArray:
    """Completeness of the highest quarter of orders, high minus middle layers."""
    highest = means.sel(order=means["order"] > 0.75 * means.sizes["order"]).sum("order")
    return completeness(layer_third(highest, "high")) - completeness(layer_third(highest, "middle"))


# ---- the claims ------------------------------------------------------------------------------------------------------

LITTLE_REDUNDANCY = Expected("redundancy of the middle layers", lambda means: redundancy_of(means, "middle"), below=0.5)
LITTLE_FORGOTTEN = Expected(
    "share of the middle layers' own strength that is forgotten",
    lambda means: forgotten_share_of(means, "middle"),
    below=0.5,
)


def app_i(name: str, words: str, quotation: str, panel: str, tests: tuple[Expected, ...]) -> Claim:
    """A claim of App. I.2, whose rule was set before there was a game of a table."""
    rule = Rule(tests, set_before=True)
    return Claim(f"claim-tabular-{name}", f"Tabular data: {words}", quotation, "App. I.2", panel, CHAPTER, rule, TABLES)


APPENDIX = (
    app_i(
        "low-orders",
        "low-order interactions are stronger than high-order ones",
        "DNNs encode stronger low-order (simple) interactions than high-order (complex) interactions",
        "(a)",
        (LOW_ORDERS_STRONGER,),
    ),
    app_i(
        "middle-learned-most",
        "early and middle layers have learned most target interactions",
        "The early and middle layers usually had already learned most target interactions that were finally used by "
        "DNNs",
        "(b)",
        (LEARNED_IN_THE_MIDDLE,),
    ),
    app_i(
        "extreme-orders-late",
        "extremely high orders are learned in later layers",
        "extremely high-order interactions are learned in later layers",
        "(b)",
        (
            Expected(
                "completeness of the highest quarter of orders, high minus middle layers",
                rise_of_highest_orders,
                above=0,
            ),
        ),
    ),
    app_i(
        "little-redundancy",
        "target interactions are learned quickly, without many redundant ones",
        "DNNs quickly learn all target interactions without learning many redundant interactions",
        "(b)",
        (LEARNED_EARLY, LITTLE_REDUNDANCY, LITTLE_FORGOTTEN),
    ),
)

TABULAR_AND = tuple(of_kind(claim, "and", "Fig. 10") for claim in APPENDIX)
TABULAR_OR = tuple(of_kind(claim, "or", "Fig. 10") for claim in APPENDIX)


# ---- what the verdicts rest on ---------------------------------------------------------------------------------------


def redundant(tracked: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """What is redundant in low, middle and high layers, all orders together: over the output's strength and its own.

    Args:
        tracked: `lkutils.metrics.track` (kind, layer, sample, order).
        seed: of the bootstrap over samples.

    Returns:
        ``completeness``, ``redundancy`` and ``forgotten_share`` (kind, layers, bound).

    Example:
        >>> part = xr.DataArray(np.ones((1, 4, 10, 2)), dims=("kind", "layer", "sample", "order"))
        >>> found = redundant(xr.Dataset({"overlap": part, "forget": 3 * part, "new": 0 * part}))
        >>> round(found["redundancy"].sel(layers="low", bound="estimate").item(), 6)
        3.0
        >>> found["forgotten_share"].sel(layers="low").values
        array([[0.75, 0.75, 0.75]])
    """
    means = resampled_means(tracked.sum("order"), seed=seed)
    thirds = xr.concat([layer_third(means, which) for which in THIRDS], xr.IndexVariable("layers", list(THIRDS)))
    ratios = (completeness, redundancy, forgotten_share)
    return xr.Dataset({ratio.__name__: with_interval(ratio(thirds)) for ratio in ratios})


def without_effect(values: xr.DataArray, tolerance: float = 1e-4) -> xr.DataArray:
    """Whether masking a player changes no output of any layer, as where a row has what a masked attribute shows.

    Args:
        values: v(x_T) in log-odds (layer, sample, coalition).
        tolerance: largest change that counts as rounding, in log-odds.

    Returns:
        A truth value for each (sample, player).

    Example:
        >>> game = xr.DataArray([[[0.0, 2.0, 0.0, 2.0]]], dims=("layer", "sample", "coalition"))
        >>> without_effect(game).values
        array([[False,  True]])
    """
    table = values.transpose("sample", "layer", "coalition").values
    coalitions = np.arange(table.shape[-1])
    changes = [
        abs(table[..., coalitions] - table[..., coalitions & ~(1 << player)]).max((1, 2))
        for player in range(len(coalitions).bit_length() - 1)
    ]
    still = np.stack(changes, axis=1) <= tolerance
    return xr.DataArray(still, values["sample"].coords, ("sample", "player"))
