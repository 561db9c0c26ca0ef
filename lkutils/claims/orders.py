"""What Sec. 3.2.2 says of orders, order by order: at the output alone, and whether redundancy rises and falls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from lkutils import metrics, uncertainty
from lkutils.claims.layers import high_orders, layer_third, low_orders
from lkutils.games import Label


def at_the_output(parts: Mapping[Label, xr.Dataset]) -> list[list[object]]:
    """Low and high orders of the output: a row for each network and kind.

    Args:
        parts: `lkutils.metrics.track` of every network (kind, layer, sample, order).

    Returns:
        Network; kind; share of low orders in the strength of low and high ones; in how many samples high orders are
        stronger; the orders m below n/2 that are weaker than order n - m in most samples.

    Example:
        >>> axes = {"kind": ["and"], "layer": ["block", "output"], "sample": [0, 1], "order": [1, 2, 3]}
        >>> part = xr.DataArray(np.ones((1, 2, 2, 3)), axes, list(axes)) * xr.DataArray([3.0, 1.0, 1.0], dims="order")
        >>> at_the_output({Label("MNIST", "MLP-7"): xr.Dataset({"overlap": part, "new": 0 * part})})[0][1:]
        ['AND', '0.60', '0 of 2', 'none']
    """
    rows = []
    for label, part in parts.items():
        strength = metrics.last_layer(part.overlap + part.new)
        for kind in strength["kind"].values:
            own = strength.sel(kind=kind)
            low, high = low_orders(own), high_orders(own)
            share = float(low.mean() / (low + high).mean()) if float((low + high).sum()) else np.nan
            against = int((high > low).sum())
            weaker = [str(order) for order, lead in mirrored(own).items() if float((lead < 0).mean()) > 0.5]
            row = [f"{share:.2f}", f"{against} of {own.sizes['sample']}", ", ".join(weaker) or "none"]
            rows.append([label, kind.upper(), *row])
    return rows


def mirrored(strength: xr.DataArray) -> dict[int, xr.DataArray]:
    """Strength of each order m below n/2 minus that of order n - m, of which there are as many coalitions."""
    n = strength.sizes["order"]
    return {m: strength.sel(order=m) - strength.sel(order=n - m) for m in range(1, (n + 1) // 2)}


def rise_and_fall(part: xr.Dataset, seed: int = 0) -> dict[int, str]:
    """Whether the redundancy of each order rises from low to middle layers and falls from there to high ones.

    "both" where both intervals lie above 0, "contradicted" where one of them lies below, "rises" or "falls" where one
    alone lies above 0, else "unclear". Orders with less than 1 % of the output's strength are left out.

    Args:
        part: `lkutils.metrics.track` of one kind (layer, sample, order).
        seed: of the bootstrap.

    Example:
        >>> forget = xr.DataArray([0.1, 0.5, 0.2, 0.0], dims="layer").expand_dims(sample=range(10), order=[1])
        >>> rise_and_fall(xr.Dataset({"overlap": 0 * forget + 1, "forget": forget, "new": 0 * forget}))
        {1: 'both'}
    """
    output = metrics.last_layer(part.overlap + part.new).mean("sample")
    means = uncertainty.resampled_means(part, seed=seed)
    words = {}
    for order in output["order"].values[output > metrics.LEAST_SHARE * output.sum()].tolist():
        low, middle, high = (
            metrics.redundancy(layer_third(means.sel(order=order), third)) for third in ("low", "middle", "high")
        )
        words[order] = word(*(uncertainty.with_interval(change) for change in (middle - low, middle - high)))
    return words


def word(rise: xr.DataArray, fall: xr.DataArray) -> str:
    """What two differences with intervals say together."""
    rises, falls = (float(change.sel(bound="low")) > 0 for change in (rise, fall))
    if any(float(change.sel(bound="high")) < 0 for change in (rise, fall)):
        return "contradicted"
    return {(True, True): "both", (True, False): "rises", (False, True): "falls"}.get((rises, falls), "unclear")


def rows_of_orders(found: Mapping[tuple[Label, str], Mapping[int, str]]) -> tuple[list[str], list[list[object]]]:
    """Header and rows of a table of `rise_and_fall`, by network and kind; a column for each order.

    Example:
        >>> rows_of_orders({(Label("MNIST", "MLP-7"), "or"): {2: "both", 3: "falls"}})[1]
        [['MLP-7, MNIST', 'OR', 'both', 'falls']]
    """
    orders = sorted(set().union(*found.values()))
    rows = [
        [str(label), kind.upper(), *(words.get(order) for order in orders)] for (label, kind), words in found.items()
    ]
    return ["Network", "Kind", *(f"Order {order}" for order in orders)], rows


def tally(found: Mapping[tuple[Label, str], Mapping[int, str]]) -> str:
    """How often each word was found, by kind, in a sentence.

    Example:
        >>> tally({(Label("MNIST", "MLP-7"), "and"): {1: "both", 2: "contradicted", 3: "contradicted"}})
        'AND: both in 1 of 3, contradicted in 2.'
    """
    sentences = []
    for kind in dict.fromkeys(kind for _, kind in found):
        words = [each for (_, own), by_order in found.items() if own == kind for each in by_order.values()]
        others = [each for each in ("rises", "falls", "unclear", "contradicted") if each in words]
        rest = "".join(f", {each} in {words.count(each)}" for each in others)
        sentences.append(f"{kind.upper()}: both in {words.count('both')} of {len(words)}{rest}.")
    return " ".join(sentences)
