"""The claims of Sec. 3.2.2 about what each layer encodes, and how claims about layers are judged.

A claim is one or more tests. A test says that a statistic lies above (or below) a limit. "Most" and "lots of" mean more
than half; low, middle and high layers are thirds of the probed layers, the output not among them; low orders are those
below n/2 and high orders those above it, of which there are equally many coalitions.

These were fixed before the numbers were looked at, but for two things. The mean order as a second statistic of "less
high-order" was added after the first result of MLP-7. And claims whose estimates all lean the right way count as partly
since results on the digits were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr

from lkutils import metrics, uncertainty
from lkutils.claims.verdicts import FAILS, HOLDS, PARTLY, Verdict

RULE = (
    "A claim about layers is a list of statistics with a limit for each. It holds when all 95 % intervals, of every "
    "network, lie on the claimed side of their limits; partly when some do, or when at least all estimates do. Low, "
    "middle and high layers are thirds of the probed layers; low and high orders are those below and above n/2."
)

Means = xr.Dataset  # of `uncertainty.resampled_means`: the first entry of the axis "resample" is the sample itself


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
    clear, leaning, measured = [], [], []
    for words, statistic, limit, above in tests:
        numbers = []
        for name, means in games.items():
            bounds = uncertainty.with_interval(statistic(means)).values
            low, estimate, high = bounds.tolist()
            clear.append(low > limit if above else high < limit)
            leaning.append(estimate > limit if above else estimate < limit)
            low, estimate, high = (bounds.round(2) + 0.0).tolist()  # + 0.0, as -0.00 would puzzle readers
            numbers.append(f"{name.split('/')[1]} {estimate:.2f} [{low:.2f}, {high:.2f}]")
        measured.append(f"{words} (claim: {'>' if above else '<'} {limit:g}): {', '.join(numbers)}")
    dataset, networks = next(iter(games)).split("/")[0], [name.split("/")[1] for name in games]
    return Verdict(
        claim=claim,
        subject=f"{dataset}: {', '.join(networks)}",
        measured="; ".join(measured),
        paper="",
        verdict=HOLDS if all(clear) else PARTLY if any(clear) or all(leaning) else FAILS,
        rule=RULE,
    )


def judge_all(claims: Mapping[str, list[Expected]], games: Mapping[str, Means]) -> list[Verdict]:
    """Put every claim to every data set.

    Networks with fewer than three probed layers have no low, middle and high ones and are left out.
    """
    games = {name: means for name, means in games.items() if means.sizes["layer"] > 3}
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
    return xr.Dataset(
        {
            "strength": strength.sum("order"),
            "weighted_order": (strength * strength["order"]).sum("order"),
            "high_orders": high_orders(strength),
            "to_output": metrics.similarity(kept, metrics.last_layer(kept)),
            "next_layer": next_layer_similarity(kept),
            "other_sample": next_layer_similarity(kept, kept.roll(sample=1)),
        }
    )


def next_layer_similarity(kept: xr.DataArray, others: xr.DataArray | None = None) -> xr.DataArray:
    """Similarity of a layer to the next one, or to the next one of other interactions, mean over layers (sample)."""
    layers, following = kept.isel(layer=slice(-1)), (kept if others is None else others).isel(layer=slice(1, None))
    return metrics.similarity(layers, following.assign_coords(layer=layers["layer"])).mean("layer")


def mean_order(means: Means, which: str) -> xr.DataArray:
    """Mean order of the interactions in a third of the layers, each weighed by its strength."""
    return third(means.weighted_order, which) / third(means.strength, which)


LAYERS = {
    "Early layers encode less high-order interactions than later ones (Sec. 3.2.2)": [
        Expected(
            "mean order, high minus low layers", lambda means: mean_order(means, "high") - mean_order(means, "low")
        ),
        Expected(
            "strength of high orders, high minus low layers",
            lambda means: third(means.high_orders, "high") - third(means.high_orders, "low"),
        ),
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
