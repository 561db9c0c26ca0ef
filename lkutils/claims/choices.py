"""What becomes of the verdicts of Sec. 3.2 when what the paper leaves open is chosen otherwise.

A *choice* is one way to do one thing, such as tau = 0.1 of the largest strength; a *specification* is one choice for
each thing (Simonsohn, Simmons and Nelson, 2020). `measured` takes from the interactions of a game what all claims
about its layers need, under every threshold, in a form that is a thousandth as large. `for_claims` makes of it what the
rules read, and `judged` puts all of them at once to a claim.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from lkutils import metrics, uncertainty
from lkutils.claims import layers, sparsity
from lkutils.claims.claim import Claim
from lkutils.claims.judging import bounds, combined_arrays
from lkutils.claims.layers import THIRDS
from lkutils.games import Label

TAU_RATIOS = (0.02, 0.05, 0.1)
TAU_RULES = {"all samples": False, "each sample": True}  # whose largest strength tau is a share of
ORDERS = ("low", "middle", "high")  # below n/2, at n/2, above n/2


# ---- what is kept of a game ------------------------------------------------------------------------------------------


def measured(values: xr.DataArray, interactions: xr.DataArray) -> xr.Dataset:
    """What the claims of Sec. 3.2 need from each sample, under every threshold of salience.

    Args:
        values: v(x_T) of the output in log-odds (sample, coalition).
        interactions: of all layers in log-odds (kind, layer, sample, coalition), the output last.

    Returns:
        With the axes (tau_rule, tau_ratio, ...), where ``layer`` is "low", "middle" and "high", the mean over a third
        of the layers, and "output", and ``order`` one of `ORDERS`, the sum over these: ``overlap`` and ``forget``
        (kind, layer, sample, order) of `lkutils.metrics.track`; ``weighted_order`` and ``to_output`` (layer, sample),
        ``next_layer`` and ``other_sample`` (sample) of `lkutils.claims.layers.layer_statistics`; ``count``, ``share``,
        ``error`` and ``explained`` (sample) of `lkutils.claims.sparsity.salience_statistics`, of the output.
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
    return xr.merge(
        [
            in_groups(tracked),
            in_thirds(of_layers[["weighted_order", "to_output"]]),
            of_layers[["next_layer", "other_sample"]],
            sparsity.salience_statistics(values, output, tau, Label("", "")).drop_vars("to_paper"),
        ],
        compat="override",
        join="exact",
    )


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

    The groups of orders get the numbers 1 to 3 of four, so that 1 is below the middle and 3 and 4, of which 4 is empty,
    are above it, as the rules ask.

    Args:
        kept: of one network.
        label: of it, for the paper's number of salient interactions.
    """
    found = kept.astype(float).assign_coords(order=[1, 2, 3]).reindex(order=[1, 2, 3, 4], fill_value=0.0)
    strength = (found.overlap + found.forget).sum("kind")
    return found.assign(
        new=metrics.last_layer(found.overlap) - found.overlap,
        strength=strength.sum("order"),
        high_orders=layers.high_orders(strength),
        to_paper=found["count"] / sparsity.PAPER_SALIENT.get(label.dataset, np.nan),
    )


# ---- judging ---------------------------------------------------------------------------------------------------------


def judged(claim: Claim, found: xr.Dataset, resamples: int = 400, seed: int = 0) -> xr.Dataset:
    """A claim put to one network in every specification.

    Args:
        claim: with a rule all of whose statistics are given.
        found: of `for_claims`: an axis ``sample``, and one for each thing that is chosen.
        resamples, seed: of the bootstrap over samples.

    Returns:
        With the axes of the choices: ``outcome``, one of `lkutils.claims.verdicts.OUTCOMES`; and, with the axis
        ``test`` in the order of the rule, ``low``, ``estimate`` and ``high`` of each statistic.
    """
    means = uncertainty.resampled_means(found, resamples, seed)
    tests = [bounds(test, found, means) for test in claim.rule.tests]
    together = combined_arrays([test["outcome"] for test in tests])
    return xr.concat([test[["low", "estimate", "high"]] for test in tests], "test").assign(outcome=together)
