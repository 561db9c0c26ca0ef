"""What interactions say about a network: sparsity, matching, and how layers keep, forget and gain them (Sec. 3.2).

Interactions are a labelled array with the axes ``kind`` ("and", "or"), ``layer``, ``sample`` and ``coalition``, in
log-odds; so are the values v(x_T), without ``kind``. Axes not named by a function are batch. The empty coalition is no
interaction (its entry is the constant v(empty)), so nothing here counts it. The last layer, L, is the network's output.

The metrics of Eq. 6-8 take the salient interactions alone, normalised, all others set to zero:

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

from lkutils.mobius import coalition_sizes, values_from_interactions

TAU_RATIO = 0.05  # App. M.4 and footnote 7
TAU_RULES = {"largest of all samples (App. M.4)": False, "largest of each sample (footnote 7)": True}  # per_sample


# ---- salience --------------------------------------------------------------------------------------------------------


def salience_threshold(interactions: xr.DataArray, ratio: float = TAU_RATIO, per_sample: bool = False) -> xr.DataArray:
    """Tau = ratio * max |I(S|x)|, the strength above which an interaction is salient, for every layer.

    The maximum runs over both kinds, all coalitions and all samples x (App. M.4), or over those of one sample only
    (footnote 7). The paper gives both rules; with ``per_sample`` every sample has at least one salient interaction.

    Returns:
        tau in log-odds, with the axes ``layer``, or ``layer, sample``.

    Example:
        >>> salience_threshold(interactions).dims
        ('layer',)
    """
    over = ["kind", "coalition"] if per_sample else ["kind", "sample", "coalition"]
    return ratio * abs(nonempty(interactions)).max(over)


def salient(interactions: xr.DataArray, tau: xr.DataArray) -> xr.DataArray:
    """Omega, the salient interactions: |I(S|x)| > tau, S not empty (Sec. 3.2.2).

    Example:
        >>> salient(interactions, salience_threshold(interactions)).sum(["kind", "coalition"]).dims
        ('layer', 'sample')
    """
    return (abs(interactions) > tau) & (interactions.coalition > 0)


def count_salient(
    interactions: Mapping[str, xr.DataArray], ratio: float = TAU_RATIO
) -> dict[str, dict[str, xr.DataArray]]:
    """Number of salient interactions (..., sample) of every game, by both of the paper's definitions of tau.

    Args:
        interactions: of every game, in log-odds (kind, ..., sample, coalition).
        ratio: of `salience_threshold`.
    """
    return {
        rule: {
            name: salient(found, salience_threshold(found, ratio, per_sample)).sum(["kind", "coalition"])
            for name, found in interactions.items()
        }
        for rule, per_sample in TAU_RULES.items()
    }


def nonempty(interactions: xr.DataArray) -> xr.DataArray:
    """The interactions without the entry of the empty coalition."""
    return interactions.isel(coalition=slice(1, None))


def sorted_strength(interactions: xr.DataArray) -> xr.DataArray:
    """|I(S|x)| of all AND and OR interactions of each sample, in descending order along the axis ``rank`` from 1.

    Example:
        >>> sorted_strength(interactions).sizes["rank"]  # n = 10: twice 2^10 - 1
        2046
    """
    strength = abs(nonempty(interactions)).stack(rank=["kind", "coalition"]).reset_index("rank", drop=True)
    strength = strength.transpose(..., "rank")
    ranked = strength.copy(data=-np.sort(-strength.values, axis=-1))
    return ranked.assign_coords(rank=np.arange(1, strength.sizes["rank"] + 1))


# ---- matching (Theorem 3.3, Lemma 3.4) -------------------------------------------------------------------------------


def matched_values(interactions: xr.DataArray) -> xr.DataArray:
    """v(x_T) rebuilt from interactions: Eq. 3 from all of them, Eq. 4 where the others have been set to zero."""
    and_, or_ = (interactions.sel(kind=kind, drop=True) for kind in ("and", "or"))
    rebuilt = values_from_interactions(torch.from_numpy(and_.values), torch.from_numpy(or_.values))
    return and_.copy(data=rebuilt.numpy())


def keep_strongest(interactions: xr.DataArray, count: int) -> xr.DataArray:
    """The ``count`` strongest interactions of each sample (and the constant); zero elsewhere.

    Example:
        >>> (keep_strongest(interactions, 20) != 0).isel(coalition=slice(1, None)).sum(["kind", "coalition"]).max().item()
        20
    """
    weakest_kept = sorted_strength(interactions).sel(rank=count, drop=True)
    return interactions.where((abs(interactions) >= weakest_kept) | (interactions.coalition == 0), 0.0)


def matching_error(values: xr.DataArray, interactions: xr.DataArray) -> xr.DataArray:
    """How far the interactions are from matching all 2^n outputs of a sample.

    Root mean square over T of v(x_T) - matched v(x_T), in units of E_x |v(x_N) - v(x_empty)| (footnote 8).

    Returns:
        The error, without unit, with the axes ``layer, sample``.
    """
    squared = (values - matched_values(interactions)) ** 2
    return np.sqrt(squared.mean("coalition")) / output_range(values)


def output_range(values: xr.DataArray) -> xr.DataArray:
    """E_x |v(x_N) - v(x_empty)|, the scale of a layer's outputs in log-odds (footnote 8)."""
    return abs(values.isel(coalition=-1, drop=True) - values.isel(coalition=0, drop=True)).mean("sample")


# ---- tracking through layers (Eq. 6-8) -------------------------------------------------------------------------------


def normalised(interactions: xr.DataArray) -> xr.DataArray:
    """Interactions of each layer divided by E_x |v(x_N) - v(x_empty)|, footnote 8; without unit.

    The difference is the sum of all interactions (Eq. 3): v is the output without its noise delta, as in Eq. 5. A layer
    that has no interaction at all stays zero.

    Example:
        >>> abs(nonempty(normalised(interactions)).sum(["kind", "coalition"])).mean("sample").values  # every layer
        array([1., 1., 1.])
    """
    change = abs(nonempty(interactions).sum(["kind", "coalition"])).mean("sample")
    return interactions / change.where(change > 0, 1.0)


def salient_part(interactions: xr.DataArray, ratio: float = TAU_RATIO, per_sample: bool = True) -> xr.DataArray:
    """The salient interactions, normalised, and zero in place of all others: what Eq. 6-8 are about.

    Args:
        interactions: in log-odds.
        ratio, per_sample: of `salience_threshold`. Sec. 3.2.2 has one tau for each layer and sample (footnote 7).

    Example:
        >>> salient_part(interactions).dims
        ('kind', 'layer', 'sample', 'coalition')
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
    n_players = part.sizes["coalition"].bit_length() - 1
    sizes, orders = coalition_sizes(n_players).numpy(), np.arange(1, n_players + 1)
    of_order = (sizes[:, None] == orders).astype(float)
    return xr.dot(abs(part), xr.DataArray(of_order, {"order": orders}, ("coalition", "order")), dim="coalition")


def overlap(part: xr.DataArray) -> xr.DataArray:
    """Strength that each layer shares with the last one, by order, Eq. 7."""
    return strength(shared(part, last_layer(part)))


def forget(part: xr.DataArray) -> xr.DataArray:
    """Strength of each layer that the last one has no longer, by order, Eq. 7; all^(l) = overlap + forget, Eq. 8."""
    return strength(part - shared(part, last_layer(part)))


def new(part: xr.DataArray) -> xr.DataArray:
    """Strength of the last layer that each layer has not yet, by order, Eq. 7; all^(L) = overlap + new, Eq. 8."""
    return strength(shared(part, last_layer(part)) - last_layer(part))


def last_layer(part: xr.DataArray) -> xr.DataArray:
    """The interactions of layer L."""
    return part.isel(layer=-1, drop=True)


def track(part: xr.DataArray) -> xr.Dataset:
    """``overlap``, ``forget`` and ``new`` of every layer, by order: the parts that a bar of Fig. 3(a) is made of.

    Example:
        >>> track(part).sizes
        Frozen({'kind': 2, 'layer': 7, 'sample': 100, 'order': 10})
    """
    return xr.Dataset({"overlap": overlap(part), "forget": forget(part), "new": new(part)})


def completeness(tracked: xr.Dataset) -> xr.DataArray:
    """Share of the last layer's strength that a layer has already: overlap^(l) / all^(L), in [0, 1] (Sec. 3.2.2).

    Args:
        tracked: what `track` returns, as a mean over samples or for each of them.
    """
    return tracked.overlap / all_of_last_layer(tracked)


def redundancy(tracked: xr.Dataset) -> xr.DataArray:
    """Strength to be forgotten, over the last layer's strength: forget^(l) / all^(L), at least 0 (Sec. 3.2.2).

    Args:
        tracked: what `track` returns, as a mean over samples or for each of them.
    """
    return tracked.forget / all_of_last_layer(tracked)


def all_of_last_layer(tracked: xr.Dataset) -> xr.DataArray:
    """all^(L) = overlap^(l) + new^(l) (Eq. 8), NaN where it is 0."""
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
        >>> similarity(part.sel(layer="linear6"), part.sel(layer="output")).dims
        ('sample',)
    """
    first, second = nonempty(first), nonempty(second)
    axes = ["kind", "coalition"]
    both, distance = (abs(first) + abs(second)).sum(axes), abs(first - second).sum(axes)
    return (both - distance) / (both + distance).where(both > 0)


def layer_similarity(part: xr.DataArray) -> xr.DataArray:
    """`similarity` of every pair of layers, all distances at once.

    Returns:
        The similarity with the axes ``layer, other_layer, sample``.
    """
    by_sample = nonempty(part).transpose("sample", "layer", "kind", "coalition")
    rows = torch.from_numpy(by_sample.values).flatten(2)
    distance = torch.cdist(rows, rows, p=1)
    strengths = rows.abs().sum(-1)
    both = strengths[:, :, None] + strengths[:, None, :]
    pairs = ((both - distance) / (both + distance)).permute(1, 2, 0)
    return xr.DataArray(pairs.numpy(), {"layer": part.layer, "other_layer": part.layer.values, "sample": part.sample})
