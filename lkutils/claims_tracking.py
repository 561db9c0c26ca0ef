"""The claims of Sec. 3.2.2 and App. K about what layers encode, keep, forget and gain, each put to our numbers.

A claim is one or more tests. A test says that a statistic lies above (or below) a limit; a network passes it when the
whole 95 % interval does. Tests, limits and words were fixed before the numbers were looked at: "most" and "lots of"
mean more than half; low, middle and high layers are thirds of the probed layers, the output not among them; low orders
are those below n/2 and high orders those above it, of which there are equally many coalitions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from lkutils import metrics
from lkutils.claims import FAILS, HOLDS, PARTLY, Verdict
from lkutils.metrics import all_of_last_layer, completeness, redundancy

RULE = (
    "A claim about layers holds when the 95 % interval of every statistic, in every network, lies on the side of its "
    "limit that the claim names, partly when some do. Low, middle and high layers are thirds of the probed layers; low "
    "and high orders are those below and above n/2."
)

Means = xr.Dataset  # of `metrics.resampled_means`: the first entry of the axis "resample" is the sample itself


class Expected(NamedTuple):
    """What a claim says about one statistic.

    Attributes:
        words: what the statistic is.
        statistic: from means over samples to one number for each entry of their axis ``resample``.
        limit: what the number is compared with.
        above: the claim says that it lies above the limit; else below.
    """

    words: str
    statistic: Callable[[Means], xr.DataArray]
    limit: float = 0.0
    above: bool = True


def judge(claim: str, tests: list[Expected], games: Mapping[str, Means]) -> Verdict:
    """Put a claim to the networks of one data set.

    Args:
        claim: in a few words, with its place in the paper.
        tests: what the claim says.
        games: for every game of the data set, what the statistics are computed from.
    """
    passed, measured = [], []
    for words, statistic, limit, above in tests:
        numbers = []
        for name, means in games.items():
            low, estimate, high = metrics.with_interval(statistic(means)).values.tolist()
            passed.append(low > limit if above else high < limit)
            numbers.append(f"{name.split('/')[1]} {estimate:.2f} [{low:.2f}, {high:.2f}]")
        measured.append(f"{words} (claim: {'>' if above else '<'} {limit:g}): {', '.join(numbers)}")
    dataset, networks = next(iter(games)).split("/")[0], [name.split("/")[1] for name in games]
    return Verdict(
        claim=claim,
        subject=f"{dataset}: {', '.join(networks)}",
        measured="; ".join(measured),
        paper="",
        verdict=HOLDS if all(passed) else PARTLY if any(passed) else FAILS,
        rule=RULE,
    )


def judge_all(claims: Mapping[str, list[Expected]], games: Mapping[str, Means]) -> list[Verdict]:
    """Put every claim to every data set."""
    datasets = dict.fromkeys(name.split("/")[0] for name in games)
    groups = [{name: games[name] for name in games if name.startswith(f"{dataset}/")} for dataset in datasets]
    return [judge(claim, tests, group) for claim, tests in claims.items() for group in groups]


# ---- which layers, which orders -------------------------------------------------------------------------------------


def third(values: xr.Dataset | xr.DataArray, which: str) -> xr.Dataset | xr.DataArray:
    """Mean over the "low", "middle" or "high" third of the probed layers."""
    parts = np.array_split(np.arange(values.sizes["layer"] - 1), 3)
    return values.isel(layer=parts[["low", "middle", "high"].index(which)]).mean("layer")


def low_orders(values: xr.Dataset | xr.DataArray) -> xr.Dataset | xr.DataArray:
    """Sum over the orders below n/2."""
    return values.sel(order=values["order"] < values.sizes["order"] / 2).sum("order")


def high_orders(values: xr.Dataset | xr.DataArray) -> xr.Dataset | xr.DataArray:
    """Sum over the orders above n/2, of which there are as many coalitions as below."""
    return values.sel(order=values["order"] > values.sizes["order"] / 2).sum("order")


def whole(parts: Means) -> Means:
    """Sum over all orders, and over both kinds where both are there."""
    return parts.sum([axis for axis in ("kind", "order") if axis in parts.dims])


# ---- Sec. 3.2.2, first half: what each layer encodes ----------------------------------------------------------------


def layer_statistics(kept: xr.DataArray) -> xr.Dataset:
    """What the claims about single layers and pairs of layers need from each sample.

    Args:
        kept: `metrics.salient_part` (kind, layer, sample, coalition).

    Returns:
        With the axes (layer, sample): ``strength``, and ``weighted_order``, the strength times its order, whose ratio
        is the mean order; ``high_orders``, the strength above n/2; ``to_output``, the similarity to the output. With
        the axis (sample): ``next_layer``, the mean similarity of a layer to the next one, and ``other_sample``, to the
        next layer of another sample, which shows what two unrelated sets of interactions have in common.
    """
    strength = metrics.strength(kept).sum("kind")
    layers, following = kept.isel(layer=slice(-1)), kept.isel(layer=slice(1, None))
    following = following.assign_coords(layer=layers["layer"])
    return xr.Dataset(
        {
            "strength": strength.sum("order"),
            "weighted_order": (strength * strength["order"]).sum("order"),
            "high_orders": high_orders(strength),
            "to_output": metrics.similarity(kept, metrics.last_layer(kept)),
            "next_layer": metrics.similarity(layers, following).mean("layer"),
            "other_sample": metrics.similarity(layers, following.roll(sample=1)).mean("layer"),
        }
    )


LAYERS = {
    "Early layers encode less high-order interactions than later ones (Sec. 3.2.2)": [
        Expected(
            "strength of high orders, high minus low layers",
            lambda means: third(means.high_orders, "high") - third(means.high_orders, "low"),
        )
    ],
    "Later layers share more with the output (Sec. 3.2.2)": [
        Expected(
            "similarity to the output, high minus low layers",
            lambda means: third(means.to_output, "high") - third(means.to_output, "low"),
        )
    ],
    "Adjacent layers encode similar interactions (Sec. 1)": [
        Expected("similarity to the next layer", lambda means: means.next_layer, 0.5),
        Expected(
            "the same, minus the similarity to the next layer of another sample",
            lambda means: means.next_layer - means.other_sample,
        ),
    ],
}


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
        games: for every game `metrics.resampled_means` of `metrics.tracked` (kind, layer, resample, order).
    """
    return [
        judge(f"{claim} (App. K)", tests, {name: means})
        for name, means in games.items()
        for claim, tests in [USUAL, *READINGS.get(name, [])]
    ]
