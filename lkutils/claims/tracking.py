"""The claims of Sec. 3.2.2 and App. K about what layers keep, forget and gain, each put to our numbers.

How they are judged is in `claims_layers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import xarray as xr

from lkutils import metrics
from lkutils.claims.layers import Expected, Means, high_orders, judge_all, low_orders, third, whole
from lkutils.claims.verdicts import Verdict
from lkutils.metrics import all_of_last_layer, completeness, redundancy

# ---- Sec. 3.2.2, second half: Fig. 3 and 7 --------------------------------------------------------------------------


def completeness_of(which: str) -> Callable[[Means], xr.DataArray]:
    """Completeness of a third of the layers, all orders together."""
    return lambda parts: completeness(third(whole(parts), which))


def redundancy_of(which: str) -> Callable[[Means], xr.DataArray]:
    """Redundancy of a third of the layers, all orders together."""
    return lambda parts: redundancy(third(whole(parts), which))


def low_order_share(parts: Means) -> xr.DataArray:
    """Strength of low orders as a share of low and high ones, over all layers and the output."""
    strength = (parts.overlap + parts.forget).mean("layer")
    return low_orders(strength) / (low_orders(strength) + high_orders(strength))


def low_order_lead(parts: Means) -> xr.DataArray:
    """Completeness of low orders minus that of high ones, in the high layers."""
    late = third(parts, "high")
    return completeness(low_orders(late)) - completeness(high_orders(late))


COMPLETENESS_RISES = Expected(
    "completeness, high minus low layers",
    lambda parts: completeness_of("high")(parts) - completeness_of("low")(parts),
)
REDUNDANCY_RISES = Expected(
    "redundancy, middle minus low layers",
    lambda parts: redundancy_of("middle")(parts) - redundancy_of("low")(parts),
)
REDUNDANCY_FALLS = Expected(
    "redundancy, middle minus high layers",
    lambda parts: redundancy_of("middle")(parts) - redundancy_of("high")(parts),
)

TRACKING = {
    "Low-order interactions are stronger than high-order ones": [
        Expected("share of low orders in the strength of low and high ones", low_order_share, 0.5)
    ],
    "Completeness rises through the layers": [COMPLETENESS_RISES],
    "Early and middle layers have learned most target interactions": [
        Expected("completeness of the middle layers", completeness_of("middle"), 0.5)
    ],
    "High orders stay less complete than low ones even in later layers": [
        Expected("completeness of low minus high orders, high layers", low_order_lead)
    ],
    "Redundancy first rises and then falls": [REDUNDANCY_RISES, REDUNDANCY_FALLS],
}


def tracking_claims(kind: str) -> dict[str, list[Expected]]:
    """The claims about Fig. 3 (kind "and") or Fig. 7 ("or"); their statistics look at this kind alone.

    Example:
        >>> list(tracking_claims("and"))[1]
        'Completeness rises through the layers (AND, Sec. 3.2.2)'
    """

    def of_kind(test: Expected) -> Expected:
        return test._replace(statistic=lambda parts: test.statistic(parts.sel(kind=kind)))

    return {f"{claim} ({kind.upper()}, Sec. 3.2.2)": [of_kind(test) for test in TRACKING[claim]] for claim in TRACKING}


# ---- App. K: each network's way -------------------------------------------------------------------------------------


def removal_of_high_orders(parts: Means) -> xr.DataArray:
    """What redundancy falls by between middle and high layers, high orders minus low orders."""
    removed = (third(parts, "middle").forget - third(parts, "high").forget).sum("kind")
    return (high_orders(removed) - low_orders(removed)) / all_of_last_layer(third(whole(parts), "high"))


LEARNED_EARLY = Expected("completeness of the low layers", completeness_of("low"), 0.5)
NOT_LEARNED_EARLY = LEARNED_EARLY._replace(above=False)
LEARNED_IN_THE_MIDDLE = Expected("completeness of the middle layers", completeness_of("middle"), 0.5)
REDUNDANT_IN_THE_MIDDLE = Expected("redundancy of the middle layers", redundancy_of("middle"), 0.5)
HIGH_LAYERS_FORGET_HIGH_ORDERS = Expected(
    "redundancy that high layers remove, high minus low orders", removal_of_high_orders
)

RESNET20 = (
    "Low and middle layers mainly learn target interactions, high layers mainly forget high orders",
    [LEARNED_IN_THE_MIDDLE, REDUNDANCY_FALLS, HIGH_LAYERS_FORGET_HIGH_ORDERS],
)
WITHOUT_REDUNDANCY = (
    "Low layers cannot learn the target interactions; middle and high layers do, without redundant ones",
    [
        NOT_LEARNED_EARLY,
        COMPLETENESS_RISES,
        REDUNDANT_IN_THE_MIDDLE._replace(above=False),
        Expected("redundancy of the high layers", redundancy_of("high"), 0.5, above=False),
    ],
)
TRANSFORMER = (
    "Low layers cannot encode target interactions; middle layers learn them with redundant ones; "
    "high layers forget these, mainly high orders",
    [
        NOT_LEARNED_EARLY,
        COMPLETENESS_RISES,
        REDUNDANT_IN_THE_MIDDLE,
        REDUNDANCY_FALLS,
        HIGH_LAYERS_FORGET_HIGH_ORDERS,
    ],
)
FAST = ("Target interactions are learned quickly", [LEARNED_EARLY])

READINGS: dict[str, list[tuple[str, list[Expected]]]] = {
    "mnist/mlp7": [FAST],
    "mnist/vgg11": [FAST],
    "mnist/resnet20": [FAST, RESNET20],
    "cifar10/mlp7": [WITHOUT_REDUNDANCY],
    "cifar10/vgg11": [WITHOUT_REDUNDANCY],
    "cifar10/resnet20": [RESNET20],
    "sst2/distilbert": [TRANSFORMER],
    "sst2/bert": [TRANSFORMER],
}
USUAL = (
    "Most networks: low and middle layers learn target interactions at the cost of redundant ones, which high layers "
    "remove",
    [LEARNED_IN_THE_MIDDLE, REDUNDANT_IN_THE_MIDDLE, REDUNDANCY_FALLS],
)


def readings(games: Mapping[str, Means]) -> list[Verdict]:
    """App. K's reading of each network, AND and OR together; what it says of most networks is put to all of them.

    Args:
        games: for every game `uncertainty.resampled_means` of `metrics.tracked` (kind, layer, resample, order).
    """
    return [
        verdict
        for name, means in games.items()
        for claim, tests in [USUAL, *READINGS.get(name.split(" (")[0], [])]
        for verdict in judge_all({f"{claim} (App. K)": tests}, {name: means})
    ]


# ---- what the choices change ----------------------------------------------------------------------------------------


def missed_to_the_letter(interactions: xr.DataArray, kept: xr.DataArray) -> float:
    """Share of all^(l) that overlap + forget miss if Eq. 7 is taken to the letter; 0 with the choice of `metrics`.

    To the letter, an interaction that is salient in layer l but not in the output counts as forgotten less the small
    effect that it still has in the output, and that rest is not in the overlap.

    Args:
        interactions: all of them, in log-odds (kind, layer, sample, coalition).
        kept: `metrics.salient_part` of them.
    """
    everything, in_layer, in_output = metrics.normalised(interactions), kept != 0, metrics.last_layer(kept) != 0
    in_common = metrics.shared(everything, metrics.last_layer(everything))
    counted = abs(in_common).where(in_layer & in_output, 0) + abs(everything - in_common).where(in_layer, 0)
    return 1 - float(counted.sum() / abs(kept).sum())


def opposite_signs(kept: xr.DataArray) -> float:
    """Of the strength of layers in interactions that are salient in the output too, the share with opposite sign."""
    probed, in_output = kept.isel(layer=slice(-1)), metrics.last_layer(kept)
    in_both = abs(probed).where(in_output != 0, 0)
    return float(in_both.where(probed * in_output < 0, 0).sum() / in_both.sum())


def completeness_by_choice(interactions: xr.DataArray, ratio: float, per_sample: bool) -> dict[str, float]:
    """Completeness of the middle layers in AND interactions: as it is here, and with either choice made otherwise.

    Args:
        interactions: in log-odds (kind, layer, sample, coalition).
        ratio, per_sample: of `metrics.salience_threshold`, as they are here.
    """
    here, otherwise = (
        metrics.tracked(metrics.salient_part(interactions, ratio, rule)).sel(kind="and")
        for rule in (per_sample, not per_sample)
    )
    middle = completeness_of("middle")
    return {
        "as here": float(middle(here.mean("sample"))),
        "the other tau": float(middle(otherwise.mean("sample"))),
        "mean of ratios": float(middle(here).mean("sample")),
    }
