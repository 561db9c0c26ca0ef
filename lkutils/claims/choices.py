"""What becomes of the verdicts of Sec. 3.2 when what the paper leaves open is chosen otherwise.

A *choice* is one way to do one thing, such as tau = 0.1 of the largest strength; a *specification* is one choice for
each thing (Simonsohn, Simmons and Nelson, 2020). `measured` takes from the interactions of a game what all claims
about its layers need, under every threshold, in a form that is a thousandth as large. `for_claims` makes of it what the
rules read, and `specifications` puts all of them at once to claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from lkutils import metrics, uncertainty
from lkutils.claims import layers, sparsity
from lkutils.claims.claim import Claim
from lkutils.claims.judging import bounds, combined_arrays
from lkutils.claims.layers import LAYERS, THIRDS
from lkutils.claims.sparsity import SALIENCE
from lkutils.claims.tracking import READINGS, TRACKING_AND, TRACKING_OR
from lkutils.games import Label

TAU_RATIOS = (0.02, 0.05, 0.1)
TAU_RULES = {"all samples": False, "each sample": True}  # whose largest strength tau is a share of
ORDERS = ("low", "middle", "high")  # below n/2, at n/2, above n/2

RESAMPLES = 400  # the bounds are then off by about 7 % of the interval's width

# What is chosen, and what the book's other chapters choose.
MAIN = {
    "training": "as shipped",
    "extraction": "kappa 0.04",
    "tau_rule": "each sample",
    "tau_ratio": 0.05,
    "samples": "all",
}
FAMILIES: dict[str, tuple[Claim, ...]] = {
    "sparsity": SALIENCE,
    "layers": LAYERS,
    "AND interactions": TRACKING_AND,
    "OR interactions": TRACKING_OR,
    "readings of App. K": READINGS,
}

# Of what an extraction without OR interactions says nothing.
SILENT = {"AND alone": TRACKING_OR}


# ---- what is kept of a game ------------------------------------------------------------------------------------------


def measured(values: xr.DataArray, interactions: xr.DataArray) -> xr.Dataset:
    """What the claims of Sec. 3.2 need from each sample, under every threshold of salience.

    Args:
        values: v(x_T) of the output in log-odds (sample, coalition).
        interactions: of all layers in log-odds (kind, layer, sample, coalition), the output last.

    Returns:
        In float32, with the axes (tau_rule, tau_ratio, ...), where ``layer`` is "low", "middle" and "high", the mean
        over a third of the layers, and "output", and ``order`` one of `ORDERS`, the sum over these: ``overlap`` and
        ``forget`` (kind, layer, sample, order) of `lkutils.metrics.track`; ``weighted_order`` (layer, sample),
        ``to_output`` (every_layer, sample), ``next_layer`` and ``other_sample`` (sample) of
        `lkutils.claims.layers.layer_statistics`; ``count``, ``share``, ``error`` and ``explained`` (sample) of
        `lkutils.claims.sparsity.salience_statistics`, of the output.
    """
    rules = [
        xr.concat(
            [measured_once(values, interactions, ratio, per_sample) for ratio in TAU_RATIOS],
            xr.IndexVariable("tau_ratio", list(TAU_RATIOS)),
        )
        for per_sample in TAU_RULES.values()
    ]
    return xr.concat(rules, xr.IndexVariable("tau_rule", list(TAU_RULES)))


def measured_once(values: xr.DataArray, interactions: xr.DataArray, ratio: float, per_sample: bool) -> xr.Dataset:
    """The same under one threshold."""
    salient = metrics.salient_part(interactions, ratio, per_sample)
    output = interactions.isel(layer=-1)
    tau = metrics.salience_threshold(output, ratio, per_sample)
    tracked = in_thirds(metrics.track(salient)[["overlap", "forget"]])
    of_layers = layers.layer_statistics(salient)
    found = xr.merge(
        [
            in_groups(tracked),
            in_thirds(of_layers[["weighted_order"]]),
            of_layers[["to_output"]].rename(layer="every_layer"),
            of_layers[["next_layer", "other_sample"]],
            sparsity.salience_statistics(values, output, tau, Label("", ""))[["count", "share", "error", "explained"]],
        ],
        compat="override",
        join="exact",
    )
    return found.reset_coords(drop=True).astype(np.float32)


def in_thirds(values: xr.Dataset) -> xr.Dataset:
    """Means over thirds of the layers, and the output."""
    parts = [layers.layer_third(values, which) for which in THIRDS]
    output = values.isel(layer=-1, drop=True)
    return xr.concat([*parts, output], xr.IndexVariable("layer", [*THIRDS, "output"]))


def in_groups(values: xr.Dataset) -> xr.Dataset:
    """Sums over low, middle and high orders."""
    middle = values.sel(order=values["order"] == values.sizes["order"] / 2).sum("order")
    parts = [layers.low_orders(values), middle, layers.high_orders(values)]
    return xr.concat(parts, xr.IndexVariable("order", list(ORDERS)))


def for_claims(kept: xr.Dataset, label: Label) -> xr.Dataset:
    """What the rules of the claims of Sec. 3.2 read, from what `measured` keeps, with all its further axes.

    Layers are thirds, with how many ``n_layers`` each stands for, and the output. The groups of orders get the numbers
    1 to 3 of four, so that 1 is below the middle and 3 and 4, of which 4 is empty, are above it.

    Args:
        kept: of one network.
        label: of it, for the paper's number of salient interactions.
    """
    layered = kept[["to_output"]].rename(every_layer="layer")
    sizes = [len(third) for third in np.array_split(layered["layer"][:-1], len(THIRDS))]
    sampled = [name for name in kept if "sample" in kept[name].dims and name != "to_output"]
    found = (
        kept[sampled].drop_dims("every_layer", errors="ignore").astype(float).merge(in_thirds(layered.astype(float)))
    )
    found = found.assign_coords(order=[1, 2, 3], n_layers=("layer", [*sizes, 1]))
    found = found.reindex(order=[1, 2, 3, 4], fill_value=0.0)
    strength = (found.overlap + found.forget).sum("kind")
    return found.assign(
        new=metrics.last_layer(found.overlap) - found.overlap,
        strength=strength.sum("order"),
        high_orders=layers.high_orders(strength),
        to_paper=found["count"] / sparsity.PAPER_SALIENT.get(label.dataset, np.nan),
    )


# ---- judging ---------------------------------------------------------------------------------------------------------


def judged(
    asked: Mapping[Claim, Sequence[int]], found: xr.Dataset, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, xr.Dataset]:
    """Claims put to networks in every specification.

    Args:
        asked: claims with rules all of whose statistics are given, and of each the places of its networks.
        found: of `for_claims`, with the axis ``variant`` for networks.
        resamples, seed: of the bootstrap over samples.

    Returns:
        By the claim's id, with the axes of the choices: ``outcome``, one of `lkutils.claims.judging.OUTCOMES`; and with
        the axis ``test``, in the order of the rule, ``low``, ``estimate`` and ``high`` of each statistic, and ``each``,
        its own outcome.
    """
    means = uncertainty.resampled_means(found, resamples, seed)
    judgements = {}
    for claim, variants in asked.items():
        silent = [way for way, some in SILENT.items() if claim in some and way in found["extraction"].values]
        heard, of_means = (data.isel(variant=list(variants)).drop_sel(extraction=silent) for data in (found, means))
        tests = [bounds(test, heard, of_means) for test in claim.rule.tests]
        outcome = combined_arrays([test["outcome"] for test in tests])
        each = xr.concat([test.drop_vars("samples").rename(outcome="each") for test in tests], "test")
        judgements[claim.id] = each.assign(outcome=outcome)
    return judgements


def specifications(
    claims: Sequence[Claim],
    found: Mapping[Label, Mapping[str, xr.Dataset]],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, dict[Label, xr.Dataset]]:
    """Claims put to networks that were trained or probed in several ways, and to halves of the samples.

    Args:
        claims: as for `judged`.
        found: of `for_claims`, of every network by how it was trained and probed, one of them the way of `MAIN`. All
            are judged at once, which takes a tenth of the time.
        resamples, seed: of the bootstrap over samples.

    Returns:
        By the claim's id, for each network that the claim speaks of: as `judged`, with the further axes ``training``
        and ``samples``.
    """
    names = [(label, training) for label, ways in found.items() for training in ways]
    parts = [found[label][training].drop_vars("sample", errors="ignore") for label, training in names]
    together = xr.concat([part.assign_coords(sample=range(part.sizes["sample"])) for part in parts], "variant")
    half = together.sizes["sample"] // 2
    spoken_of = {claim: [label for label in found if claim.speaks_of(label)] for claim in claims}
    asked = {
        claim: [k for k, (label, _) in enumerate(names) if label in labels]
        for claim, labels in spoken_of.items()
        if labels
    }
    halves = {"all": slice(None), "first half": slice(half), "second half": slice(half, None)}
    by_half = [judged(asked, together.isel(sample=which), resamples, seed) for which in halves.values()]
    index = xr.IndexVariable("samples", list(halves))
    judgements: dict[str, dict[Label, xr.Dataset]] = {claim.id: {} for claim in claims}
    for claim, places in asked.items():
        every = xr.concat([part[claim.id] for part in by_half], index)
        for label in spoken_of[claim]:
            own = [k for k, place in enumerate(places) if names[place][0] == label]
            ways = [names[places[k]][1] for k in own]
            judgements[claim.id][label] = (
                every.isel(variant=own).rename(variant="training").assign_coords(training=ways)
            )
    return judgements
