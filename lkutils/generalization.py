"""Which interactions generalise: what two networks have in common on the same samples and players (Sec. 3.3, Eq. 9).

A set holds the salient interactions of one kind and order of one sample. Its members may be told apart by sign as well:
an effect is in both sets then only if it has the same sign in both.

Where the paper leaves a choice, this is ours:

* Two empty sets have no IoU: it is NaN, and the sample is left out of that order's mean. One empty set gives 0.
* Large sets meet by chance. `chance_iou` is what two random sets of the same sizes within the order have on average,
  and the corrected IoU, (IoU - chance) / (1 - chance), is 0 for those and 1 for equal sets. Where sets of these sizes
  are always equal, as those of order n are, chance is 1 and nothing can be said: it is NaN.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import xarray as xr

from lkutils import metrics
from lkutils.axes import check_axes, orders, product
from lkutils.follow import interactions_in, one
from lkutils.metrics import TAU_PER_SAMPLE, TAU_RATIO
from lkutils.uncertainty import resampled_means, resampled_with_thresholds, with_interval

SIGNS = [1, -1]
NUMBERS = ["iou", "chance", "corrected"]  # of which means over samples are taken


def compare(
    a: xr.Dataset,
    b: xr.Dataset,
    *,
    layer: str | tuple[str, str] = "output",
    tau_ratio: float = TAU_RATIO,
    tau_per_sample: bool = TAU_PER_SAMPLE,
    signs: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    """Intersection over union of the salient interactions of two networks, by kind and order (Eq. 9, Fig. 4).

    Args:
        a, b: what `lkutils.interactions` returns, for the same samples and players.
        layer: of both, or of each.
        tau_ratio, tau_per_sample: which interactions are salient, as in `lkutils.metrics.salience_threshold`. A
            threshold of all samples is computed anew from the samples of each resample.
        signs: count only effects of the same sign as common.
        seed: of the resamples.

    Returns:
        ``iou``, ``chance`` and ``corrected`` (kind, order, bound), means over the samples in which they are defined
        with "low", "estimate" and "high" of a 95 % interval, NaN for fewer than ten such samples; ``n_defined``, the
        number of these samples, ``one_empty``, in how many of them one of the sets is empty, and ``both_empty``, the
        number of samples that are left out because both are (kind, order).

    Raises:
        TypeError, ValueError: no interactions; an unknown layer; other samples, in another order, or other players.

    Example:
        >>> axes = ("kind", "layer", "sample", "coalition")
        >>> game = xr.DataArray([[[[0.0, 3.0, 0.0, 2.0]]], [[[0.0, 0.0, 0.0, 1.0]]]], dims=axes)
        >>> a = xr.Dataset({"interactions": game.assign_coords(kind=["and", "or"], layer=["output"])})
        >>> b = a.assign(interactions=a["interactions"].where(a["interactions"] != 3.0, 0.0))
        >>> compare(a, b)["iou"].sel(bound="estimate").values  # AND of order 1 and 2, OR of order 1 and 2
        array([[ 0.,  1.],
               [nan,  1.]])
    """
    layers = (layer, layer) if isinstance(layer, str) else layer
    tables = interactions_in(a), interactions_in(b)
    check_same_game(a, b)
    first, second = (one(table, layer=name) for table, name in zip(tables, layers, strict=True))
    second = second.assign_coords(sample=first["sample"])
    n_players = a.get("n_players") if isinstance(a, xr.Dataset) else None

    def of_samples(tau_a: xr.DataArray, tau_b: xr.DataArray) -> xr.Dataset:
        sets = [signed_sets(part, metrics.salient(part, tau)) for part, tau in ((first, tau_a), (second, tau_b))]
        return overlap_of_sets(*(part if signs else unsigned(part) for part in sets), n_players)

    taus = [metrics.salience_threshold(part, tau_ratio, per_sample=True) for part in (first, second)]
    samples = of_samples(*taus) if tau_per_sample else of_samples(*(tau.max("sample") for tau in taus))
    if tau_per_sample:
        return mean_over_samples(samples, seed)
    return with_counts(resampled_with_thresholds(lambda *tau: of_samples(*tau)[NUMBERS], taus, seed=seed), samples)


def check_same_game(a: xr.Dataset, b: xr.Dataset) -> None:
    """Refuse two games, or their interactions, of other samples or other players.

    Example:
        >>> game = xr.Dataset({"values": (("layer", "sample", "coalition"), np.zeros((1, 3, 8)))})
        >>> check_same_game(game, game.isel(sample=[0, 1]))
        Traceback (most recent call last):
        ValueError: the two games have 3 and 2 samples: select those that both have, in the same order
    """
    sizes = [part.sizes["sample"] for part in (a, b)]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"the two games have {sizes[0]} and {sizes[1]} samples: select those that both have, in the same order"
        )
    if not np.array_equal(a["sample"], b["sample"]):
        raise ValueError("the two games have other samples, or in another order: select the same with .sel(sample=...)")
    n_players = [part.sizes["coalition"].bit_length() - 1 for part in (a, b)]
    if n_players[0] != n_players[1]:
        raise ValueError(f"the two games have {n_players[0]} and {n_players[1]} players: play both with the same")
    for name in ("n_players", "players", "player_name"):
        if name in a and name in b and not np.array_equal(a[name], b[name]):
            raise ValueError(f"the two games differ in {name}: coalition S means other input variables in each of them")


# ---- sets ------------------------------------------------------------------------------------------------------------


def signed_sets(interactions: xr.DataArray, members: xr.DataArray) -> xr.DataArray:
    """Sets of interactions, those of positive and those of negative effect apart.

    Args:
        interactions: (..., coalition).
        members: which of them are in the set, as of `lkutils.metrics.salient` or `strongest_of_order`.

    Returns:
        Membership (sign, ..., coalition), sign 1 or -1.

    Example:
        >>> game = xr.DataArray([0.0, 3.0, -1.0, 2.0], dims="coalition")
        >>> signed_sets(game, abs(game) > 1).astype(int).values
        array([[0, 1, 0, 1],
               [0, 0, 0, 0]])
    """
    sign = xr.DataArray(SIGNS, {"sign": SIGNS}, ("sign",))
    return (members & (np.sign(interactions) == sign)).transpose("sign", ...)


def unsigned(sets: xr.DataArray) -> xr.DataArray:
    """Sets in which signs are not told apart: all members count as positive.

    Example:
        >>> game = xr.DataArray([0.0, 3.0, -1.0, 2.0], dims="coalition")
        >>> unsigned(signed_sets(game, game != 0)).astype(int).values
        array([[0, 1, 1, 1],
               [0, 0, 0, 0]])
    """
    return (sets.any("sign") & (sets["sign"] == 1)).transpose("sign", ...)


def strongest_of_order(interactions: xr.DataArray, count: int) -> xr.DataArray:
    """The ``count`` strongest interactions of each kind and order, all there are where they are fewer, for equal sizes.

    Interactions without any effect are in no set. Of equally strong ones, those of the lower coalition are taken.

    Example:
        >>> strongest_of_order(xr.DataArray([9.0, 1.0, -3.0, 2.0], dims="coalition"), 1).values
        array([False, False,  True,  True])
    """
    check_axes(interactions, "coalition")
    if count < 1:
        raise ValueError(f"count={count}: a set holds one interaction or more")
    strength = abs(interactions).transpose(..., "coalition").fillna(0)
    of_order, chosen = orders(interactions).values, np.zeros(strength.shape, dtype=bool)
    for order in range(1, of_order.max() + 1):
        places = np.flatnonzero(of_order == order)
        first = np.argsort(-strength.values[..., places], axis=-1, kind="stable")[..., :count]
        np.put_along_axis(chosen, places[first], True, axis=-1)
    return strength.copy(data=chosen & (strength.values > 0))


# ---- IoU -------------------------------------------------------------------------------------------------------------


def overlap_of_sets(a: xr.DataArray, b: xr.DataArray, n_players: xr.DataArray | None = None) -> xr.Dataset:
    """How much two families of sets have in common, order by order (Eq. 9), in the samples that both have.

    Args:
        a, b: membership (sign, ..., coalition), of `signed_sets` or `unsigned`.
        n_players: of each sample, where they have different numbers.

    Returns:
        ``iou``, ``chance`` and ``corrected`` (..., order), NaN where both sets are empty; ``both_empty`` and
        ``one_empty``, whether they are.

    Example:
        >>> a, b = (xr.DataArray(part, dims="coalition") for part in ([0.0, 1.0, 2.0, 0.0], [0.0, 1.0, 0.0, 0.0]))
        >>> shared = overlap_of_sets(*(unsigned(signed_sets(part, part != 0)) for part in (a, b)))
        >>> shared["iou"].values, shared["chance"].values, shared["both_empty"].values
        (array([0.5, nan]), array([0.5, nan]), array([False,  True]))
    """
    members = metrics.members_of_orders(a)
    a, b = xr.align(a, b, join="inner")
    a, b = (part.drop_vars("order", errors="ignore").astype(float) for part in (a, b))
    sizes_a, sizes_b = (product(part, members, "coalition").round().astype(int) for part in (a, b))
    common = product((a * b).sum("sign"), members, "coalition")
    either = sizes_a.sum("sign") + sizes_b.sum("sign") - common
    players = int(members["order"].max()) if n_players is None else n_players
    n_sets = xr.apply_ufunc(np.vectorize(math.comb), players, members["order"])
    chance = chance_iou(sizes_a, sizes_b, n_sets)
    iou = common / either.where(either > 0)
    corrected = (iou - chance) / (1 - chance).where(chance < 1 - 1e-12)
    empty_a, empty_b = (sizes.sum("sign") == 0 for sizes in (sizes_a, sizes_b))
    return xr.Dataset(
        {
            "iou": iou,
            "chance": chance,
            "corrected": corrected,
            "both_empty": empty_a & empty_b,
            "one_empty": empty_a ^ empty_b,
        }
    )


def mean_over_samples(samples: xr.Dataset, seed: int = 0) -> xr.Dataset:
    """Means over samples with their intervals, and how many samples are behind them.

    Args:
        samples: `overlap_of_sets` (..., sample, order).
        seed: of the resamples.

    Returns:
        As `compare`.

    Example:
        >>> a, b = (xr.DataArray([part] * 4, dims=("sample", "coalition")) for part in ([0, 1, 1, 0], [0, 1, 0, 0]))
        >>> mean = mean_over_samples(overlap_of_sets(*(unsigned(signed_sets(part, part != 0)) for part in (a, b))))
        >>> mean["iou"].sel(bound="estimate").values, mean["both_empty"].values
        (array([0.5, nan]), array([0, 4]))
    """
    return with_counts(resampled_means(samples[NUMBERS], seed=seed), samples)


def with_counts(means: xr.Dataset, samples: xr.Dataset) -> xr.Dataset:
    """Intervals of means, beside the counts of samples that have an IoU, one empty set, or none to compare."""
    counts = {"n_defined": samples["iou"].notnull(), **samples[["one_empty", "both_empty"]]}
    return means.map(with_interval).assign({name: which.sum("sample") for name, which in counts.items()})


def chance_iou(sizes_a: xr.DataArray, sizes_b: xr.DataArray, n_sets: xr.DataArray) -> xr.DataArray:
    """IoU that two random sets of these sizes have on average, exactly; NaN for two empty ones.

    Either set is drawn without replacement from the ``n_sets`` coalitions of the order, each member with a sign.

    Args:
        sizes_a, sizes_b: members of either sign (sign, ...).
        n_sets: how many coalitions there are to draw from.

    Example:
        >>> one, two = (xr.DataArray([size, 0], {"sign": SIGNS}, ("sign",)) for size in (1, 2))
        >>> chance_iou(one, two, xr.DataArray(4)).round(6).item()  # half the draws share one of two
        0.25
    """
    numbers = [sizes.sel(sign=sign, drop=True) for sizes in (sizes_a, sizes_b) for sign in SIGNS]
    return xr.apply_ufunc(np.vectorize(expected_iou, otypes=[float]), n_sets, *numbers)


@cache
def expected_iou(n_sets: int, plus_a: int, minus_a: int, plus_b: int, minus_b: int) -> float:
    """Mean IoU of two random signed sets.

    A sum over i members of plus b in plus a, j of plus b in minus a, and k of minus b in what is left of minus a, each
    hypergeometric; i + k are common.

    Example:
        >>> round(expected_iou(4, 1, 0, 1, 0), 6)  # a quarter of the draws are equal
        0.25
    """
    n_a, n_b = plus_a + minus_a, plus_b + minus_b
    if not n_a + n_b:
        return math.nan
    i = np.arange(min(plus_a, plus_b) + 1)[:, None, None]
    j = np.arange(min(minus_a, plus_b) + 1)[:, None]
    k = np.arange(min(minus_a, minus_b) + 1)
    chance_ij = _log_ways(plus_a, i) + _log_ways(minus_a, j) + _log_ways(n_sets - n_a, plus_b - i - j)
    left = minus_a - j
    chance_k = _log_ways(left, k) + _log_ways(n_sets - plus_b - left, minus_b - k)
    all_ways = _log_ways(n_sets, np.array(plus_b)) + _log_ways(n_sets - plus_b, np.array(minus_b))
    chance = np.exp(chance_ij + chance_k - all_ways)
    return float((chance * (i + k) / (n_a + n_b - i - k)).sum())


def _log_ways(n: int | np.ndarray, k: np.ndarray) -> np.ndarray:
    """Logarithm of the binomial coefficient, -inf where there is no way to choose k of n."""
    possible = (k >= 0) & (k <= n) & (np.asarray(n) >= 0)
    n, k = np.where(possible, n, 0), np.where(possible, k, 0)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n.max() + 1)))))
    return np.where(possible, log_factorial[n] - log_factorial[k] - log_factorial[n - k], -np.inf)


def against_mirrored_order(numbers: xr.DataArray) -> xr.DataArray:
    """Order m minus order n - m, for m < n/2: of both there are equally many coalitions (Sec. 3.3).

    Args:
        numbers: (..., order), such as the IoU.

    Example:
        >>> against_mirrored_order(xr.DataArray([4.0, 2.0, 1.0, 0.5], {"order": [1, 2, 3, 4]}, ("order",))).values
        array([3.])
    """
    n_players = numbers.sizes["order"]
    low = numbers.sel(order=numbers["order"] < n_players / 2)
    return low - numbers.sel(order=n_players - low["order"]).assign_coords(order=low["order"])
