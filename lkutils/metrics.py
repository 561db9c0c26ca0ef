"""What interactions say about a network: sparsity, matching, and how layers keep, forget and gain them (Sec. 3.2).

Interactions are a labelled array with the axes ``kind`` ("and", "or"), ``layer``, ``sample`` and ``coalition``, in any
order and in log-odds; so are the values v(x_T), without ``kind``. Axes not named by a function are batch. The empty
coalition is no interaction (its entry is the constant v(empty)), so nothing here counts it. The last layer, L, is the
network's output. Samples with fewer players than others have NaN beyond their own 2^n coalitions.

The metrics of Eq. 6-8 take the salient part of interactions: the salient ones, normalised, all others set to zero.

    >>> interactions = xr.DataArray(np.arange(24.0).reshape(2, 3, 1, 4), dims=("kind", "layer", "sample", "coalition"))
    >>> part = salient_part(interactions)
    >>> completeness(track(part).mean("sample")).dims
    ('kind', 'layer', 'order')

Where the paper leaves a choice, this is ours:

* An interaction that is salient in one of two layers only: nothing of it is shared. Eq. 7 taken to the letter subtracts
  the small value that it has in the other layer, which the overlap does not count; Eq. 8 then misses that value.
* The second line of Eq. 8 is read as all^(L) = overlap^(l) + new^(l): overlap^(L) would be all of layer L by itself.
* Completeness and redundancy are computed from means over samples, so that they are ratios of the bars of Fig. 3(a).
  The mean of ratios would leave out every sample whose last layer has no salient interaction of that order.
* A ratio with nothing below the line (no salient interaction of that order in any sample) is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import xarray as xr

from lkutils.axes import check_axes, check_finite, orders, product
from lkutils.mobius import values_from_interactions

LEAST_SHARE = (
    0.01  # of the output's strength; ratios to the strength of an order below it are ratios to next to nothing
)
TAU_RATIO = 0.05  # App. M.4 and footnote 7
TAU_PER_SAMPLE = True  # Sec. 3.2.2 has one tau for each layer and sample (footnote 7)
TAU_RULES = {"largest of all samples (App. M.4)": False, "largest of each sample (footnote 7)": True}  # per_sample


# ---- salience --------------------------------------------------------------------------------------------------------


def salience_threshold(
    interactions: xr.DataArray, ratio: float = TAU_RATIO, per_sample: bool = TAU_PER_SAMPLE
) -> xr.DataArray:
    """Tau = ratio * max |I(S|x)|, the strength above which an interaction is salient, for every layer.

    The maximum runs over both kinds, all coalitions and all samples x (App. M.4), or over those of one sample only
    (footnote 7). The paper gives both rules; with ``per_sample`` every sample has at least one salient interaction.

    Args:
        interactions: in log-odds (kind, layer, sample, coalition).
        ratio: tau over the strongest interaction.
        per_sample: the maximum of each sample.

    Returns:
        tau in log-odds, with the axes ``layer``, or ``layer, sample``.

    Raises:
        ValueError: an axis is missing, a number is not finite, or the ratio is not in [0, 1].

    Example:
        >>> game = xr.DataArray([[[7.0, 1.0, 8.0, 4.0]], [[0.0, 0.0, 0.0, -2.0]]], dims=("kind", "sample", "coalition"))
        >>> salience_threshold(game, per_sample=True).values
        array([0.4])
    """
    check_axes(interactions, "kind", "sample", "coalition")
    check_finite(interactions)
    if not 0 <= ratio <= 1:
        raise ValueError(f"tau is a share of the strongest interaction, from 0 to 1, such as {TAU_RATIO}; not {ratio}")
    over = ["kind", "coalition"] if per_sample else ["kind", "sample", "coalition"]
    return ratio * abs(nonempty(interactions)).max(over)


def salient(interactions: xr.DataArray, tau: xr.DataArray) -> xr.DataArray:
    """Omega, the salient interactions: |I(S|x)| > tau, S not empty (Sec. 3.2.2).

    Example:
        >>> salient(xr.DataArray([7.0, 1.0, 8.0, -4.0], dims="coalition"), xr.DataArray(2.0)).values
        array([False, False,  True,  True])
    """
    check_axes(interactions, "coalition")
    check_finite(interactions)
    return (abs(interactions) > tau) & (interactions["coalition"] > 0)


def count_salient(
    interactions: Mapping[str, xr.DataArray], ratio: float = TAU_RATIO
) -> dict[str, dict[str, xr.DataArray]]:
    """Number of salient interactions (..., sample) of every game, by both of the paper's definitions of tau.

    Args:
        interactions: of every game, in log-odds (kind, ..., sample, coalition).
        ratio: of `salience_threshold`.

    Example:
        >>> game = xr.DataArray(np.ones((2, 3, 4)), dims=("kind", "sample", "coalition"))
        >>> [counts["MLP-7"].values.tolist() for counts in count_salient({"MLP-7": game}).values()]
        [[6, 6, 6], [6, 6, 6]]
    """
    return {
        rule: {
            name: salient(found, salience_threshold(found, ratio, per_sample)).sum(["kind", "coalition"])
            for name, found in interactions.items()
        }
        for rule, per_sample in TAU_RULES.items()
    }


def nonempty(interactions: xr.DataArray) -> xr.DataArray:
    """The interactions without the entry of the empty coalition.

    Example:
        >>> nonempty(xr.DataArray([9.0, 1.0, 2.0, 3.0], dims="coalition")).values
        array([1., 2., 3.])
    """
    return interactions.isel(coalition=slice(1, None))


def sorted_strength(interactions: xr.DataArray) -> xr.DataArray:
    """|I(S|x)| of all AND and OR interactions of each sample, in descending order along the axis ``rank`` from 1.

    Example:
        >>> sorted_strength(xr.DataArray([[9.0, 1.0], [0.0, -2.0]], dims=("kind", "coalition"))).values
        array([2., 1.])
    """
    check_axes(interactions, "kind", "coalition")
    check_finite(interactions)
    strength = abs(nonempty(interactions)).stack(rank=["kind", "coalition"]).reset_index("rank", drop=True)
    strength = strength.transpose(..., "rank")
    ranked = strength.copy(data=-np.sort(-strength.values, axis=-1))
    return ranked.assign_coords(rank=np.arange(1, strength.sizes["rank"] + 1))


# ---- matching (Theorem 3.3, Lemma 3.4) -------------------------------------------------------------------------------


def matched_values(interactions: xr.DataArray) -> xr.DataArray:
    """v(x_T) rebuilt from interactions: Eq. 3 from all of them, Eq. 4 where the others have been set to zero.

    Example:
        >>> game = xr.DataArray([[1.0, 5.0], [0.0, 0.0]], {"kind": ["and", "or"]}, ("kind", "coalition"))
        >>> matched_values(game).values
        array([1., 6.])
    """
    check_axes(interactions, "kind", "coalition")
    check_finite(interactions)
    of_kind = interactions.transpose("kind", ..., "coalition").sel(kind=["and", "or"])
    rebuilt = values_from_interactions(*of_kind.fillna(0).values)
    matched = of_kind.isel(kind=0, drop=True).copy(data=rebuilt.numpy())
    return matched.where(of_kind.isel(kind=0, drop=True).notnull())


def keep_strongest(interactions: xr.DataArray, count: int) -> xr.DataArray:
    """The ``count`` strongest interactions of each sample (and the constant); zero elsewhere.

    Example:
        >>> keep_strongest(xr.DataArray([[9.0, 1.0, -3.0, 2.0]], dims=("kind", "coalition")), 2).values
        array([[ 9.,  0., -3.,  2.]])
    """
    weakest = sorted_strength(interactions).sel(rank=count, drop=True)
    return interactions.where((abs(interactions) >= weakest) | (interactions["coalition"] == 0), 0.0)


def matching_error(values: xr.DataArray, interactions: xr.DataArray) -> xr.DataArray:
    """How far the interactions are from matching all 2^n outputs of a sample.

    Root mean square over T of v(x_T) - matched v(x_T), in units of E_x |v(x_N) - v(x_empty)| (footnote 8).

    Returns:
        The error, without unit, with the axes ``layer, sample``.

    Example:
        >>> game = xr.DataArray([[[1.0, 5.0]], [[0.0, 0.0]]], {"kind": ["and", "or"]}, ("kind", "sample", "coalition"))
        >>> matching_error(matched_values(game), 0.0 * game).round(2).values  # sqrt((1 + 36) / 2) / 5
        array([0.86])
    """
    squared = (values - matched_values(interactions)) ** 2
    return np.sqrt(squared.mean("coalition")) / output_range(values)


def output_range(values: xr.DataArray) -> xr.DataArray:
    """E_x |v(x_N) - v(x_empty)|, the scale of a layer's outputs in log-odds (footnote 8).

    Example:
        >>> values = [[1.0, 2.0, 3.0, 5.0], [1.0, -1.0, np.nan, np.nan]]  # the second sample has one player
        >>> output_range(xr.DataArray(values, dims=("sample", "coalition"))).item()
        3.0
    """
    check_axes(values, "sample", "coalition")
    check_finite(values)
    everyone = values.notnull().sum("coalition") - 1  # N is the last coalition that a sample has
    table = values.drop_vars("coalition", errors="ignore")
    return abs(table.isel(coalition=everyone) - table.isel(coalition=0)).mean("sample")


# ---- tracking through layers (Eq. 6-8) -------------------------------------------------------------------------------


def normalised(interactions: xr.DataArray) -> xr.DataArray:
    """Interactions of each layer divided by E_x |v(x_N) - v(x_empty)|, footnote 8; without unit.

    The difference is the sum of all interactions (Eq. 3): v is the output without its noise delta, as in Eq. 5. A layer
    that has no interaction at all stays zero.

    Example:
        >>> game = xr.DataArray([[[7.0, 3.0, 2.0, -1.0]], [[0.0, 0.0, 0.0, 4.0]]], dims=("kind", "sample", "coalition"))
        >>> abs(nonempty(normalised(game)).sum(["kind", "coalition"])).mean("sample").item()
        1.0
    """
    check_axes(interactions, "kind", "sample", "coalition")
    check_finite(interactions)
    change = abs(nonempty(interactions).sum(["kind", "coalition"])).mean("sample")
    return interactions / change.where(change > 0, 1.0)


def salient_part(
    interactions: xr.DataArray, ratio: float = TAU_RATIO, per_sample: bool = TAU_PER_SAMPLE
) -> xr.DataArray:
    """The salient interactions, normalised, and zero in place of all others: what Eq. 6-8 are about.

    Args:
        interactions: in log-odds (kind, layer, sample, coalition).
        ratio, per_sample: of `salience_threshold`.

    Raises:
        ValueError: an axis is missing, or a number is not finite.

    Example:
        >>> game = xr.DataArray([[[7.0, 3.0, 0.1, -1.0]], [[0.0, 0.0, 0.0, 2.9]]], dims=("kind", "sample", "coalition"))
        >>> salient_part(game).round(2).values.tolist()
        [[[0.0, 0.6, 0.0, -0.2]], [[0.0, 0.0, 0.0, 0.58]]]
    """
    return normalised(interactions).where(salient(interactions, salience_threshold(interactions, ratio, per_sample)), 0)


def shared(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """What two layers have in common of each interaction, Eq. 7: 0 for opposite effects, else the weaker of the two.

    Example:
        >>> shared(xr.DataArray([3.0, 3.0, -1.0]), xr.DataArray([2.0, -2.0, -4.0])).values
        array([ 2.,  0., -1.])
    """
    positive = np.minimum(first.clip(min=0), second.clip(min=0))
    return positive + np.maximum(first.clip(max=0), second.clip(max=0))


def strength(part: xr.DataArray) -> xr.DataArray:
    """Overall strength by order, ``all`` of Eq. 6: the sum of |I(S)| over all salient S with |S| = m.

    Returns:
        The strength with the axis ``order``, 1 to n, in place of ``coalition``.

    Example:
        >>> strength(xr.DataArray([9.0, 2.0, -1.0, 0.5], dims="coalition")).values
        array([3. , 0.5])
    """
    return product(abs(part.drop_vars("order", errors="ignore")), members_of_orders(part), "coalition")


def members_of_orders(array: xr.DataArray) -> xr.DataArray:
    """1 where a coalition has an order, else 0 (coalition, order), for the orders 1 to n.

    Example:
        >>> members_of_orders(xr.DataArray(np.zeros(4), dims="coalition")).values.T
        array([[0., 1., 1., 0.],
               [0., 0., 0., 1.]])
    """
    check_axes(array, "coalition")
    of_coalition = orders(array)
    numbers = np.arange(1, int(of_coalition.max()) + 1)
    return (of_coalition == xr.DataArray(numbers, {"order": numbers}, ("order",))).astype(float)


def overlap(part: xr.DataArray) -> xr.DataArray:
    """Strength that each layer shares with the last one, by order, Eq. 7.

    Example:
        >>> overlap(xr.DataArray([[0.0, 3.0], [0.0, 2.0]], dims=("layer", "coalition"))).values
        array([[2.],
               [2.]])
    """
    return strength(shared(part, last_layer(part)))


def forget(part: xr.DataArray) -> xr.DataArray:
    """Strength of each layer that the last one has no longer, by order, Eq. 7; all^(l) = overlap + forget, Eq. 8.

    Example:
        >>> forget(xr.DataArray([[0.0, 3.0], [0.0, 2.0]], dims=("layer", "coalition"))).values
        array([[1.],
               [0.]])
    """
    return strength(part - shared(part, last_layer(part)))


def new(part: xr.DataArray) -> xr.DataArray:
    """Strength of the last layer that each layer has not yet, by order, Eq. 7; all^(L) = overlap + new, Eq. 8.

    Example:
        >>> new(xr.DataArray([[0.0, 1.0], [0.0, 2.0]], dims=("layer", "coalition"))).values
        array([[1.],
               [0.]])
    """
    return strength(shared(part, last_layer(part)) - last_layer(part))


def last_layer(part: xr.DataArray) -> xr.DataArray:
    """The interactions of layer L.

    Example:
        >>> last_layer(xr.DataArray([[0.0, 1.0], [0.0, 2.0]], dims=("layer", "coalition"))).values
        array([0., 2.])
    """
    check_axes(part, "layer")
    return part.isel(layer=-1, drop=True)


def track(part: xr.DataArray) -> xr.Dataset:
    """``overlap``, ``forget`` and ``new`` of every layer, by order: the parts that a bar of Fig. 3(a) is made of.

    Example:
        >>> parts = track(xr.DataArray([[0.0, 3.0], [0.0, 2.0]], dims=("layer", "coalition")))
        >>> {name: of_layers.values.flatten().tolist() for name, of_layers in parts.items()}
        {'overlap': [2.0, 2.0], 'forget': [1.0, 0.0], 'new': [0.0, 0.0]}
    """
    return xr.Dataset({"overlap": overlap(part), "forget": forget(part), "new": new(part)})


def completeness(tracked: xr.Dataset) -> xr.DataArray:
    """Share of the last layer's strength that a layer has already: overlap^(l) / all^(L), in [0, 1] (Sec. 3.2.2).

    Args:
        tracked: what `track` returns, as a mean over samples or for each of them.

    Example:
        >>> completeness(track(xr.DataArray([[0.0, 1.0], [0.0, 4.0]], dims=("layer", "coalition")))).values.flatten()
        array([0.25, 1.  ])
    """
    return tracked.overlap / all_of_last_layer(tracked)


def redundancy(tracked: xr.Dataset) -> xr.DataArray:
    """Strength to be forgotten, over the last layer's strength: forget^(l) / all^(L), at least 0 (Sec. 3.2.2).

    Args:
        tracked: what `track` returns, as a mean over samples or for each of them.

    Example:
        >>> redundancy(track(xr.DataArray([[0.0, 3.0], [0.0, 2.0]], dims=("layer", "coalition")))).values.flatten()
        array([0.5, 0. ])
    """
    return tracked.forget / all_of_last_layer(tracked)


def forgotten_share(tracked: xr.Dataset) -> xr.DataArray:
    """Strength to be forgotten, over the layer's own strength: forget^(l) / all^(l), in [0, 1], NaN where that is 0.

    It says what `redundancy` does not: how much of what a layer has is redundant, however strong the output is.

    Args:
        tracked: what `track` returns, as a mean over samples or for each of them.

    Example:
        >>> forgotten_share(track(xr.DataArray([[0.0, 4.0], [0.0, 1.0]], dims=("layer", "coalition")))).values.flatten()
        array([0.75, 0.  ])
    """
    own = tracked.overlap + tracked.forget
    return tracked.forget / own.where(own > 0)


def all_of_last_layer(tracked: xr.Dataset) -> xr.DataArray:
    """all^(L) = overlap^(l) + new^(l) (Eq. 8), NaN where it is 0.

    Example:
        >>> all_of_last_layer(track(xr.DataArray([[0.0, 2.0]], dims=("layer", "coalition")))).values
        array([[2.]])
    """
    total = tracked.overlap + tracked.new
    return total.where(total > 0)


def similarity(first: xr.DataArray, second: xr.DataArray) -> xr.DataArray:
    """Share of strength that two layers have in common, both kinds and all orders together, in [0, 1].

    The sum of |shared| over what either of them has: a Jaccard index that weighs each interaction by its strength and
    counts opposite effects as different. Because |x| + |y| - |x - y| is twice the |shared| of x and y, it is
    (A + B - D) / (A + B + D) with the two overall strengths A and B and the distance D = sum of |I^(a)(S) - I^(b)(S)|.
    Given 1 for each salient interaction in place of its strength (``salient(...) * 1.0``) it is the plain Jaccard index
    of the two sets of salient interactions. Two layers without any interaction give NaN.

    Args:
        first, second: the salient interactions of one layer each (kind, coalition), and any further axes.

    Example:
        >>> layers = xr.DataArray([[[0.0, 3.0, 0.0, 1.0], [0.0, 1.0, 2.0, 1.0]]], dims=("kind", "layer", "coalition"))
        >>> similarity(layers.isel(layer=0), layers.isel(layer=1)).round(3).item()  # 1 + 0 + 1 of 3 + 2 + 1
        0.333
    """
    for layer in (first, second):
        check_axes(layer, "kind", "coalition")
        check_finite(layer)
    first, second = nonempty(first), nonempty(second)
    axes = ["kind", "coalition"]
    both, distance = (abs(first) + abs(second)).sum(axes), abs(first - second).sum(axes)
    return (both - distance) / (both + distance).where(both > 0)


def layer_similarity(part: xr.DataArray) -> xr.DataArray:
    """`similarity` of every pair of layers, all distances at once.

    Returns:
        The similarity with the axes ``layer, other_layer, sample``.

    Example:
        >>> part = xr.DataArray([[[[0.0, 3.0]], [[0.0, 1.0]]]], dims=("kind", "layer", "sample", "coalition"))
        >>> layer_similarity(part).isel(sample=0).round(3).values
        array([[1.   , 0.333],
               [0.333, 1.   ]])
    """
    check_axes(part, "kind", "layer", "sample", "coalition")
    by_sample = nonempty(part).transpose("sample", "layer", "kind", "coalition")
    rows = torch.from_numpy(by_sample.values).flatten(2)
    distance = torch.cdist(rows, rows, p=1)
    strengths = rows.abs().sum(-1)
    both = strengths[:, :, None] + strengths[:, None, :]
    pairs = ((both - distance) / (both + distance)).permute(1, 2, 0)
    return xr.DataArray(pairs.numpy(), {"layer": part.layer, "other_layer": part.layer.values, "sample": part.sample})
